//! Conversations: list, make, rename, pin, delete, bring back.

use super::{
    Store, StoreError,
    db::{Tx, execute, fetch, read},
    parse_id, search,
    text::clean,
};
use crate::wire::{
    conversation::{ConversationSummary, Page},
    id::{ConversationId, MessageId, Millis, ModelId, Seq, UserId},
    limits::UNDO_MS,
};

/// A conversation's row for one member.
#[derive(Clone, Debug)]
pub struct ConversationRow {
    /// Its sidebar row.
    pub summary: ConversationSummary,
    /// Its clock.
    pub seq: Seq,
    /// Its newest leaf.
    pub head: Option<MessageId>,
    /// The model of its last turn.
    pub model: Option<ModelId>,
}

/// A conversation `c` seen by member `a`; `$1` is who looks.
macro_rules! seen {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.title, a.pinned, c.owner_id = $1 AS owned, c.updated_at, c.last_seq, c.head_id, c.model,
                    (SELECT COUNT(*) FROM members n WHERE n.conversation_id = c.id) AS members
             FROM conversations c JOIN members a ON a.conversation_id = c.id AND a.user_id = $1
             WHERE c.deleted_at IS NULL AND ",
            $rest
        )
    };
}

#[derive(sqlx::FromRow)]
struct Seen {
    id: String,
    title: String,
    pinned: bool,
    owned: bool,
    updated_at: i64,
    last_seq: i64,
    head_id: Option<String>,
    model: Option<String>,
    members: i64,
}

impl Seen {
    fn summary(&self) -> Result<ConversationSummary, StoreError> {
        Ok(ConversationSummary {
            id: parse_id("conversations", &self.id)?,
            title: self.title.clone(),
            pinned: self.pinned,
            owned: self.owned,
            members: u32::try_from(self.members).unwrap_or(u32::MAX),
            updated_at: Millis(self.updated_at),
        })
    }

    fn read(self) -> Result<ConversationRow, StoreError> {
        Ok(ConversationRow {
            summary: self.summary()?,
            seq: Seq(self.last_seq),
            head: self.head_id.as_deref().map(|id| parse_id("conversations", id)).transpose()?,
            model: self.model.map(ModelId),
        })
    }
}

async fn seen(tx: &mut Tx, by: UserId, id: ConversationId) -> Result<ConversationSummary, StoreError> {
    let row = fetch!(tx, fetch_optional, Seen, seen!("c.id = $2"), by.to_string(), id.to_string())?;
    row.ok_or(StoreError::NotFound)?.summary()
}

impl Store {
    /// Makes an empty conversation owned by `by`, who becomes its first member.
    pub async fn create_conversation(&self, by: UserId, title: &str) -> Result<ConversationSummary, StoreError> {
        let mut tx = self.begin().await?;
        let id = self.insert_conversation(&mut tx, by, title, None).await?.ok_or(StoreError::NotFound)?;
        let summary = seen(&mut tx, by, id).await?;
        self.commit(tx).await?;
        Ok(summary)
    }

    /// Makes a conversation; `None` if `by` is nobody or has a room of that name.
    async fn insert_conversation(
        &self,
        tx: &mut Tx,
        by: UserId,
        title: &str,
        room_name: Option<&str>,
    ) -> Result<Option<ConversationId>, StoreError> {
        let id: ConversationId = self.inner.clock.id();
        let now = self.inner.clock.now().0;
        let made = execute!(
            &mut *tx,
            "INSERT INTO conversations (id, owner_id, title, room_name, created_at, updated_at)
             SELECT $1, id, $3, $4, $5, $5 FROM users WHERE id = $2
             ON CONFLICT (owner_id, room_name) WHERE room_name IS NOT NULL AND deleted_at IS NULL DO NOTHING",
            id.to_string(),
            by.to_string(),
            clean(title),
            room_name.map(clean),
            now,
        )?;
        if made == 0 {
            return Ok(None);
        }
        let sql = "INSERT INTO members (conversation_id, user_id, joined_at) VALUES ($1, $2, $3)";
        execute!(tx, sql, id.to_string(), by.to_string(), now)?;
        Ok(Some(id))
    }

    /// The conversation of that room name in which `by` is a member (their own first), made on first use for them.
    /// It is titled with its name.
    pub async fn room(&self, by: UserId, room_name: &str) -> Result<ConversationId, StoreError> {
        if let Some(id) = self.find_room(by, room_name).await? {
            return Ok(id);
        }
        let mut tx = self.begin().await?;
        let made = self.insert_conversation(&mut tx, by, room_name, Some(room_name)).await?;
        self.commit(tx).await?;
        match made {
            Some(id) => Ok(id),
            None => self.find_room(by, room_name).await?.ok_or(StoreError::NotFound),
        }
    }

    /// [`Store::room`] if it is there.
    pub async fn find_room(&self, by: UserId, room_name: &str) -> Result<Option<ConversationId>, StoreError> {
        let found = read!(
            self,
            fetch_optional,
            (String,),
            "SELECT c.id FROM conversations c JOIN members a ON a.conversation_id = c.id AND a.user_id = $1
             WHERE c.room_name = $2 AND c.deleted_at IS NULL
             ORDER BY CASE WHEN c.owner_id = $1 THEN 0 ELSE 1 END, c.created_at, c.id LIMIT 1",
            by.to_string(),
            clean(room_name),
        )?;
        found.map(|(id,)| parse_id("conversations", &id)).transpose()
    }

