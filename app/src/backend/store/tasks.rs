//! Tasks: long calls of MCP clients, kept so that whoever asked can fetch what came of them (SEP-2663).
//!
//! Invariants: a task is its owner's, and to anybody else it is not there; its id cannot be guessed; once finished it
//! never changes; a question's key is used once in a task's life. The text of arguments is not kept, only their digest.

use super::{
    Store, StoreError,
    db::{Tx, execute, fetch, read},
    secrets::random,
    text::{clean, clean_json},
};
use crate::wire::{
    id::{ClientId, ConversationId, Millis, UserId},
    limits::{TASK_TTL_MS, TASKS_MAX},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Which process works at a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// The server; one serves a database at a time.
    Server,
    /// A process at a client's pipe.
    Pipe,
}

impl Runner {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Pipe => "pipe",
        }
    }
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// At work.
    Working,
    /// Waits for a person's answer.
    InputRequired,
    /// The call gave a result, be it of a failure.
    Completed,
    /// The call could not be carried out.
    Failed,
    /// Its owner called it off.
    Cancelled,
}

impl TaskStatus {
    const ALL: [Self; 5] = [Self::Working, Self::InputRequired, Self::Completed, Self::Failed, Self::Cancelled];

    fn name(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::InputRequired => "input_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is an end.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// What a call says in a conversation: by that its reply is found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saying {
    /// Where.
    pub conversation: ConversationId,
    /// The sender's key of the message.
    pub key: ClientId,
}

/// A task that nobody works at any more, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftTask {
    /// Its id.
    pub id: String,
    /// Whose.
    pub by: UserId,
    /// The tool that was called.
    pub tool: String,
    /// What it says.
    pub saying: Saying,
}

/// A task to be kept.
#[derive(Clone, Debug)]
pub struct NewTask<'a> {
    /// Whose.
    pub by: UserId,
    /// The tool that was called.
    pub tool: &'a str,
    /// The SHA-256 of its arguments.
    pub arguments_digest: &'a str,
    /// Who works at it.
    pub runner: Runner,
    /// Until when that process is taken to be alive.
    pub lease_until: Millis,
    /// How often a client should look, in milliseconds.
    pub poll_ms: i64,
    /// What it says, if that is known already.
    pub saying: Option<Saying>,
}

/// A task as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRow {
    /// Its id.
    pub id: String,
    /// The tool that was called.
    pub tool: String,
    /// Where it is.
    pub status: TaskStatus,
    /// What it is doing, or why it ended so.
    pub message: Option<String>,
    /// What waits for an answer, by key.
    pub questions: Map<String, Value>,
    /// What was answered, by key.
    pub answers: Map<String, Value>,
    /// The call's result if it completed, its error if it failed.
    pub result: Option<Value>,
    /// Whether its owner called it off.
    pub cancel_asked: bool,
    /// Until when whoever works at it is taken to be alive.
    pub lease_until: Millis,
    /// What it says in a conversation, if anything.
    pub saying: Option<Saying>,
    /// How often a client should look, in milliseconds.
    pub poll_ms: i64,
    /// When it was begun.
    pub created_at: Millis,
    /// When it last changed.
    pub updated_at: Millis,
    /// When it is forgotten.
    pub expires_at: Millis,
}

#[derive(sqlx::FromRow)]
struct Found {
    id: String,
    tool: String,
    status: String,
    status_message: Option<String>,
    questions: String,
    answers: String,
    result: Option<String>,
    cancel_asked: bool,
    said_in: Option<String>,
    said_key: Option<String>,
    lease_until: i64,
    poll_ms: i64,
    created_at: i64,
    updated_at: i64,
    expires_at: i64,
}

impl Found {
    fn read(self) -> Result<TaskRow, StoreError> {
        let corrupt = || StoreError::Corrupt { table: "mcp_tasks", id: self.id.clone() };
        let status = TaskStatus::ALL.into_iter().find(|status| status.name() == self.status).ok_or_else(corrupt)?;
        let object = |text: &str| serde_json::from_str(text).map_err(|_| corrupt());
        let result = self.result.as_deref().map(serde_json::from_str).transpose().map_err(|_| corrupt())?;
        let saying = match (&self.said_in, &self.said_key) {
            (Some(room), Some(key)) => Some(Saying {
                conversation: room.parse().map_err(|_| corrupt())?,
                key: key.parse().map_err(|_| corrupt())?,
            }),
            _ => None,
        };
        Ok(TaskRow {
            status,
            saying,
            questions: object(&self.questions)?,
            answers: object(&self.answers)?,
            result,
            message: self.status_message,
            cancel_asked: self.cancel_asked,
            lease_until: Millis(self.lease_until),
            poll_ms: self.poll_ms,
            created_at: Millis(self.created_at),
            updated_at: Millis(self.updated_at),
            expires_at: Millis(self.expires_at),
            tool: self.tool,
            id: self.id,
        })
    }
}

