//! Turns: their start, checkpoints and end, the queue of a conversation, and what is done about those a crash left.
//!
//! Invariants: one turn of a conversation runs at a time, and the others wait in the order they were asked for; every
//! turn has its reply's row from the start. What is written, and how, is in `write`; many turns share a commit
//! (`super::writer`). A turn that waits for a person is in [`waiting`].

pub mod waiting;
pub(super) mod write;

use super::{
    Store, StoreError,
    db::{fetch, read},
    parse_id,
    writer::{Checkpoint, Op},
};
use crate::wire::{
    api_token::Scopes,
    id::{ClientId, ConversationId, MessageId, Millis, ModelId, TurnId, UserId},
    message::{Fault, FaultKind, Message, Part, TurnEnd, Usage},
};

/// Milliseconds a running turn is taken for alive without a checkpoint. Whoever runs one checkpoints it several times
/// within this, also while it waits for a person.
pub const LEASE_MS: i64 = 60_000;

/// A turn to start.
#[derive(Clone, Debug)]
pub struct NewTurn {
    /// Who asks.
    pub by: UserId,
    /// How its messages hang in the tree.
    pub kind: NewTurnKind,
    /// The model to answer.
    pub model: ModelId,
    /// What the token of the program that asks was made for; `None`: everything.
    pub scopes: Option<Scopes>,
}

/// A turn to start, with the servers whose apps are heard (`app_contexts`).
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) new: NewTurn,
    pub(super) heard: Vec<String>,
}

/// The ways a turn begins.
#[derive(Clone, Debug)]
pub enum NewTurnKind {
    /// A new message after `parent` (`None`: the conversation's newest leaf; it too is `None` in an empty one).
    Send {
        /// The room.
        conversation: ConversationId,
        /// What to follow.
        parent: Option<MessageId>,
        /// The sender's key.
        client_id: ClientId,
        /// The content.
        parts: Vec<Part>,
    },
    /// A sibling of one's own message.
    Edit {
        /// The message to make a sibling of.
        message: MessageId,
        /// The sender's key.
        client_id: ClientId,
        /// The content.
        parts: Vec<Part>,
    },
    /// A sibling of a reply.
    Regenerate {
        /// The reply.
        message: MessageId,
    },
    /// A sibling of a stopped, interrupted or failed reply that begins with its parts.
    Continue {
        /// The reply.
        message: MessageId,
    },
}

/// What [`Store::start_turn`] wrote.
#[derive(Clone, Debug)]
pub struct Started {
    /// The turn.
    pub turn: TurnId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The person's message, if the turn has a new one. Its `seq` comes right before the reply's.
    pub message: Option<Message>,
    /// The reply-to-be: `Pending`.
    pub reply: Message,
    /// Whether it may run now; otherwise it is queued behind the running one.
    pub running: bool,
    /// Whether this `client_id` was here before: nothing was written, and the turn is not to be started again.
    pub duplicate: bool,
    /// Whether the conversation has no title yet.
    pub untitled: bool,
}

/// A turn's row.
#[derive(Clone, Debug)]
pub struct TurnRow {
    /// The turn.
    pub id: TurnId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its reply.
    pub reply: MessageId,
    /// Who asked.
    pub by: UserId,
    /// The model.
    pub model: ModelId,
    /// What the token of the program that asked was made for; `None`: everything.
    pub scopes: Option<Scopes>,
    /// Whether it runs; otherwise it waits.
    pub running: bool,
}

/// How a turn ends.
#[derive(Clone, Debug)]
pub struct FinishTurn {
    /// The turn.
    pub turn: TurnId,
    /// How.
    pub end: TurnEnd,
    /// The whole reply.
    pub parts: Vec<Part>,
    /// What it cost.
    pub usage: Usage,
    /// Why it failed.
    pub fault: Option<Fault>,
}

#[derive(sqlx::FromRow)]
struct LiveRow {
    id: String,
    conversation_id: String,
    reply_id: String,
    user_id: String,
    model: String,
    scopes: Option<String>,
    state: String,
}

