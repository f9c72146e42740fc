//! The calls of a live turn: at work here or elsewhere, asking, answered.
//!
//! Invariant: a question is open from [`LiveTurn::ask`] until its call runs or is closed. It is told by
//! [`LiveTurn::tell_questions`], once it is stored; of those who answer it, the first counts.

use super::{Body, LiveTurn, index};
use crate::{
    backend::store::turns::waiting::{Suspended, Waiting, WaitingCall, WaitingTask},
    wire::{
        app::ToolApp,
        event::ChatEvent,
        id::{CallId, UserId},
        message::{Part, TurnState},
        tool::{Approval, Edited, OpenCall, ToolCall, ToolOutcome, ToolResult, ToolState},
    },
};
use tokio::sync::oneshot;

/// An open question.
#[derive(Debug)]
pub(super) struct Asking {
    /// Where the answer goes; `None` once there is one.
    answer: Option<oneshot::Sender<Answer>>,
    asked: WaitingCall,
}

/// What somebody answered.
#[derive(Clone, Debug)]
pub(in crate::backend::chat) struct Answer {
    pub(in crate::backend::chat) approval: Approval,
    /// How far it reaches: another's «always» counts once.
    pub(in crate::backend::chat) lasts: bool,
    pub(in crate::backend::chat) by: UserId,
    /// What to run it with instead.
    pub(in crate::backend::chat) edited: Option<Edited>,
    /// The hash of the definition that they were shown.
    pub(in crate::backend::chat) definition: String,
}

impl Body {
    /// The open questions and the tasks elsewhere, to be stored, if there are any.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let asked = |open: &OpenCall| self.questions.get(&open.call).map(|asking| asking.asked.clone());
        let calls: Vec<_> = self.open.iter().filter_map(asked).collect();
        let tasks = self.tasks.clone();
        let waits = !(calls.is_empty() && tasks.is_empty());
        waits.then_some(Waiting { begun: self.begun, rounds: self.rounds, calls, tasks })
    }
}

impl LiveTurn {
    /// Adds a call; its index.
    pub(in crate::backend::chat) fn open_call(&self, call: &ToolCall) -> u32 {
        let mut body = self.body();
        self.show(&mut body);
        let part = index(body.parts.len());
        body.parts.push(Part::ToolCall(call.clone()));
        body.changes += 1;
        let state = ToolState::Running { progress: None, note: None };
        body.open.push(OpenCall { call: call.id.clone(), state: state.clone() });
        self.publish(ChatEvent::Tool { turn: self.id, part, call: call.clone(), state });
        part
    }

