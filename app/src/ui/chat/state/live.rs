//! Turns that wait or run: streamed text and tool calls, merged into their reply's parts.
//!
//! Invariant: a reply's parts only grow while its turn lives (a call's arguments may be edited, once), so of two versions
//! the further one is the right one, and text at an offset that is here already is dropped. Text beyond the end is a gap: it is not taken, and asked for.

use super::{ChatState, Effects};
use crate::wire::{
    event::TextKind,
    id::{CallId, MessageId, TurnId},
    message::{Part, Status, TurnSnapshot, TurnState},
    tool::{ToolCall, ToolState},
};

/// A turn at work.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveTurn {
    /// The reply it writes.
    pub message: MessageId,
    /// Waiting, writing or asking.
    pub state: TurnState,
    /// Calls without a result yet, and where they are.
    pub calls: Vec<(CallId, ToolState)>,
    /// Parts that came before the message they belong to.
    early: Option<Vec<Part>>,
}

impl LiveTurn {
    /// Where an unfinished call is.
    pub fn call(&self, id: &CallId) -> Option<&ToolState> {
        self.calls.iter().find(|(call, _)| call == id).map(|(_, state)| state)
    }
}

/// The version of a growing list of parts that got further.
pub fn further(one: Vec<Part>, other: Vec<Part>) -> Vec<Part> {
    if reach(&other) > reach(&one) { other } else { one }
}

fn reach(parts: &[Part]) -> (usize, usize, usize) {
    let edited = parts.iter().filter(|part| matches!(part, Part::ToolCall(call) if call.edited.is_some()));
    (parts.len(), parts.last().and_then(text_of).map_or(0, str::len), edited.count())
}

fn text_of(part: &Part) -> Option<&str> {
    match part {
        Part::Text { text } | Part::Thinking { text, .. } => Some(text),
        _ => None,
    }
}

impl ChatState {
    /// Whether a turn's reply is here and over: its stragglers are dropped.
    fn is_over(&self, turn: TurnId) -> bool {
        !self.turns.contains_key(&turn)
            && self.messages.values().any(|m| m.turn == Some(turn) && m.status != Status::Pending)
    }

    pub(super) fn snapshot(&mut self, turn: TurnSnapshot, fx: &mut Effects) {
        let TurnSnapshot { turn: id, message, state, parts, open_calls, .. } = turn;
        let calls = open_calls.into_iter().map(|open| (open.call, open.state)).collect();
        let early = match self.messages.get_mut(&message) {
            Some(reply) if reply.status != Status::Pending => return,
            Some(reply) => {
                reply.turn = Some(id);
                reply.parts = further(std::mem::take(&mut reply.parts), parts);
                None
            }
            None => Some(parts),
        };
        self.turns.insert(id, LiveTurn { message, state, calls, early });
        fx.changed.push(message);
    }

    /// Gives a reply the parts that came before it.
    pub(super) fn catch_up(&mut self, turn: TurnId) {
        let Some(live) = self.turns.get_mut(&turn) else { return };
        let Some(reply) = self.messages.get_mut(&live.message) else { return };
        if let Some(early) = live.early.take() {
            reply.parts = further(std::mem::take(&mut reply.parts), early);
        }
    }

    pub(super) fn turn_state(&mut self, turn: TurnId, state: TurnState, fx: &mut Effects) {
        if let Some(live) = self.turns.get_mut(&turn) {
            live.state = state;
            fx.changed.push(live.message);
        } else if !self.is_over(turn) {
            self.ask_again(fx);
        }
    }

    pub(super) fn turn_ended(&mut self, turn: TurnId, fx: &mut Effects) {
        let Some(live) = self.turns.remove(&turn) else { return };
        if self.messages.get(&live.message).is_none_or(|reply| reply.status == Status::Pending) {
            self.ask_again(fx);
        }
        fx.changed.push(live.message);
    }

    /// The parts a live turn writes to, and its reply.
    fn writing(&mut self, turn: TurnId) -> Option<(MessageId, &mut Vec<Part>)> {
        let live = self.turns.get_mut(&turn)?;
        let message = live.message;
        match (&mut live.early, self.messages.get_mut(&message)) {
            (Some(early), None) => Some((message, early)),
            (_, Some(reply)) => Some((message, &mut reply.parts)),
            (None, None) => None,
        }
    }

    pub(super) fn delta(&mut self, turn: TurnId, part: u32, offset: u32, kind: TextKind, text: &str, fx: &mut Effects) {
        match self.writing(turn).map(|(message, parts)| (message, extend(parts, part, offset, kind, text))) {
            Some((message, Grown::Old)) => fx.grown = Some((message, part)),
            Some((message, Grown::New)) => fx.changed.push(message),
            Some((_, Grown::Not)) => {}
            None if self.is_over(turn) => {}
            Some((_, Grown::Gap)) | None => self.ask_again(fx),
        }
    }

    pub(super) fn tool(&mut self, turn: TurnId, part: u32, call: &ToolCall, state: &ToolState, fx: &mut Effects) {
        let Some((message, parts)) = self.writing(turn) else {
            if !self.is_over(turn) {
                self.ask_again(fx);
            }
            return;
        };
        let part = part as usize;
        if part > parts.len() {
            return self.ask_again(fx);
        }
        match parts.get_mut(part) {
            None => parts.push(Part::ToolCall(call.clone())),
            // Whoever let it run may have changed what it runs with.
            Some(Part::ToolCall(known)) if call.edited.is_some() => known.clone_from(call),
            Some(_) => {}
        }
        let answered = parts.iter().any(|p| matches!(p, Part::ToolResult(result) if result.call == call.id));
        if let (ToolState::Done { result }, false) = (state, answered) {
            parts.push(Part::ToolResult(result.clone()));
        }
        let done = answered || matches!(state, ToolState::Done { .. });
        if let Some(live) = self.turns.get_mut(&turn) {
            live.calls.retain(|(id, _)| *id != call.id);
            if !done {
                live.calls.push((call.id.clone(), state.clone()));
            }
        }
        fx.changed.push(message);
    }
}

enum Grown {
    /// A part that was here grew at its end.
    Old,
    /// A part was begun.
    New,
    /// Nothing new in it.
    Not,
    /// Something before it is missing.
    Gap,
}

fn extend(parts: &mut Vec<Part>, part: u32, offset: u32, kind: TextKind, text: &str) -> Grown {
    let (part, offset) = (part as usize, offset as usize);
    if part == parts.len() && offset == 0 {
        let text = text.to_owned();
        parts.push(match kind {
            TextKind::Text => Part::Text { text },
            TextKind::Thinking => Part::Thinking { text, signature: None },
        });
        return Grown::New;
    }
    let ((Some(Part::Text { text: here }), TextKind::Text)
    | (Some(Part::Thinking { text: here, .. }), TextKind::Thinking)) = (parts.get_mut(part), kind)
    else {
        return Grown::Gap;
    };
    let Some(seen) = here.len().checked_sub(offset) else { return Grown::Gap };
    match text.get(seen..) {
        Some("") => Grown::Not,
        Some(rest) => {
            here.push_str(rest);
            Grown::Old
        }
        None if seen >= text.len() => Grown::Not,
        None => Grown::Gap,
    }
}