impl LiveRow {
    fn read(self) -> Result<TurnRow, StoreError> {
        let corrupt = |_| StoreError::Corrupt { table: "turns", id: self.id.clone() };
        let scopes = self.scopes.as_deref().map(str::parse).transpose().map_err(corrupt)?;
        Ok(TurnRow {
            id: parse_id("turns", &self.id)?,
            conversation: parse_id("conversations", &self.conversation_id)?,
            reply: parse_id("messages", &self.reply_id)?,
            by: parse_id("users", &self.user_id)?,
            model: ModelId(self.model),
            scopes,
            running: self.state == "running",
        })
    }
}

#[derive(sqlx::FromRow)]
struct Lapsed {
    id: String,
    checkpoint: Option<String>,
    usage_input: i64,
    usage_output: i64,
    usage_cached: i64,
}

impl Lapsed {
    fn interrupted(self) -> Result<FinishTurn, StoreError> {
        let corrupt = |_| StoreError::Corrupt { table: "turns", id: self.id.clone() };
        let parts = self.checkpoint.as_deref().map(serde_json::from_str).transpose().map_err(corrupt)?;
        Ok(FinishTurn {
            turn: parse_id("turns", &self.id)?,
            end: TurnEnd::Interrupted,
            parts: parts.unwrap_or_default(),
            usage: Usage {
                input: super::tokens(self.usage_input),
                output: super::tokens(self.usage_output),
                cached: super::tokens(self.usage_cached),
            },
            fault: Some(Fault {
                kind: FaultKind::Interrupted,
                message: "The server was stopped in the middle of this reply. It can be continued.".to_owned(),
                retry: true,
            }),
        })
    }
}

impl Store {
    /// Writes the person's message and the pending reply, and the turn as running or, if one runs or waits, as queued.
    /// `Conflict("queue_full")` past [`crate::wire::limits::QUEUE_MAX`]; `NotFound` for what `by` may not touch;
    /// `Conflict("not_yours")` for an edit of another's message; `Conflict("not_a_reply")`; `Conflict("running")` for a
    /// reply that is not finished; `Conflict("complete")` for continuing one that is whole.
    pub async fn start_turn(&self, new: NewTurn) -> Result<Started, StoreError> {
        self.start_turn_hearing(new, Vec::new()).await
    }

    /// [`Store::start_turn`] of a message that takes along, as its first parts, what its sender's apps of the servers
    /// `heard` told the model on its branch. That is taken away in the same transaction.
    pub async fn start_turn_hearing(&self, new: NewTurn, heard: Vec<String>) -> Result<Started, StoreError> {
        let beginning = Box::new(Beginning { new, heard });
        self.inner.writer.ask(Op::Start, beginning).await.map(|started| *started)
    }

    /// Keeps the text so far, for after a crash, and renews the turn's lease for [`LEASE_MS`]. Changes no `seq`.
    /// The turn then has no open questions. `NotFound` if it does not run (any more).
    pub async fn checkpoint(&self, turn: TurnId, parts: &[Part], usage: Usage) -> Result<(), StoreError> {
        self.inner.writer.ask(Op::Checkpoint, Checkpoint { turn, parts: parts.to_vec(), usage, waiting: None }).await
    }

    /// Writes the reply for good and closes the turn, running or queued; the message with its new `seq`. `NotFound` if
    /// it is closed already. A turn of a deleted conversation ends too: it may be brought back.
    pub async fn finish_turn(&self, finish: FinishTurn) -> Result<Message, StoreError> {
        self.inner.writer.ask(Op::Finish, Box::new(finish)).await.map(|message| *message)
    }

    /// Lets the next queued turn of a conversation run, unless one runs. None begins in a deleted conversation.
    pub async fn begin_queued(&self, c: ConversationId) -> Result<Option<TurnRow>, StoreError> {
        let mut tx = self.begin().await?;
        let row = fetch!(
            &mut tx,
            fetch_optional,
            LiveRow,
            "UPDATE turns SET state = 'running', lease_until = $2
             WHERE id = (SELECT n.id FROM turns n WHERE n.conversation_id = $1 AND n.state <> 'done'
                         ORDER BY n.position LIMIT 1)
               AND state = 'queued'
               AND NOT EXISTS (SELECT 1 FROM turns r WHERE r.conversation_id = $1 AND r.state = 'running')
               AND EXISTS (SELECT 1 FROM conversations c WHERE c.id = $1 AND c.deleted_at IS NULL)
             RETURNING id, conversation_id, reply_id, user_id, model, scopes, state",
            c.to_string(),
            self.inner.clock.now().0 + LEASE_MS,
        )?;
        self.commit(tx).await?;
        row.map(LiveRow::read).transpose()
    }