    /// Opens a call's question, or asks it anew, without telling of it yet; the answer comes through the receiver.
    pub(in crate::backend::chat) fn ask(&self, asked: WaitingCall) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        let mut body = self.body();
        body.changes += 1;
        set_state(&mut body, asked.call.clone(), asks(&asked));
        body.questions.insert(asked.call.clone(), Asking { answer: Some(answer), asked });
        answered
    }

    /// Asks an open question in other words, and tells of that.
    pub(in crate::backend::chat) fn ask_anew(&self, asked: WaitingCall) {
        {
            let mut body = self.body();
            body.changes += 1;
            let Some(asking) = body.questions.get_mut(&asked.call) else { return };
            asking.asked = asked.clone();
            set_state(&mut body, asked.call.clone(), asks(&asked));
        }
        self.tell_questions();
    }

    /// Tells the room of the open questions.
    pub(in crate::backend::chat) fn tell_questions(&self) {
        let mut body = self.body();
        self.show(&mut body);
        for (at, part) in body.parts.iter().enumerate() {
            if let Part::ToolCall(call) = part
                && let Some(asking) = body.questions.get(&call.id)
            {
                let state = asks(&asking.asked);
                self.publish(ChatEvent::Tool { turn: self.id, part: index(at), call: call.clone(), state });
            }
        }
        if !body.questions.is_empty() {
            self.enter(&mut body, TurnState::Asking);
        }
    }

    /// Closes a question that cannot be asked after all.
    pub(in crate::backend::chat) fn withdraw(&self, call: &CallId) {
        let mut body = self.body();
        set_state(&mut body, call.clone(), ToolState::Running { progress: None, note: None });
        self.answered(&mut body, call);
    }

    /// Whether it has open questions, or tasks elsewhere: then the next process can go on with it.
    pub(in crate::backend::chat) fn waits(&self) -> bool {
        let body = self.body();
        !(body.questions.is_empty() && body.tasks.is_empty())
    }

    /// Notes that another server works at a call.
    pub(in crate::backend::chat) fn keep_task(&self, task: WaitingTask) {
        let mut body = self.body();
        body.changes += 1;
        body.tasks.retain(|kept| kept.call != task.call);
        body.tasks.push(task);
    }

    /// Forgets the task of a call that could not be stored.
    pub(in crate::backend::chat) fn forget_task(&self, call: &CallId) {
        self.body().tasks.retain(|kept| kept.call != *call);
    }

    /// Whether another server works at a call.
    pub(in crate::backend::chat) fn has_task(&self, call: &CallId) -> bool {
        self.body().tasks.iter().any(|kept| kept.call == *call)
    }

    /// The calls that other servers work at, each with its index.
    pub(in crate::backend::chat) fn tasks(&self) -> Vec<(u32, ToolCall, WaitingTask)> {
        let body = self.body();
        let calls = body.parts.iter().enumerate().filter_map(|(at, part)| match part {
            Part::ToolCall(call) => Some((index(at), call)),
            _ => None,
        });
        let kept = |id: &CallId| body.tasks.iter().find(|kept| kept.call == *id);
        calls.filter_map(|(at, call)| Some((at, call.clone(), kept(&call.id)?.clone()))).collect()
    }

    /// The calls that ask.
    pub(in crate::backend::chat) fn asked(&self) -> Vec<ToolCall> {
        let body = self.body();
        let asked = |part: &Part| match part {
            Part::ToolCall(call) if body.questions.contains_key(&call.id) => Some(call.clone()),
            _ => None,
        };
        body.parts.iter().filter_map(asked).collect()
    }

    /// The call that asks, and its question.
    pub(in crate::backend::chat) fn asking(&self, call: &CallId) -> Option<(ToolCall, WaitingCall)> {
        let body = self.body();
        let asking = body.questions.get(call).filter(|asking| asking.answer.is_some())?;
        body.parts.iter().find_map(|part| match part {
            Part::ToolCall(c) if c.id == *call => Some((c.clone(), asking.asked.clone())),
            _ => None,
        })
    }

    /// Answers an open question; `false` if there is none (any more).
    pub(in crate::backend::chat) fn decide(&self, call: &CallId, answer: Answer) -> bool {
        let question = self.body().questions.get_mut(call).and_then(|asking| asking.answer.take());
        question.is_some_and(|question| question.send(answer).is_ok())
    }

    /// Notes the arguments that a person put in place of the model's; the call as it is now.
    pub(in crate::backend::chat) fn edit_call(&self, part: u32, call: ToolCall, edited: Edited) -> ToolCall {
        let mut body = self.body();
        body.changes += 1;
        let call = ToolCall { edited: Some(edited), ..call };
        if let Some(Part::ToolCall(shown)) = body.parts.get_mut(part as usize) {
            shown.clone_from(&call);
        }
        call
    }

    /// Notes which app shows a call that is about to run, and tells of it; the call as it is now.
    pub(in crate::backend::chat) fn show_app(&self, part: u32, call: ToolCall, app: ToolApp) -> ToolCall {
        let call = ToolCall { app: Some(Box::new(app)), ..call };
        {
            let mut body = self.body();
            body.changes += 1;
            if let Some(Part::ToolCall(shown)) = body.parts.get_mut(part as usize) {
                shown.clone_from(&call);
            }
        }
        self.call_runs(part, &call, None, None);
        call
    }

    /// Tells that an open call is at work, after an approval or with its progress; a finished call stays finished.
    pub(in crate::backend::chat) fn call_runs(
        &self,
        part: u32,
        call: &ToolCall,
        progress: Option<f32>,
        note: Option<String>,
    ) {
        let mut body = self.body();
        // What its server asks is more than what it says of its progress.
        if body.relays(&call.id) {
            return;
        }
        let Some(open) = body.open.iter_mut().find(|open| open.call == call.id) else { return };
        let state = ToolState::Running { progress, note };
        open.state = state.clone();
        self.publish(ChatEvent::Tool { turn: self.id, part, call: call.clone(), state });
        self.answered(&mut body, &call.id);
    }

    /// Adds a call's result.
    pub(in crate::backend::chat) fn close_call(&self, part: u32, call: &ToolCall, result: ToolResult) {
        self.close_in(&mut self.body(), part, call, result);
    }

    fn close_in(&self, body: &mut Body, part: u32, call: &ToolCall, result: ToolResult) {
        self.show(body);
        body.open.retain(|open| open.call != call.id);
        body.tasks.retain(|kept| kept.call != call.id);
        body.parts.push(Part::ToolResult(result.clone()));
        body.changes += 1;
        self.publish(ChatEvent::Tool { turn: self.id, part, call: call.clone(), state: ToolState::Done { result } });
        self.answered(body, &call.id);
    }

    /// Gives every call without a result one that says why, so that a transcript never shows a call at work for ever.
    pub(in crate::backend::chat) fn close_calls(&self, why: &str) {
        let mut body = self.body();
        self.close_those(&mut body, why, |_, _| true);
    }

    fn close_those(&self, body: &mut Body, why: &str, which: impl Fn(&Body, &CallId) -> bool) {
        let open: Vec<(u32, ToolCall)> = body
            .parts
            .iter()
            .enumerate()
            .filter_map(|(at, part)| match part {
                Part::ToolCall(call) if !has_result(&body.parts, &call.id) && which(body, &call.id) => {
                    Some((index(at), call.clone()))
                }
                _ => None,
            })
            .collect();
        for (part, call) in open {
            let result = ToolResult { call: call.id.clone(), outcome: ToolOutcome::error(why), duration_ms: 0 };
            self.close_in(body, part, &call, result);
        }
    }

    /// Takes up what was stored of it when it waited: its calls that ask, each with its index and whence its answer
    /// comes. Calls that were at work then, other than at another server, are closed with `why`.
    pub(in crate::backend::chat) fn take_up(
        &self,
        stored: Suspended,
        why: &str,
    ) -> Vec<(u32, ToolCall, WaitingCall, oneshot::Receiver<Answer>)> {
        let Suspended { parts, usage, waiting, .. } = stored;
        {
            let mut body = self.body();
            (body.parts, body.usage) = (parts, usage);
            (body.begun, body.rounds) = (waiting.begun, waiting.rounds);
            body.told = super::Told::all(&body.parts);
            let open = |call: &CallId| body.parts.iter().any(|part| matches!(part, Part::ToolCall(c) if c.id == *call));
            let kept =
                waiting.tasks.into_iter().filter(|kept| open(&kept.call) && !has_result(&body.parts, &kept.call));
            let kept: Vec<WaitingTask> = kept.collect();
            body.tasks = kept;
            for task in body.tasks.clone() {
                set_state(&mut body, task.call, ToolState::Running { progress: None, note: None });
            }
        }
        let mut asked = Vec::new();
        for question in waiting.calls {
            let call = self.body().parts.iter().enumerate().find_map(|(at, part)| match part {
                Part::ToolCall(call) if call.id == question.call => Some((index(at), call.clone())),
                _ => None,
            });
            if let Some((part, call)) = call {
                let answer = self.ask(question.clone());
                asked.push((part, call, question, answer));
            }
        }
        let mut body = self.body();
        let goes_on = |body: &Body, call: &CallId| {
            body.questions.contains_key(call) || body.tasks.iter().any(|kept| kept.call == *call)
        };
        self.close_those(&mut body, why, |body, call| !goes_on(body, call));
        if !asked.is_empty() {
            self.enter(&mut body, TurnState::Asking);
        }
        asked
    }

    /// A call id no call of this turn has: some local models count from zero in every round.
    pub(in crate::backend::chat) fn unique(&self, id: CallId) -> CallId {
        let body = self.body();
        let taken = |id: &CallId| body.parts.iter().any(|p| matches!(p, Part::ToolCall(c) if c.id == *id));
        if !id.0.is_empty() && !taken(&id) {
            return id;
        }
        // One more candidate than there are parts: one is free.
        (2..body.parts.len() + 3).map(|n| CallId(format!("{}_{n}", id.0))).find(|id| !taken(id)).unwrap_or(id)
    }

    fn answered(&self, body: &mut Body, call: &CallId) {
        if body.questions.remove(call).is_some() {
            body.changes += 1;
        }
        self.settle(body);
    }
}

fn asks(asked: &WaitingCall) -> ToolState {
    ToolState::Asked { until: asked.until, question: Some(asked.question.clone()) }
}

pub(super) fn set_state(body: &mut Body, call: CallId, state: ToolState) {
    match body.open.iter_mut().find(|open| open.call == call) {
        Some(open) => open.state = state,
        None => body.open.push(OpenCall { call, state }),
    }
}

fn has_result(parts: &[Part], call: &CallId) -> bool {
    parts.iter().any(|part| matches!(part, Part::ToolResult(result) if result.call == *call))
}
