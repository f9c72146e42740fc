//! A turn's end: stored, told, and the next one begun.
//!
//! Invariant: a turn is closed once. Its text is not given up while the store may recover: if that takes long, the tabs
//! that are open see it with a fault that says it could not be saved, and it is tried again until the process ends.

use super::{Chat, live::LiveTurn, turn::internal};
use crate::{
    backend::{
        caller::{Caller, Via},
        hub::Topic,
        metrics,
        store::{
            StoreError,
            turns::{FinishTurn, TurnRow},
        },
    },
    wire::{
        event::ChatEvent,
        id::ConversationId,
        message::{Fault, FaultKind, Message, Status, TurnEnd, Usage, plain_text},
        tool::{ENDED, RESTARTED, STOPPED},
    },
};
use std::sync::Arc;
use tokio::time::{Instant, sleep};

/// How a turn came to its end.
#[derive(Debug)]
pub(super) struct Outcome {
    end: TurnEnd,
    fault: Option<Fault>,
}

impl Outcome {
    /// The reply is whole.
    pub(super) fn complete() -> Self {
        Self { end: TurnEnd::Complete, fault: None }
    }

    /// Provider or loop gave up.
    pub(super) fn failed(fault: Fault) -> Self {
        Self { end: TurnEnd::Failed, fault: Some(fault) }
    }

    /// Somebody asked it to end, or the server stops.
    pub(super) fn asked(end: TurnEnd) -> Self {
        let fault = (end == TurnEnd::Interrupted).then(|| Fault {
            kind: FaultKind::Interrupted,
            message: "The server was restarted in the middle of this reply. What came so far is kept.".to_owned(),
            retry: true,
        });
        Self { end, fault }
    }

    /// Whether the server's stop ended it.
    pub(super) fn is_interrupted(&self) -> bool {
        self.end == TurnEnd::Interrupted
    }
}

impl Chat {
    /// Stores and tells a turn's end, then begins the next of its room.
    pub(super) async fn finish(
        self: &Arc<Self>,
        turn: &Arc<LiveTurn>,
        outcome: Outcome,
        question: &str,
        began: Instant,
    ) {
        if !turn.close_once() {
            return;
        }
        self.record_unanswered(turn);
        turn.close_calls(match outcome.end {
            TurnEnd::Interrupted => RESTARTED,
            TurnEnd::Stopped => STOPPED,
            TurnEnd::Complete | TurnEnd::Failed => ENDED,
        });
        turn.flush();
        let (parts, usage) = (turn.parts_from(0), turn.usage());
        let answer = turn.untitled.then(|| plain_text(&parts));
        let Outcome { end, fault } = outcome;
        let finish = FinishTurn { turn: turn.id, end, parts, usage, fault };
        let end = match self.write_end(&finish).await {
            Ok(message) => {
                self.saw(turn.conversation, message.seq);
                if let Some(path) = turn.take_path() {
                    self.paths.keep(turn.conversation, path.and(message.clone()));
                }
                if let TurnEnd::Complete | TurnEnd::Stopped = end {
                    self.summarise(turn);
                }
                turn.end(Some(message), end);
                end
            }
            Err(StoreError::NotFound) => {
                turn.end(None, end);
                end
            }
            Err(error) => {
                tracing::error!(%error, turn.id = %turn.id, "a reply could not be saved");
                turn.end(Some(unsaved(turn, &finish)), TurnEnd::Failed);
                self.save_later(turn.conversation, finish);
                TurnEnd::Failed
            }
        };
        metrics::turn_ended(end, began.elapsed(), usage);
        let waiting = self.rooms.with(turn.conversation, |room| room.leave(turn.id));
        self.quiet.notify_waiters();
        if waiting {
            self.begin_next(turn.conversation).await;
        }
        // A turn that was stopped before it began has no question, and nothing to be called after.
        if let (Some(answer), TurnEnd::Complete | TurnEnd::Stopped) = (answer, end)
            && !question.is_empty()
            && let Some(model) = self.models.get(Some(&turn.model))
        {
            self.title(turn, model, question, &answer).await;
        }
    }

    pub(super) async fn write_end(&self, finish: &FinishTurn) -> Result<Message, StoreError> {
        let mut waits = self.options.retries.iter();
        loop {
            match self.store.finish_turn(finish.clone()).await {
                Err(error) if may_pass(&error) => {
                    let Some(wait) = waits.next() else { return Err(error) };
                    tracing::warn!(%error, turn.id = %finish.turn, "a reply is not saved yet");
                    sleep(*wait).await;
                }
                done => return done,
            }
        }
    }

    /// Goes on trying to store a turn's end, for until then no other turn of its room can begin; the room hears of it.
    fn save_later(self: &Arc<Self>, conversation: ConversationId, finish: FinishTurn) {
        let chat = Arc::clone(self);
        let wait = self.options.retries.last().copied().unwrap_or_default();
        super::lock(&self.unsaved).insert(finish.turn);
        self.tasks.spawn("late save", async move {
            loop {
                let last = chat.stopping.run_until_cancelled(sleep(wait)).await.is_none();
                match chat.store.finish_turn(finish.clone()).await {
                    Err(error) if may_pass(&error) && !last => continue,
                    Ok(message) => {
                        tracing::info!(turn.id = %finish.turn, "a reply is saved after all");
                        chat.tell(message);
                    }
                    Err(StoreError::NotFound) => {}
                    Err(error) => tracing::error!(%error, turn.id = %finish.turn, "a reply is lost"),
                }
                super::lock(&chat.unsaved).remove(&finish.turn);
                return chat.begin_next(conversation).await;
            }
        });
    }

