//! The signals of one message: a head, and one cell for each visible part.
//!
//! Invariant: a signal is set only when what it holds changed. Growing text goes to its own part's cell (see
//! [`super::text`]). A tool's call and result are one cell.

use super::{state::ChatState, text::TextCell};
use crate::wire::{
    id::{MessageId, Millis, ModelId, TurnId},
    message::{Author, Fault, FileRef, Message, Part, Resource, Role, Status, TurnState, Usage},
    tool::{ToolCall, ToolResult, ToolState},
};
use leptos::prelude::*;

/// One message, live.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Everything but its parts.
    pub head: ArcRwSignal<Head>,
    /// Its visible parts; the key is the part's index.
    pub parts: ArcRwSignal<Vec<(usize, PartCell)>>,
}

/// Everything of a message but its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Who speaks.
    pub role: Role,
    /// Which person.
    pub author: Option<Author>,
    /// How far it got.
    pub status: Status,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// The model that wrote it.
    pub model: Option<ModelId>,
    /// What it cost.
    pub usage: Option<Usage>,
    /// When it was made.
    pub created_at: Millis,
    /// Its place among its alternatives, and their number.
    pub branch: (usize, usize),
    /// The live turn that writes it.
    pub turn: Option<(TurnId, TurnState)>,
}

/// One visible part, live.
#[derive(Clone, Debug)]
pub enum PartCell {
    /// Markdown.
    Text(TextCell),
    /// The model's reasoning.
    Thinking(ArcRwSignal<String>),
    /// A call and what came of it.
    Tool(ArcRwSignal<ToolView>),
    /// An attached file.
    File(FileRef),
    /// What the message refers to, as it was read for it.
    Resource(Resource),
}

/// A tool call as the transcript shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolView {
    /// The turn it belongs to, while that lives.
    pub turn: Option<TurnId>,
    /// The message it is in.
    pub message: MessageId,
    /// The call.
    pub call: ToolCall,
    /// Where it is; `None` when the turn ended without a result.
    pub state: Option<ToolState>,
}

impl Cell {
    /// The signals of a loaded message.
    pub fn of(state: &ChatState, id: MessageId) -> Option<Self> {
        let message = state.message(id)?;
        let cell = Self { head: ArcRwSignal::new(head(state, message)), parts: ArcRwSignal::new(Vec::new()) };
        cell.refresh_parts(state, message);
        Some(cell)
    }

    /// Takes over whatever changed in the message.
    pub fn refresh(&self, state: &ChatState, id: MessageId) {
        let Some(message) = state.message(id) else { return };
        let head = head(state, message);
        if self.head.with_untracked(|old| *old != head) {
            self.head.set(head);
        }
        self.refresh_parts(state, message);
    }

    /// Takes over the growth of one text part.
    pub fn grow(&self, state: &ChatState, id: MessageId, part: u32) {
        let Some(part) = state.message(id).and_then(|m| m.parts.get(part as usize).map(|p| (part as usize, p))) else {
            return;
        };
        let cell =
            self.parts.with_untracked(|cells| cells.iter().find(|(at, _)| *at == part.0).map(|(_, c)| c.clone()));
        match (cell, part.1) {
            (Some(PartCell::Text(cell)), Part::Text { text }) => cell.grow(text),
            (Some(PartCell::Thinking(signal)), Part::Thinking { text, .. }) => {
                signal.update(|shown| shown.extend(text.get(shown.len()..)));
            }
            _ => self.refresh(state, id),
        }
    }

    fn refresh_parts(&self, state: &ChatState, message: &Message) {
        let whole = message.status != Status::Pending;
        let old = self.parts.get_untracked();
        let mut shape_changed = false;
        let mut cells = Vec::with_capacity(message.parts.len());
        for (at, part) in message.parts.iter().enumerate() {
            let known = old.iter().find(|(key, _)| *key == at).map(|(_, cell)| cell.clone());
            let kept = known.filter(|cell| update(cell, state, message, part, whole));
            shape_changed |= kept.is_none() && !matches!(part, Part::ToolResult(_));
            if let Some(cell) = kept.or_else(|| make(state, message, part, whole)) {
                cells.push((at, cell));
            }
        }
        if shape_changed || cells.len() != old.len() {
            self.parts.set(cells);
        }
    }
}

fn head(state: &ChatState, message: &Message) -> Head {
    Head {
        role: message.role,
        author: message.author.clone(),
        status: message.status,
        fault: message.fault.clone(),
        model: message.model.clone(),
        usage: message.usage,
        created_at: message.created_at,
        branch: state.branch(message.id),
        turn: state.turn_of(message.id).map(|(turn, live)| (turn, live.state)),
    }
}

fn make(state: &ChatState, message: &Message, part: &Part, whole: bool) -> Option<PartCell> {
    Some(match part {
        Part::Text { text } => PartCell::Text(TextCell::new(text, whole)),
        Part::Thinking { text, .. } => PartCell::Thinking(ArcRwSignal::new(text.clone())),
        Part::ToolCall(call) => PartCell::Tool(ArcRwSignal::new(tool_view(state, message, call))),
        Part::File(file) => PartCell::File(file.clone()),
        Part::Resource(resource) => PartCell::Resource(resource.clone()),
        Part::ToolResult(_) => return None,
    })
}

/// Brings a cell up to date; whether it is of the part's kind.
fn update(shown: &PartCell, state: &ChatState, message: &Message, part: &Part, whole: bool) -> bool {
    match (shown, part) {
        (PartCell::Text(cell), Part::Text { text }) => cell.take(text, whole),
        (PartCell::Thinking(signal), Part::Thinking { text, .. }) => {
            if signal.with_untracked(|old| old != text) {
                signal.set(text.clone());
            }
        }
        (PartCell::Tool(signal), Part::ToolCall(call)) => {
            let view = tool_view(state, message, call);
            if signal.with_untracked(|old| *old != view) {
                signal.set(view);
            }
        }
        (PartCell::File(old), Part::File(new)) => return old == new,
        (PartCell::Resource(old), Part::Resource(new)) => return old == new,
        _ => return false,
    }
    true
}

fn tool_view(state: &ChatState, message: &Message, call: &ToolCall) -> ToolView {
    let live = state.turn_of(message.id);
    let result = message.parts.iter().find_map(|part| match part {
        Part::ToolResult(result) if result.call == call.id => Some(result.clone()),
        _ => None,
    });
    let state = match result {
        Some(result) => Some(ToolState::Done { result }),
        None => live
            .map(|(_, live)| live.call(&call.id).cloned().unwrap_or(ToolState::Running { progress: None, note: None })),
    };
    ToolView { turn: live.map(|(turn, _)| turn), message: message.id, call: call.clone(), state }
}

impl ToolView {
    /// The result, once there is one.
    pub fn result(&self) -> Option<&ToolResult> {
        match &self.state {
            Some(ToolState::Done { result }) => Some(result),
            _ => None,
        }
    }
}
