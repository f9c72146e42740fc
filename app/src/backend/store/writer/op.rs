//! What the writer can do. Each operation is an [`Input`]: it adds itself to a batch, and reads what came of it there.

use crate::{
    backend::{
        clock::Clock,
        store::{
            StoreError,
            batch::{Batch, GivenCall, Written},
            tool_calls::RecordedCall,
            turns::{
                Beginning, FinishTurn, NewTurnKind, Started,
                write::{Draft, Plan},
            },
        },
    },
    wire::{
        id::TurnId,
        message::{Message, Part, Usage},
    },
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// One operation's own part.
pub(in crate::backend::store) trait Input {
    /// What is needed to read what came of it.
    type Given;
    /// What came of it.
    type Outcome;

    /// What no other operation of the same transaction may have.
    fn key(&self) -> Option<Uuid> {
        None
    }

    /// Adds it to a batch.
    fn give(&self, clock: &Clock, batch: &mut Batch) -> Result<Self::Given, StoreError>;

    /// Reads what came of it.
    fn read(&self, given: Self::Given, written: &mut Written) -> Result<Self::Outcome, Unread>;

    /// It failed, and nobody waits to hear so.
    fn unheard(&self, _error: &StoreError) {}
}

/// Why there is nothing to read.
pub(in crate::backend::store) enum Unread {
    /// It was refused; why is yet to be found out.
    Refused(Box<Plan>),
    Failed(StoreError),
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// The text so far of a running turn.
#[derive(Debug)]
pub(in crate::backend::store) struct Checkpoint {
    pub(in crate::backend::store) turn: TurnId,
    pub(in crate::backend::store) parts: Vec<Part>,
    pub(in crate::backend::store) usage: Usage,
    /// Its open questions, as JSON.
    pub(in crate::backend::store) waiting: Option<String>,
}

/// Writes nothing: what was recorded before it is written when it is answered.
#[derive(Debug)]
pub(in crate::backend::store) struct Settle;

impl Input for Box<Beginning> {
    type Given = Draft;
    type Outcome = Box<Started>;

    fn key(&self) -> Option<Uuid> {
        match &self.new.kind {
            NewTurnKind::Send { conversation, .. } => Some(conversation.0),
            NewTurnKind::Edit { .. } | NewTurnKind::Regenerate { .. } | NewTurnKind::Continue { .. } => None,
        }
    }

    fn give(&self, clock: &Clock, batch: &mut Batch) -> Result<Draft, StoreError> {
        let draft = Draft::new(Plan::sent(&self.new)?, clock);
        batch.starts.push(draft.given(&self.new)?);
        Ok(draft)
    }

    fn read(&self, draft: Draft, written: &mut Written) -> Result<Box<Started>, Unread> {
        draft.started(&self.new, written)?.map(Box::new).map_err(|plan| Unread::Refused(Box::new(plan)))
    }
}

impl Input for Checkpoint {
    type Given = ();
    type Outcome = ();

    fn key(&self) -> Option<Uuid> {
        Some(self.turn.0)
    }

    fn give(&self, clock: &Clock, batch: &mut Batch) -> Result<(), StoreError> {
        batch.checkpoints.push(self.given(clock)?);
        Ok(())
    }

    fn read(&self, (): (), written: &mut Written) -> Result<(), Unread> {
        if written.kept.remove(&self.turn.to_string()) { Ok(()) } else { Err(StoreError::NotFound.into()) }
    }
}

impl Input for Box<FinishTurn> {
    type Given = Vec<Part>;
    type Outcome = Box<Message>;

    fn key(&self) -> Option<Uuid> {
        Some(self.turn.0)
    }

    fn give(&self, clock: &Clock, batch: &mut Batch) -> Result<Vec<Part>, StoreError> {
        let (given, parts) = self.given(clock)?;
        batch.finishes.push(given);
        Ok(parts)
    }

    fn read(&self, parts: Vec<Part>, written: &mut Written) -> Result<Box<Message>, Unread> {
        Ok(Box::new(self.reply(parts, written)?))
    }
}

impl Input for Box<RecordedCall> {
    type Given = ();
    type Outcome = ();

    fn give(&self, _clock: &Clock, batch: &mut Batch) -> Result<(), StoreError> {
        batch.record(GivenCall::from(&**self));
        Ok(())
    }

    fn read(&self, (): (), _written: &mut Written) -> Result<(), Unread> {
        Ok(())
    }

    fn unheard(&self, error: &StoreError) {
        let RecordedCall { id, user, tool, rule, end, .. } = &**self;
        let (rule, end) = (rule.name(), end.name());
        tracing::error!(%error, %id, %user, tool, rule, end, "what came of a tool call is not recorded");
    }
}

impl Input for Settle {
    type Given = ();
    type Outcome = ();

    fn give(&self, _clock: &Clock, _batch: &mut Batch) -> Result<(), StoreError> {
        Ok(())
    }

    fn read(&self, (): (), _written: &mut Written) -> Result<(), Unread> {
        Ok(())
    }
}

/// One operation, who waits for it, and what came of it.
pub(in crate::backend::store) struct Job<I: Input> {
    pub(super) input: I,
    given: Option<I::Given>,
    outcome: Option<Result<I::Outcome, StoreError>>,
    answer: oneshot::Sender<Result<I::Outcome, StoreError>>,
}

impl<I: Input> Job<I> {
    pub(super) fn new(input: I, answer: oneshot::Sender<Result<I::Outcome, StoreError>>) -> Self {
        Self { input, given: None, outcome: None, answer }
    }

    /// Keeps what came of it, once its transaction is committed.
    pub(super) fn keep(&mut self, result: Result<I::Outcome, StoreError>) {
        self.outcome = Some(result);
    }

    fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }

    fn give(&mut self, clock: &Clock, batch: &mut Batch) -> Result<(), StoreError> {
        self.given = Some(self.input.give(clock, batch)?);
        Ok(())
    }

    fn read(&mut self, written: &mut Written) -> Option<Plan> {
        match self.input.read(self.given.take()?, written) {
            Ok(outcome) => self.keep(Ok(outcome)),
            Err(Unread::Failed(error)) => self.keep(Err(error)),
            Err(Unread::Refused(plan)) => return Some(*plan),
        }
        None
    }

    /// Tells whoever waits; they may have gone, which does not undo what was written.
    fn answer(self, failed: Option<StoreError>) {
        if let (Some(error), false) = (&failed, self.is_awaited()) {
            self.input.unheard(error);
        }
        let result = match failed {
            Some(error) => Err(error),
            None => self.outcome.unwrap_or(Err(StoreError::Busy)),
        };
        drop(self.answer.send(result));
    }
}

/// What is queued.
pub(in crate::backend::store) enum Op {
    Start(Job<Box<Beginning>>),
    Checkpoint(Job<Checkpoint>),
    Finish(Job<Box<FinishTurn>>),
    Record(Job<Box<RecordedCall>>),
    Settle(Job<Settle>),
}

/// The same of every operation.
macro_rules! each {
    ($op:expr, $job:ident => $same:expr) => {
        match $op {
            Op::Start($job) => $same,
            Op::Checkpoint($job) => $same,
            Op::Finish($job) => $same,
            Op::Record($job) => $same,
            Op::Settle($job) => $same,
        }
    };
}

impl Op {
    /// What no other operation of the same transaction may have.
    pub(super) fn key(&self) -> Option<Uuid> {
        each!(self, job => job.input.key())
    }

    /// Whether it must read before it writes.
    pub(super) fn is_alone(&self) -> bool {
        matches!(self, Self::Start(job) if !job.input.is_plain())
    }

    /// Whether somebody waits for it to be written, or would if they had not gone.
    pub(super) fn is_awaited(&self) -> bool {
        !matches!(self, Self::Record(job) if !job.is_awaited())
    }

    /// Adds it to a batch.
    pub(super) fn give(&mut self, clock: &Clock, batch: &mut Batch) -> Result<(), StoreError> {
        each!(self, job => job.give(clock, batch))
    }

    /// Reads what came of it, if it was given; the plan of a turn that was refused, for the reason is to be found.
    pub(super) fn read(&mut self, written: &mut Written) -> Option<Plan> {
        each!(self, job => job.read(written))
    }

    /// Tells whoever waits that it is committed, or why it is not.
    pub(super) fn answer(self, failed: Option<StoreError>) {
        each!(self, job => job.answer(failed));
    }
}