    /// Begins the turn that waits longest in a room, unless one runs.
    pub(super) async fn begin_next(self: &Arc<Self>, id: ConversationId) {
        while !self.draining() {
            let Some(row) = self.next_queued(id).await else { return };
            if let Some(turn) = self.adopt_or_close(&row).await {
                return self.launch(turn);
            }
        }
    }

    async fn next_queued(&self, id: ConversationId) -> Option<TurnRow> {
        let mut waits = self.options.retries.iter();
        loop {
            match self.store.begin_queued(id).await {
                Ok(row) => return row,
                Err(error) => {
                    tracing::warn!(%error, conversation.id = %id, "a queued turn cannot begin yet");
                    sleep(*waits.next()?).await;
                }
            }
        }
    }

    /// Takes the turns that wait in the store into memory: a turn's end looks there for the one to begin.
    pub(super) async fn adopt_queue(self: &Arc<Self>, id: ConversationId) {
        match self.store.live_turns(id).await {
            Ok(rows) => {
                for row in rows.iter().filter(|row| !row.running) {
                    if let Some(turn) = self.adopt_or_close(row).await {
                        self.forget_if_over(&turn).await;
                    }
                }
            }
            Err(error) => tracing::error!(%error, conversation.id = %id, "the queue cannot be read"),
        }
    }

    /// The live turn of a row; `None` if it cannot be made, and then the turn is closed.
    async fn adopt_or_close(self: &Arc<Self>, row: &TurnRow) -> Option<Arc<LiveTurn>> {
        let error = match self.adopt(row).await {
            Ok(turn) => return Some(turn),
            Err(error) => error,
        };
        tracing::error!(%error, turn.id = %row.id, "a queued turn cannot be read");
        let fault = Some(internal("This reply could not be begun. Try again."));
        let (end, usage) = (TurnEnd::Failed, Usage::default());
        let finish = FinishTurn { turn: row.id, end, parts: Vec::new(), usage, fault };
        match self.write_end(&finish).await {
            Ok(message) => self.tell(message),
            Err(error) => {
                tracing::error!(%error, turn.id = %row.id, "nor can it be closed");
                self.save_later(row.conversation, finish);
            }
        }
        None
    }

    /// Takes a turn that waits out of memory again if it began and ended before it was there.
    pub(super) async fn forget_if_over(&self, turn: &LiveTurn) {
        if !turn.has_begun() && matches!(self.store.turn(turn.by.user, turn.id).await, Err(StoreError::NotFound)) {
            self.rooms.with(turn.conversation, |room| room.leave(turn.id));
        }
    }

    /// Tells a room of a message that no live turn tells.
    pub(super) fn tell(&self, message: Message) {
        self.saw(message.conversation, message.seq);
        self.hub.publish(Topic::Conversation(message.conversation), ChatEvent::Message { message });
    }

    /// The live turn of a row, made if this process did not know it yet.
    pub(super) async fn adopt(&self, row: &TurnRow) -> Result<Arc<LiveTurn>, StoreError> {
        if let Some(turn) = self.rooms.turns(row.conversation).into_iter().find(|t| t.id == row.id) {
            return Ok(turn);
        }
        let reply = self.store.message(row.by, row.reply).await?;
        let user = self.store.user(row.by).await?.ok_or(StoreError::NotFound)?;
        let untitled = self.store.conversation(row.by, row.conversation).await?.summary.title.is_empty();
        let by = Caller {
            user: user.id,
            name: user.name,
            admin: user.admin,
            via: row.scopes.map_or(Via::Process, Via::Turn),
        };
        let make = || LiveTurn::new(self.hub.clone(), by, row.model.clone(), row.id, untitled, &reply);
        Ok(self.rooms.with(row.conversation, |room| room.enter(row.id, make)))
    }

    /// Runs a turn in the background, if nobody did so before.
    pub(super) fn launch(self: &Arc<Self>, turn: Arc<LiveTurn>) {
        if turn.begin() {
            turn.announce_running();
            self.tasks.spawn("turn", Arc::clone(self).run(turn, None));
        }
    }
}

/// Whether trying again may help.
fn may_pass(error: &StoreError) -> bool {
    matches!(error, StoreError::Busy | StoreError::Unwritable(_) | StoreError::Database(_))
}

/// The reply as open tabs are to see it when it cannot be stored.
fn unsaved(turn: &LiveTurn, finish: &FinishTurn) -> Message {
    let fault = internal(
        "This reply could not be saved: the server's disk or database cannot be written. Copy what you need of it.",
    );
    Message {
        parts: finish.parts.clone(),
        status: Status::Failed,
        usage: Some(finish.usage),
        fault: Some(fault),
        ..turn.reply.clone()
    }
}
