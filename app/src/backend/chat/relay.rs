//! What a connected server asks while a call of its tools runs in a turn: shown in the conversation, answered by a person.
//!
//! Rule: those may answer who may decide about the turn's calls: who asked for it, and the room's owner, from any of
//! their tabs. A question that nobody answers lapses, and a stopped turn takes it back; the server hears «cancelled».
//! Where there is no page to answer on, nothing is shown, and the server hears «declined».
//! Invariant: what was filled in goes to the server that asked and nowhere else: not into the transcript, not into a log.

use super::{Chat, ChatError, live::LiveTurn};
use crate::{
    backend::{
        caller::Caller,
        clock::Clock,
        tools::{
            ask::{Answer, Approved, Ask, Question},
            elicit::{self, Typed},
        },
    },
    wire::{
        elicitation::{ReplyAction, ServerQuestion, Wants},
        error::ApiError,
        id::{CallId, Millis, TurnId},
        limits::SERVER_QUESTION_MS,
        tool::ToolCall,
    },
};
use futures::{FutureExt, future::BoxFuture};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How a call of a turn asks.
#[derive(Debug)]
pub(super) struct InTurn {
    turn: Arc<LiveTurn>,
    part: u32,
    call: ToolCall,
    clock: Clock,
    patience: Duration,
    closed: CancellationToken,
    /// Whether there is a page to answer on.
    page: bool,
    waits: Mutex<Waits>,
}

/// How long the call has waited for a person.
#[derive(Debug, Default)]
struct Waits {
    since: Option<Instant>,
    done: Duration,
}

/// Counts a wait until it is dropped.
struct Waiting<'a>(&'a Mutex<Waits>);

impl<'a> Waiting<'a> {
    fn begin(waits: &'a Mutex<Waits>) -> Self {
        super::lock(waits).since = Some(Instant::now());
        Self(waits)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waits = super::lock(self.0);
        let since = waits.since.take();
        waits.done += since.map_or(Duration::ZERO, |since| since.elapsed());
    }
}

impl Ask for InTurn {
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer> {
        Approved.ask(question)
    }

    fn relay(&self, question: ServerQuestion) -> BoxFuture<'_, Answer> {
        async move {
            if !self.page {
                return Answer::Unavailable;
            }
            let _waits = Waiting::begin(&self.waits);
            let wait = i64::try_from(self.patience.as_millis()).unwrap_or(i64::MAX);
            let until = Millis(self.clock.now().0.saturating_add(wait));
            let mut relayed = self.turn.relay(self.part, &self.call, question, until);
            tokio::select! {
                biased;
                answer = &mut relayed.answer => answer.unwrap_or(Answer::Cancelled),
                () = self.closed.cancelled() => Answer::Cancelled,
                () = tokio::time::sleep(self.patience) => Answer::Cancelled,
            }
        }
        .boxed()
    }

    fn waited(&self) -> Duration {
        let mut waits = super::lock(&self.waits);
        let now = Instant::now();
        let since = waits.since.as_mut().map(|since| std::mem::replace(since, now));
        std::mem::take(&mut waits.done) + since.map_or(Duration::ZERO, |since| now.duration_since(since))
    }
}

impl Chat {
    /// How a call of a turn asks.
    pub(super) fn asking(&self, turn: &Arc<LiveTurn>, part: u32, call: &ToolCall) -> Arc<dyn Ask> {
        Arc::new(InTurn {
            turn: Arc::clone(turn),
            part,
            call: call.clone(),
            clock: self.clock.clone(),
            patience: self.options.approval.min(Duration::from_millis(SERVER_QUESTION_MS)),
            closed: self.closed.clone(),
            page: self.options.page,
            waits: Mutex::default(),
        })
    }

    /// Answers a server's question.
    ///
    /// # Errors
    /// `NotFound` for a question that is not open (any more), or a room `by` is not in; `Forbidden` for another's turn;
    /// `Invalid` (`fields`) for what does not fit the form.
    pub async fn reply_to_server(
        &self,
        by: &Caller,
        turn: TurnId,
        call: &CallId,
        number: u32,
        action: ReplyAction,
        typed: &Typed,
    ) -> Result<(), ChatError> {
        let turn = self.rooms.turn(turn).ok_or(ApiError::NotFound)?;
        self.may_decide(by, &turn).await?;
        let question = turn.relayed(call, number).ok_or(ApiError::NotFound)?;
        let answer = match (action, &question.wants) {
            (ReplyAction::Decline, _) => Answer::Declined,
            (ReplyAction::Cancel, _) => Answer::Cancelled,
            (ReplyAction::Send, Wants::Visit { .. }) => Answer::Accepted(Value::Null),
            (ReplyAction::Send, Wants::Form { fields }) => {
                Answer::Accepted(elicit::filled(fields, typed).map_err(|why| ApiError::invalid("fields", why))?)
            }
        };
        if turn.reply(call, number, answer) { Ok(()) } else { Err(ApiError::NotFound.into()) }
    }
}