/// The columns of [`Found`].
macro_rules! with_columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " id, tool, status, status_message, questions, answers, result, cancel_asked, said_in, said_key,
              lease_until, poll_ms, created_at, updated_at, expires_at ",
            $after
        )
    };
}

impl Store {
    /// Keeps a new task; it is there for its owner once this returns.
    ///
    /// # Errors
    /// `Conflict("tasks_max")` if [`TASKS_MAX`] of that person's are at work.
    pub async fn create_task(&self, new: NewTask<'_>) -> Result<TaskRow, StoreError> {
        let id = URL_SAFE_NO_PAD.encode(random()?);
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        let made = fetch!(
            &mut tx,
            fetch_optional,
            Found,
            with_columns!(
                "INSERT INTO mcp_tasks (id, user_id, tool, arguments_digest, status, runner, lease_until, poll_ms,
                                        created_at, updated_at, expires_at, said_in, said_key)
                 SELECT $1, u.id, $3, $4, 'working', $5, $6, $7, $8, $8, $9, $11, $12 FROM users u
                 WHERE u.id = $2 AND (SELECT COUNT(*) FROM mcp_tasks t
                                      WHERE t.user_id = u.id AND t.finished_at IS NULL AND t.expires_at > $8) < $10
                 RETURNING",
                ""
            ),
            id,
            new.by.to_string(),
            clean(new.tool),
            new.arguments_digest,
            new.runner.name(),
            new.lease_until.0,
            new.poll_ms,
            now,
            now + TASK_TTL_MS,
            i64::from(TASKS_MAX),
            new.saying.map(|saying| saying.conversation.to_string()),
            new.saying.map(|saying| saying.key.to_string()),
        )?;
        let row = made.ok_or(StoreError::Conflict("tasks_max"))?.read()?;
        self.commit(tx).await?;
        Ok(row)
    }

    /// One's own task, until it expires.
    pub async fn task(&self, by: UserId, id: &str) -> Result<TaskRow, StoreError> {
        let sql = with_columns!("SELECT", "FROM mcp_tasks WHERE id = $1 AND user_id = $2 AND expires_at > $3");
        let now = self.inner.clock.now().0;
        let row = read!(self, fetch_optional, Found, sql, clean(id), by.to_string(), now)?;
        row.ok_or(StoreError::NotFound)?.read()
    }

    /// For whoever works at it: it is alive until `lease_until`, and does what `message` says (`None`: as before). The
    /// task as it is; `NotFound` if it has ended or expired.
    pub async fn renew_task(
        &self,
        id: &str,
        lease_until: Millis,
        message: Option<&str>,
    ) -> Result<TaskRow, StoreError> {
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        let row = fetch!(
            &mut tx,
            fetch_optional,
            Found,
            with_columns!(
                "UPDATE mcp_tasks SET lease_until = $2, status_message = COALESCE($3, status_message),
                        updated_at = CASE WHEN $3 IS NULL THEN updated_at ELSE $4 END
                 WHERE id = $1 AND finished_at IS NULL AND expires_at > $4 RETURNING",
                ""
            ),
            id,
            lease_until.0,
            message.map(clean),
            now,
        )?;
        let row = row.ok_or(StoreError::NotFound)?.read()?;
        self.commit(tx).await?;
        Ok(row)
    }

    /// The task asks its owner something. `Conflict("key_used")` if it has asked under that key before.
    pub async fn ask_in_task(&self, id: &str, key: &str, question: &Value) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut row = self.locked(&mut tx, id, None).await?;
        if row.questions.contains_key(key) || row.answers.contains_key(key) {
            return Err(StoreError::Conflict("key_used"));
        }
        row.questions.insert(clean(key), question.clone());
        self.keep_questions(&mut tx, &row).await?;
        self.commit(tx).await
    }

    /// Its owner's answers. Those to keys that are not open are left out, as the specification wants; the task works on
    /// once none is open.
    pub async fn answer_task(&self, by: UserId, id: &str, answers: BTreeMap<String, Value>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut row = self.locked(&mut tx, id, Some(by)).await?;
        for (key, answer) in answers {
            if row.questions.remove(&key).is_some() {
                row.answers.insert(key, answer);
            }
        }
        self.keep_questions(&mut tx, &row).await?;
        self.commit(tx).await
    }

    /// A question that nobody answered is no longer open; its answer is null.
    pub async fn withdraw_question(&self, id: &str, key: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let mut row = self.locked(&mut tx, id, None).await?;
        if row.questions.remove(key).is_some() {
            row.answers.insert(key.to_owned(), Value::Null);
        }
        self.keep_questions(&mut tx, &row).await?;
        self.commit(tx).await
    }

    /// Its owner calls it off; whoever works at it hears by [`Store::renew_task`]. One that has ended stays as it is.
    pub async fn cancel_task(&self, by: UserId, id: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let found = execute!(
            &mut tx,
            "UPDATE mcp_tasks SET cancel_asked = TRUE WHERE id = $1 AND user_id = $2 AND expires_at > $3",
            clean(id),
            by.to_string(),
            self.inner.clock.now().0,
        )?;
        if found == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }

    /// Ends a task; whether it had not ended before.
    pub async fn finish_task(
        &self,
        id: &str,
        status: TaskStatus,
        result: Option<&Value>,
        message: Option<&str>,
    ) -> Result<bool, StoreError> {
        let result = result.map(clean_json).transpose()?;
        let mut tx = self.begin().await?;
        let ended = execute!(
            &mut tx,
            "UPDATE mcp_tasks SET status = $2, result = $3, status_message = $4, questions = '{}', finished_at = $5,
                    updated_at = $5
             WHERE id = $1 AND finished_at IS NULL",
            id,
            status.name(),
            result,
            message.map(clean),
            self.inner.clock.now().0,
        )?;
        self.commit(tx).await?;
        Ok(ended == 1)
    }

    /// Keeps what a task says; one that has ended stays as it is.
    pub async fn task_says(&self, id: &str, saying: Saying) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE mcp_tasks SET said_in = $2, said_key = $3 WHERE id = $1 AND finished_at IS NULL";
        execute!(&mut tx, sql, id, saying.conversation.to_string(), saying.key.to_string())?;
        self.commit(tx).await
    }

    /// The open tasks of that runner that say something.
    pub async fn left_tasks_of(&self, runner: Runner) -> Result<Vec<LeftTask>, StoreError> {
        #[derive(sqlx::FromRow)]
        struct Left {
            id: String,
            user_id: String,
            tool: String,
            said_in: String,
            said_key: String,
        }
        let sql = "SELECT id, user_id, tool, said_in, said_key FROM mcp_tasks
                   WHERE runner = $1 AND finished_at IS NULL AND said_key IS NOT NULL AND expires_at > $2 ORDER BY created_at";
        let rows = read!(self, fetch_all, Left, sql, runner.name(), self.inner.clock.now().0)?;
        let read = |left: Left| {
            let corrupt = || StoreError::Corrupt { table: "mcp_tasks", id: left.id.clone() };
            let conversation = left.said_in.parse().map_err(|_| corrupt())?;
            let saying = Saying { conversation, key: left.said_key.parse().map_err(|_| corrupt())? };
            Ok(LeftTask { by: left.user_id.parse().map_err(|_| corrupt())?, saying, tool: left.tool, id: left.id })
        };
        rows.into_iter().map(read).collect()
    }

    /// Fails every open task of that runner that says nothing: nobody works at them any more. How many.
    pub async fn fail_tasks_of(&self, runner: Runner, error: &Value, message: &str) -> Result<u64, StoreError> {
        let error = clean_json(error)?;
        let mut tx = self.begin().await?;
        let failed = execute!(
            &mut tx,
            "UPDATE mcp_tasks SET status = 'failed', result = $2, status_message = $3, questions = '{}',
                    finished_at = $4, updated_at = $4
             WHERE runner = $1 AND finished_at IS NULL AND said_key IS NULL",
            runner.name(),
            error,
            message,
            self.inner.clock.now().0,
        )?;
        self.commit(tx).await?;
        Ok(failed)
    }

    /// Forgets what has expired; how many.
    pub async fn purge_tasks(&self) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM mcp_tasks WHERE expires_at <= $1";
        let purged = execute!(&mut tx, sql, self.inner.clock.now().0)?;
        self.commit(tx).await?;
        Ok(purged)
    }

    /// The task, held until the transaction ends; `by`: only if it is theirs. One that has ended has no questions.
    async fn locked(&self, tx: &mut Tx, id: &str, by: Option<UserId>) -> Result<TaskRow, StoreError> {
        let row = fetch!(
            tx,
            fetch_optional,
            Found,
            with_columns!(
                "UPDATE mcp_tasks SET updated_at = updated_at
                 WHERE id = $1 AND (user_id = $2 OR $2 IS NULL) AND expires_at > $3 RETURNING",
                ""
            ),
            clean(id),
            by.map(|by| by.to_string()),
            self.inner.clock.now().0,
        )?;
        row.ok_or(StoreError::NotFound)?.read()
    }

    async fn keep_questions(&self, tx: &mut Tx, row: &TaskRow) -> Result<(), StoreError> {
        let status = if row.questions.is_empty() { TaskStatus::Working } else { TaskStatus::InputRequired };
        execute!(
            tx,
            "UPDATE mcp_tasks SET questions = $2, answers = $3, status = $4, updated_at = $5
             WHERE id = $1 AND finished_at IS NULL",
            row.id.as_str(),
            clean_json(&Value::Object(row.questions.clone()))?,
            clean_json(&Value::Object(row.answers.clone()))?,
            status.name(),
            self.inner.clock.now().0,
        )?;
        Ok(())
    }
}