    /// One's conversations: pinned first, then by last change; `before` continues after the last row of a page.
    pub async fn conversations(
        &self,
        by: UserId,
        before: Option<(bool, Millis, ConversationId)>,
        limit: u32,
    ) -> Result<Page<ConversationSummary>, StoreError> {
        let (pinned, updated, id) =
            before.map_or((2, 0, String::new()), |(pinned, at, id)| (i64::from(pinned), at.0, id.to_string()));
        let mut rows = read!(
            self,
            fetch_all,
            Seen,
            seen!(
                "(CASE WHEN a.pinned THEN 1 ELSE 0 END, c.updated_at, c.id) < ($2, $3, $4)
                 ORDER BY CASE WHEN a.pinned THEN 1 ELSE 0 END DESC, c.updated_at DESC, c.id DESC LIMIT $5"
            ),
            by.to_string(),
            pinned,
            updated,
            id,
            i64::from(limit) + 1,
        )?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok(Page { items: rows.iter().map(Seen::summary).collect::<Result<_, _>>()?, more })
    }

    /// One conversation.
    pub async fn conversation(&self, by: UserId, id: ConversationId) -> Result<ConversationRow, StoreError> {
        let row = read!(self, fetch_optional, Seen, seen!("c.id = $2"), by.to_string(), id.to_string())?;
        row.ok_or(StoreError::NotFound)?.read()
    }

    /// Gives it a title; owner only. Its place in the list does not change.
    pub async fn rename_conversation(
        &self,
        by: UserId,
        id: ConversationId,
        title: &str,
    ) -> Result<ConversationSummary, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE conversations SET title = $3 WHERE id = $2 AND owner_id = $1 AND deleted_at IS NULL";
        if execute!(&mut tx, sql, by.to_string(), id.to_string(), clean(title))? == 0 {
            return Err(StoreError::NotFound);
        }
        let summary = seen(&mut tx, by, id).await?;
        self.commit(tx).await?;
        Ok(summary)
    }

    /// Gives it a title if it has none yet; whether it did. For the first reply.
    pub async fn title_if_empty(&self, id: ConversationId, title: &str) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE conversations SET title = $2 WHERE id = $1 AND title = '' AND deleted_at IS NULL";
        let titled = execute!(&mut tx, sql, id.to_string(), clean(title))? == 1;
        self.commit(tx).await?;
        Ok(titled)
    }

    /// Pins or unpins it for oneself.
    pub async fn pin_conversation(
        &self,
        by: UserId,
        id: ConversationId,
        pinned: bool,
    ) -> Result<ConversationSummary, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE members SET pinned = $3 WHERE user_id = $1 AND conversation_id = $2";
        execute!(&mut tx, sql, by.to_string(), id.to_string(), pinned)?;
        let summary = seen(&mut tx, by, id).await?;
        self.commit(tx).await?;
        Ok(summary)
    }

    /// Hides it from everybody until restored; owner only. The members it had, for telling them.
    pub async fn delete_conversation(&self, by: UserId, id: ConversationId) -> Result<Vec<UserId>, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE conversations SET deleted_at = $3 WHERE id = $2 AND owner_id = $1 AND deleted_at IS NULL";
        if execute!(&mut tx, sql, by.to_string(), id.to_string(), self.inner.clock.now().0)? == 0 {
            return Err(StoreError::NotFound);
        }
        let sql = "SELECT user_id FROM members WHERE conversation_id = $1 ORDER BY joined_at, user_id";
        let members = fetch!(&mut tx, fetch_all, (String,), sql, id.to_string())?;
        self.commit(tx).await?;
        members.into_iter().map(|(id,)| parse_id("members", &id)).collect()
    }

    /// Undoes a deletion within [`crate::wire::limits::UNDO_MS`]; owner only. `Conflict("room_name")` if its room name
    /// has been taken since. What was not deleted stays as it is.
    pub async fn restore_conversation(
        &self,
        by: UserId,
        id: ConversationId,
    ) -> Result<ConversationSummary, StoreError> {
        let mut tx = self.begin().await?;
        let restored = execute!(
            &mut tx,
            "UPDATE conversations SET deleted_at = NULL
             WHERE id = $2 AND owner_id = $1 AND (deleted_at IS NULL OR deleted_at > $3)",
            by.to_string(),
            id.to_string(),
            self.inner.clock.now().0 - UNDO_MS,
        );
        match restored {
            Ok(0) => return Err(StoreError::NotFound),
            Err(error) if error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) => {
                return Err(StoreError::Conflict("room_name"));
            }
            other => other?,
        };
        let summary = seen(&mut tx, by, id).await?;
        self.commit(tx).await?;
        Ok(summary)
    }

    /// Removes for good what was deleted longer than [`crate::wire::limits::UNDO_MS`] ago; how many. What its turns
    /// cost goes on counting.
    pub async fn purge_deleted(&self) -> Result<u64, StoreError> {
        let before = self.inner.clock.now().0 - UNDO_MS;
        let mut tx = self.begin().await?;
        execute!(
            &mut tx,
            "INSERT INTO past_usage (user_id, finished_at, usage_input, usage_output, usage_cached)
             SELECT t.user_id, t.finished_at, t.usage_input, t.usage_output, t.usage_cached
             FROM turns t JOIN messages m ON m.id = t.reply_id JOIN conversations c ON c.id = m.conversation_id
             WHERE c.deleted_at IS NOT NULL AND c.deleted_at <= $1 AND t.finished_at IS NOT NULL",
            before,
        )?;
        let sql = "DELETE FROM conversations WHERE deleted_at IS NOT NULL AND deleted_at <= $1";
        let purged = execute!(&mut tx, sql, before)?;
        if purged > 0 {
            search::forget_purged(&mut tx).await?;
        }
        self.commit(tx).await?;
        Ok(purged)
    }
}