    /// A live turn of a conversation `by` is in.
    pub async fn turn(&self, by: UserId, turn: TurnId) -> Result<TurnRow, StoreError> {
        let row = read!(
            self,
            fetch_optional,
            LiveRow,
            "SELECT t.id, t.conversation_id, t.reply_id, t.user_id, t.model, t.scopes, t.state FROM turns t
             JOIN members a ON a.conversation_id = t.conversation_id AND a.user_id = $1
             JOIN conversations c ON c.id = t.conversation_id AND c.deleted_at IS NULL
             WHERE t.id = $2 AND t.state <> 'done'",
            by.to_string(),
            turn.to_string(),
        )?;
        row.ok_or(StoreError::NotFound)?.read()
    }

    /// The live turns of a conversation, in order. Asks nobody's leave: for the server itself.
    pub async fn live_turns(&self, c: ConversationId) -> Result<Vec<TurnRow>, StoreError> {
        let sql = "SELECT id, conversation_id, reply_id, user_id, model, scopes, state FROM turns
                   WHERE conversation_id = $1 AND state <> 'done' ORDER BY position";
        read!(self, fetch_all, LiveRow, sql, c.to_string())?.into_iter().map(LiveRow::read).collect()
    }

    /// Closes every running turn whose lease lapsed before `now` as interrupted, with its checkpoint; the messages. One
    /// that waits for a person stays as it is.
    /// At start-up of a single process, pass `Millis(i64::MAX)`.
    pub async fn reap_turns(&self, now: Millis) -> Result<Vec<Message>, StoreError> {
        self.reap(now, |_| true).await
    }

    /// [`Store::reap_turns`] of those among `turns`.
    pub async fn reap_lapsed(&self, now: Millis, turns: &[TurnId]) -> Result<Vec<Message>, StoreError> {
        self.reap(now, |turn| turns.contains(&turn)).await
    }

    /// The running turns whose lease lapsed before `now`, those that wait for a person too.
    pub async fn lapsed_turns(&self, now: Millis) -> Result<Vec<TurnId>, StoreError> {
        let sql = "SELECT id FROM turns WHERE state = 'running' AND lease_until < $1";
        let rows = read!(self, fetch_all, (String,), sql, now.0)?;
        rows.into_iter().map(|(id,)| parse_id("turns", &id)).collect()
    }

    async fn reap(&self, now: Millis, which: impl Fn(TurnId) -> bool) -> Result<Vec<Message>, StoreError> {
        let mut tx = self.begin().await?;
        let lapsed = fetch!(
            &mut tx,
            fetch_all,
            Lapsed,
            "SELECT id, checkpoint, usage_input, usage_output, usage_cached FROM turns
             WHERE state = 'running' AND waiting IS NULL AND lease_until < $1 ORDER BY id",
            now.0,
        )?;
        let ends: Vec<FinishTurn> = lapsed.into_iter().map(Lapsed::interrupted).collect::<Result<_, _>>()?;
        let ends: Vec<FinishTurn> = ends.into_iter().filter(|end| which(end.turn)).collect();
        let messages = write::finish_all(&mut tx, &self.inner.clock, &ends).await?;
        self.commit(tx).await?;
        Ok(messages)
    }

    /// Conversations with queued turns and none running: to be begun after a restart.
    pub async fn waiting_conversations(&self) -> Result<Vec<ConversationId>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            (String,),
            "SELECT DISTINCT t.conversation_id FROM turns t
             JOIN conversations c ON c.id = t.conversation_id AND c.deleted_at IS NULL
             WHERE t.state <> 'done' AND t.state = 'queued' AND NOT EXISTS
                 (SELECT 1 FROM turns r WHERE r.conversation_id = t.conversation_id AND r.state = 'running')
             ORDER BY t.conversation_id",
        )?;
        rows.into_iter().map(|(id,)| parse_id("conversations", &id)).collect()
    }
}
