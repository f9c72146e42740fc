//! Servers' questions in a live turn.
//!
//! Invariant: a call has one such question open at most, from [`LiveTurn::relay`] until the [`Relayed`] it gave is
//! dropped; of those who answer it, the first counts. It waits for a connection of this process, so unlike a question
//! whether a call may run it does not outlive the process: its call is told to have been cut off.

use super::{Body, LiveTurn, calls::set_state};
use crate::{
    backend::tools::ask::Answer,
    wire::{
        elicitation::ServerQuestion,
        event::ChatEvent,
        id::{CallId, Millis},
        message::TurnState,
        tool::{ToolCall, ToolState},
    },
};
use std::sync::Arc;
use tokio::sync::oneshot;

/// An open question of a server.
#[derive(Debug)]
pub(super) struct Open {
    question: ServerQuestion,
    answer: Option<oneshot::Sender<Answer>>,
}

/// A question that is shown until this is dropped.
#[derive(Debug)]
pub(in crate::backend::chat) struct Relayed {
    turn: Arc<LiveTurn>,
    part: u32,
    call: ToolCall,
    pub(in crate::backend::chat) answer: oneshot::Receiver<Answer>,
}

impl LiveTurn {
    /// Shows a server's question in place of its call's progress.
    pub(in crate::backend::chat) fn relay(
        self: &Arc<Self>,
        part: u32,
        call: &ToolCall,
        question: ServerQuestion,
        until: Millis,
    ) -> Relayed {
        let (answer, answered) = oneshot::channel();
        let mut body = self.body();
        self.show(&mut body);
        let state = ToolState::Elicits { until, question: Box::new(question.clone()) };
        set_state(&mut body, call.id.clone(), state.clone());
        body.relayed.insert(call.id.clone(), Open { question, answer: Some(answer) });
        self.publish(ChatEvent::Tool { turn: self.id, part, call: call.clone(), state });
        self.enter(&mut body, TurnState::Asking);
        Relayed { turn: Arc::clone(self), part, call: call.clone(), answer: answered }
    }

    /// A call's open question, if it has the one of that number.
    pub(in crate::backend::chat) fn relayed(&self, call: &CallId, number: u32) -> Option<ServerQuestion> {
        let body = self.body();
        let open = body.relayed.get(call).filter(|open| open.question.number == number && open.answer.is_some())?;
        Some(open.question.clone())
    }

    /// Answers a call's open question; `false` if it has none of that number (any more).
    pub(in crate::backend::chat) fn reply(&self, call: &CallId, number: u32, answer: Answer) -> bool {
        let mut body = self.body();
        let open = body.relayed.get_mut(call).filter(|open| open.question.number == number);
        open.and_then(|open| open.answer.take()).is_some_and(|open| open.send(answer).is_ok())
    }
}

impl Body {
    /// Whether a call's server asks.
    pub(super) fn relays(&self, call: &CallId) -> bool {
        self.relayed.contains_key(call)
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        let turn = &self.turn;
        let mut body = turn.body();
        body.relayed.remove(&self.call.id);
        if let Some(open) = body.open.iter_mut().find(|open| open.call == self.call.id) {
            let state = ToolState::Running { progress: None, note: None };
            open.state = state.clone();
            turn.publish(ChatEvent::Tool { turn: turn.id, part: self.part, call: self.call.clone(), state });
        }
        turn.settle(&mut body);
    }
}
