//! A turn while it lives: what it wrote so far, the calls that are open, who may still decide.
//!
//! Invariant: whatever changes here is published under the same lock, so a snapshot and the events after it fit without
//! gap or duplicate. Text is appended to the last part and published in frames; nothing here is O(reply) per token
//! except the snapshot. Nothing is stored here: that is `turn`'s and `finish`'s.

use super::lock;
use crate::{
    backend::{
        caller::Caller,
        hub::{Hub, Topic},
    },
    wire::{
        event::{ChatEvent, TextKind},
        id::{CallId, ConversationId, MessageId, ModelId, TurnId},
        message::{Message, Part, TurnEnd, TurnSnapshot, TurnState, Usage},
        tool::{Approval, OpenCall, ToolCall, ToolOutcome, ToolResult, ToolState},
    },
};
use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// One queued or running turn.
#[derive(Debug)]
pub(super) struct LiveTurn {
    pub(super) id: TurnId,
    pub(super) conversation: ConversationId,
    pub(super) message: MessageId,
    /// The reply as it was stored before the turn ran.
    pub(super) reply: Message,
    /// What the reply answers.
    pub(super) parent: Option<MessageId>,
    pub(super) by: Caller,
    pub(super) model: ModelId,
    pub(super) untitled: bool,
    pub(super) stop: CancellationToken,
    hub: Hub,
    begun: AtomicBool,
    ending: AtomicBool,
    body: Mutex<Body>,
}

/// What changes: written by the turn's task, and by whoever stops or decides.
#[derive(Debug)]
pub(super) struct Body {
    parts: Vec<Part>,
    /// Bytes of the last part that were published.
    shown: usize,
    open: Vec<OpenCall>,
    questions: HashMap<CallId, oneshot::Sender<Approval>>,
    state: TurnState,
    usage: Usage,
    /// Grows with every change of `parts`: tells whether a checkpoint is due.
    changes: u64,
    stopped_as: Option<TurnEnd>,
    over: bool,
}

impl LiveTurn {
    /// A turn that waits, whose reply begins with the parts the store gave it.
    pub(super) fn new(hub: Hub, by: Caller, model: ModelId, turn: TurnId, untitled: bool, reply: &Message) -> Self {
        let shown = reply.parts.last().map_or(0, text_len);
        Self {
            id: turn,
            conversation: reply.conversation,
            message: reply.id,
            reply: reply.clone(),
            parent: reply.parent,
            by,
            model,
            untitled,
            stop: CancellationToken::new(),
            hub,
            begun: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            body: Mutex::new(Body {
                parts: reply.parts.clone(),
                shown,
                open: Vec::new(),
                questions: HashMap::new(),
                state: TurnState::Queued,
                usage: Usage::default(),
                changes: 0,
                stopped_as: None,
                over: false,
            }),
        }
    }

    /// Claims the right to run it; only the first gets it.
    pub(super) fn begin(&self) -> bool {
        let first = !self.begun.swap(true, Ordering::SeqCst);
        if first {
            self.body().state = TurnState::Running;
        }
        first
    }

    /// Whether somebody runs it or ran it.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    /// Claims the right to close it; only the first gets it.
    pub(super) fn close_once(&self) -> bool {
        !self.ending.swap(true, Ordering::SeqCst)
    }

    /// Asks it to end as `end`; the first reason stands.
    pub(super) fn stop_as(&self, end: TurnEnd) {
        self.body().stopped_as.get_or_insert(end);
        self.stop.cancel();
    }

    /// As what it was asked to end.
    pub(super) fn stopped_as(&self) -> TurnEnd {
        self.body().stopped_as.unwrap_or(TurnEnd::Stopped)
    }

