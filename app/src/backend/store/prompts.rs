//! Saved prompts. What a prompt must be like is [`PromptForm`](crate::wire::prompt::PromptForm)'s.

use super::{
    Store, StoreError,
    db::{execute, read},
    parse_id,
    text::{clean, to_json},
};
use crate::wire::{id::PromptId, id::UserId, limits::PROMPTS_MAX, prompt::Prompt};

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    title: String,
    description: String,
    body: String,
    arguments: String,
}

impl Row {
    fn read(self) -> Result<Prompt, StoreError> {
        let corrupt = |_| StoreError::Corrupt { table: "prompts", id: self.id.clone() };
        Ok(Prompt {
            id: parse_id("prompts", &self.id)?,
            arguments: serde_json::from_str(&self.arguments).map_err(corrupt)?,
            name: self.name,
            title: self.title,
            description: self.description,
            body: self.body,
        })
    }
}

/// A rule of the table, where the database names it.
fn named(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(inner) if inner.is_unique_violation() => StoreError::Conflict("prompt_name"),
        _ => error.into(),
    }
}

impl Store {
    /// One's prompts by name, after the one called `after`.
    pub async fn prompts(&self, by: UserId, after: Option<&str>, limit: u32) -> Result<Vec<Prompt>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            Row,
            "SELECT id, name, title, description, body, arguments FROM prompts
             WHERE user_id = $1 AND name > $2 ORDER BY name LIMIT $3",
            by.to_string(),
            clean(after.unwrap_or_default()),
            i64::from(limit),
        )?;
        rows.into_iter().map(Row::read).collect()
    }

    /// One's prompt of that name.
    pub async fn prompt(&self, by: UserId, name: &str) -> Result<Prompt, StoreError> {
        let sql = "SELECT id, name, title, description, body, arguments FROM prompts WHERE user_id = $1 AND name = $2";
        let row = read!(self, fetch_optional, Row, sql, by.to_string(), clean(name))?;
        row.ok_or(StoreError::NotFound)?.read()
    }

    /// Keeps a new prompt under an id of ours.
    ///
    /// # Errors
    /// `Conflict("prompt_name")` if one has one of that name, `Conflict("prompts_max")` beyond [`PROMPTS_MAX`].
    pub async fn create_prompt(&self, by: UserId, new: &Prompt) -> Result<PromptId, StoreError> {
        let id: PromptId = self.inner.clock.id();
        let mut tx = self.begin().await?;
        let made = execute!(
            &mut tx,
            "INSERT INTO prompts (id, user_id, name, title, description, body, arguments, created_at, updated_at)
             SELECT $1, u.id, $3, $4, $5, $6, $7, $8, $8 FROM users u
             WHERE u.id = $2 AND (SELECT COUNT(*) FROM prompts p WHERE p.user_id = u.id) < $9",
            id.to_string(),
            by.to_string(),
            clean(&new.name),
            clean(&new.title),
            clean(&new.description),
            clean(&new.body),
            clean(&to_json(&new.arguments)?),
            self.inner.clock.now().0,
            i64::from(PROMPTS_MAX),
        );
        if made.map_err(named)? == 0 {
            return Err(StoreError::Conflict("prompts_max"));
        }
        self.commit(tx).await?;
        Ok(id)
    }

    /// Puts another text into one of one's own prompts.
    ///
    /// # Errors
    /// `Conflict("prompt_name")` if another of one's own has that name.
    pub async fn update_prompt(&self, by: UserId, prompt: &Prompt) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let changed = execute!(
            &mut tx,
            "UPDATE prompts SET name = $3, title = $4, description = $5, body = $6, arguments = $7, updated_at = $8
             WHERE id = $1 AND user_id = $2",
            prompt.id.to_string(),
            by.to_string(),
            clean(&prompt.name),
            clean(&prompt.title),
            clean(&prompt.description),
            clean(&prompt.body),
            clean(&to_json(&prompt.arguments)?),
            self.inner.clock.now().0,
        );
        if changed.map_err(named)? == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }

    /// Removes one of one's own prompts.
    pub async fn delete_prompt(&self, by: UserId, id: PromptId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM prompts WHERE id = $1 AND user_id = $2";
        if execute!(&mut tx, sql, id.to_string(), by.to_string())? == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }
}
