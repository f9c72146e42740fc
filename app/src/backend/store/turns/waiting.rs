//! Turns that wait for a person, or for work that outlives the process elsewhere: their open questions and tasks, kept
//! with the checkpoint, so that a restart loses none.
//!
//! Invariant: a turn with questions or tasks is not closed by [`Store::reap_turns`]; it is here, to be gone on with. It
//! stays its conversation's running turn meanwhile.

use super::{LiveRow, TurnRow};
use crate::{
    backend::store::{
        Store, StoreError,
        db::read,
        text::to_json,
        tokens,
        writer::{Checkpoint, Op},
    },
    wire::{
        id::{CallId, Millis, TurnId},
        message::{Part, Usage},
        policy::{Question, Rule},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is to be known of a turn, besides its parts, to go on with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// How many parts the reply began with.
    pub begun: usize,
    /// Rounds that are over, this one included.
    pub rounds: u32,
    /// The calls that ask.
    pub calls: Vec<WaitingCall>,
    /// The calls that are at work elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<WaitingTask>,
}

/// A call that asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingCall {
    /// Which.
    pub call: CallId,
    /// When its question lapses.
    pub until: Millis,
    /// What it asks.
    pub question: Question,
    /// The hash of the tool's definition, as it was asked about.
    pub definition: String,
}

/// A call that another server works at as a task of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingTask {
    /// Which.
    pub call: CallId,
    /// The record it goes on with.
    pub record: BegunRecord,
    /// The task.
    pub task: KeptTask,
}

/// What finds the record of a call again that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunRecord {
    /// Its id.
    pub id: Uuid,
    /// What let it run.
    pub rule: Rule,
    /// When it began.
    pub began_at: Millis,
}

/// A task at another MCP server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTask {
    /// A connection's id, or `operator:NAME`.
    pub server: String,
    /// What the server calls it.
    pub id: String,
    /// Whether it is one of the experimental tasks of revision 2025-11-25.
    #[serde(default)]
    pub experimental: bool,
    /// How often its server wants to be asked about it, in milliseconds.
    #[serde(default)]
    pub poll_ms: Option<u64>,
}

/// A turn that was waiting when its process ended.
#[derive(Clone, Debug)]
pub struct Suspended {
    /// Its row.
    pub row: TurnRow,
    /// The reply so far.
    pub parts: Vec<Part>,
    /// What it cost so far.
    pub usage: Usage,
    /// Its questions and tasks; none if they cannot be read any more.
    pub waiting: Waiting,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    turn: LiveRow,
    checkpoint: Option<String>,
    waiting: Option<String>,
    usage_input: i64,
    usage_output: i64,
    usage_cached: i64,
}

impl Store {
    /// [`Store::checkpoint`] of a turn with open questions or tasks.
    pub async fn wait(&self, turn: TurnId, parts: &[Part], usage: Usage, waiting: &Waiting) -> Result<(), StoreError> {
        let waiting = Some(to_json(waiting)?);
        self.inner.writer.ask(Op::Checkpoint, Checkpoint { turn, parts: parts.to_vec(), usage, waiting }).await
    }

    /// The turns that wait for a person or for a task, of any conversation, oldest first: for the start of the process.
    pub async fn suspended_turns(&self) -> Result<Vec<Suspended>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            Row,
            "SELECT id, conversation_id, reply_id, user_id, model, scopes, state, checkpoint, waiting,
                    usage_input, usage_output, usage_cached
             FROM turns WHERE state = 'running' AND waiting IS NOT NULL ORDER BY id",
        )?;
        rows.into_iter().map(Row::read).collect()
    }
}

impl Row {
    fn read(self) -> Result<Suspended, StoreError> {
        let corrupt = |_| StoreError::Corrupt { table: "turns", id: self.turn.id.clone() };
        let parts = self.checkpoint.as_deref().map(serde_json::from_str).transpose().map_err(corrupt)?;
        let waiting = self.waiting.as_deref().map(serde_json::from_str).transpose().unwrap_or_else(|error| {
            tracing::error!(%error, turn.id = self.turn.id, "a turn's questions cannot be read");
            None
        });
        Ok(Suspended {
            parts: parts.unwrap_or_default(),
            usage: Usage {
                input: tokens(self.usage_input),
                output: tokens(self.usage_output),
                cached: tokens(self.usage_cached),
            },
            waiting: waiting.unwrap_or_default(),
            row: self.turn.read()?,
        })
    }
}