    pub(super) fn body(&self) -> MutexGuard<'_, Body> {
        lock(&self.body)
    }

    /// All of it so far; `None` once its end was told.
    pub(super) fn snapshot(&self) -> Option<TurnSnapshot> {
        self.snapshot_of(&mut self.body())
    }

    /// [`LiveTurn::snapshot`] of a body that is locked already.
    pub(super) fn snapshot_of(&self, body: &mut Body) -> Option<TurnSnapshot> {
        if body.over {
            return None;
        }
        self.show(body);
        Some(TurnSnapshot {
            turn: self.id,
            message: self.message,
            conversation: self.conversation,
            state: body.state,
            parts: body.parts.clone(),
            open_calls: body.open.clone(),
        })
    }

    /// Tells the room of the turn as it stands.
    pub(super) fn announce(&self) {
        let mut body = self.body();
        if let Some(turn) = self.snapshot_of(&mut body) {
            self.publish(ChatEvent::Turn { turn });
        }
    }

    /// Tells the room that it no longer waits.
    pub(super) fn announce_running(&self) {
        let body = self.body();
        self.publish(ChatEvent::TurnState { turn: self.id, state: body.state });
    }

    /// Adds text to the reply; the room hears it with the next [`LiveTurn::flush`].
    pub(super) fn append(&self, kind: TextKind, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut body = self.body();
        let fits = matches!(
            (body.parts.last(), kind),
            (Some(Part::Text { .. }), TextKind::Text)
                | (Some(Part::Thinking { signature: None, .. }), TextKind::Thinking)
        );
        if !fits {
            self.show(&mut body);
            body.shown = 0;
            body.parts.push(match kind {
                TextKind::Text => Part::Text { text: String::new() },
                TextKind::Thinking => Part::Thinking { text: String::new(), signature: None },
            });
        }
        body.changes += 1;
        if let Some(Part::Text { text: end } | Part::Thinking { text: end, .. }) = body.parts.last_mut() {
            // Databases store no NUL, and no reader needs one.
            end.extend(text.split('\0'));
        }
    }

    /// Closes the open block of reasoning with the provider's seal.
    pub(super) fn seal(&self, seal: String) {
        let mut body = self.body();
        body.changes += 1;
        if let Some(Part::Thinking { signature: signature @ None, .. }) = body.parts.last_mut() {
            *signature = Some(seal);
        } else {
            self.show(&mut body);
            body.shown = 0;
            body.parts.push(Part::Thinking { text: String::new(), signature: Some(seal) });
        }
    }

    /// Tells the room the text that was added since the last time.
    pub(super) fn flush(&self) {
        self.show(&mut self.body());
    }

    /// Adds a call, running or asking; its index. A question's answer comes through the receiver.
    pub(super) fn open_call(&self, call: &ToolCall, state: ToolState) -> (u32, Option<oneshot::Receiver<Approval>>) {
        let mut body = self.body();
        self.show(&mut body);
        let part = index(body.parts.len());
        body.parts.push(Part::ToolCall(call.clone()));
        body.changes += 1;
        body.open.push(OpenCall { call: call.id.clone(), state: state.clone() });
        let asked = matches!(state, ToolState::Asked { .. });
        self.publish(ChatEvent::Tool { turn: self.id, part, call: call.clone(), state });
        let answer = asked.then(|| {
            let (question, answer) = oneshot::channel();
            body.questions.insert(call.id.clone(), question);
            self.enter(&mut body, TurnState::Asking);
            answer
        });
        (part, answer)
    }

    /// Tells that an open call is at work, after an approval or with its progress; a finished call stays finished.
    pub(super) fn call_runs(&self, part: u32, call: &ToolCall, progress: Option<f32>, note: Option<String>) {
        let mut body = self.body();
        let Some(open) = body.open.iter_mut().find(|open| open.call == call.id) else { return };
        let state = ToolState::Running { progress, note };
        open.state = state.clone();
        self.publish(ChatEvent::Tool { turn: self.id, part, call: call.clone(), state });
        self.answered(&mut body, &call.id);
    }

    /// Adds a call's result.
    pub(super) fn close_call(&self, part: u32, call: &ToolCall, result: ToolResult) {
        self.close_in(&mut self.body(), part, call, result);
    }

    fn close_in(&self, body: &mut Body, part: u32, call: &ToolCall, result: ToolResult) {
        self.show(body);
        body.open.retain(|open| open.call != call.id);
        body.parts.push(Part::ToolResult(result.clone()));
        body.changes += 1;
        self.publish(ChatEvent::Tool { turn: self.id, part, call: call.clone(), state: ToolState::Done { result } });
        self.answered(body, &call.id);
    }

    /// Gives every call without a result one that says why, so that a transcript never shows a call at work for ever.
    pub(super) fn close_calls(&self, why: &str) {
        let mut body = self.body();
        let open: Vec<(u32, ToolCall)> = body
            .parts
            .iter()
            .enumerate()
            .filter_map(|(at, part)| match part {
                Part::ToolCall(call) if !has_result(&body.parts, &call.id) => Some((index(at), call.clone())),
                _ => None,
            })
            .collect();
        for (part, call) in open {
            let result = ToolResult { call: call.id.clone(), outcome: ToolOutcome::error(why), duration_ms: 0 };
            self.close_in(&mut body, part, &call, result);
        }
    }

    /// Answers an open question; `false` if there is none (any more).
    pub(super) fn decide(&self, call: &CallId, approval: Approval) -> bool {
        let question = self.body().questions.remove(call);
        question.is_some_and(|question| question.send(approval).is_ok())
    }

    /// The name of the tool that asks.
    pub(super) fn asking(&self, call: &CallId) -> Option<String> {
        let body = self.body();
        body.questions.contains_key(call).then_some(())?;
        body.parts.iter().find_map(|part| match part {
            Part::ToolCall(c) if c.id == *call => Some(c.name.clone()),
            _ => None,
        })
    }

    /// A call id no call of this turn has: some local models count from zero in every round.
    pub(super) fn unique(&self, id: CallId) -> CallId {
        let body = self.body();
        let taken = |id: &CallId| body.parts.iter().any(|p| matches!(p, Part::ToolCall(c) if c.id == *id));
        if !id.0.is_empty() && !taken(&id) {
            return id;
        }
        // One more candidate than there are parts: one is free.
        (2..body.parts.len() + 3).map(|n| CallId(format!("{}_{n}", id.0))).find(|id| !taken(id)).unwrap_or(id)
    }

    /// Counts tokens of this request, which replace what it counted before.
    pub(super) fn count(&self, before: Usage, now: Usage) {
        let mut sum = before;
        sum += now;
        self.body().usage = sum;
    }

    /// The tokens so far.
    pub(super) fn usage(&self) -> Usage {
        self.body().usage
    }

    /// How many parts there are.
    pub(super) fn len(&self) -> usize {
        self.body().parts.len()
    }

    /// The parts from `first` on.
    pub(super) fn parts_from(&self, first: usize) -> Vec<Part> {
        self.body().parts.get(first..).unwrap_or_default().to_vec()
    }

    /// Parts, tokens and the number of changes, if there were any since `seen`.
    pub(super) fn changed_since(&self, seen: u64) -> Option<(Vec<Part>, Usage, u64)> {
        let body = self.body();
        (body.changes != seen).then(|| (body.parts.clone(), body.usage, body.changes))
    }

    /// Tells its end, after its final text; nothing is told of it afterwards.
    pub(super) fn end(&self, message: Option<Message>, end: TurnEnd) {
        let mut body = self.body();
        body.over = true;
        body.questions.clear();
        if let Some(message) = message {
            self.publish(ChatEvent::Message { message });
        }
        self.publish(ChatEvent::TurnEnded { turn: self.id, end });
    }

    fn show(&self, body: &mut Body) {
        let Some((part, kind, text)) = unseen(body) else { return };
        let offset = index(body.shown);
        body.shown += text.len();
        self.publish(ChatEvent::Delta { turn: self.id, part, offset, kind, text });
    }

    fn answered(&self, body: &mut Body, call: &CallId) {
        body.questions.remove(call);
        if body.open.iter().all(|open| !matches!(open.state, ToolState::Asked { .. })) {
            self.enter(body, TurnState::Running);
        }
    }

    fn enter(&self, body: &mut Body, state: TurnState) {
        if body.state != state {
            body.state = state;
            self.publish(ChatEvent::TurnState { turn: self.id, state });
        }
    }

    fn publish(&self, event: ChatEvent) {
        self.hub.publish(Topic::Conversation(self.conversation), event);
    }
}

fn has_result(parts: &[Part], call: &CallId) -> bool {
    parts.iter().any(|part| matches!(part, Part::ToolResult(result) if result.call == *call))
}

fn text_len(part: &Part) -> usize {
    match part {
        Part::Text { text } | Part::Thinking { text, .. } => text.len(),
        _ => 0,
    }
}

fn unseen(body: &Body) -> Option<(u32, TextKind, String)> {
    let (kind, text) = match body.parts.last()? {
        Part::Text { text } => (TextKind::Text, text),
        Part::Thinking { text, .. } => (TextKind::Thinking, text),
        _ => return None,
    };
    let rest = text.get(body.shown..).filter(|rest| !rest.is_empty())?;
    Some((index(body.parts.len() - 1), kind, rest.to_owned()))
}

/// Indices and offsets are 32 bits on the wire: no reply comes near 4 GiB.
fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
