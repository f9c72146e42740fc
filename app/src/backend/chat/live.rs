//! A turn while it lives: what it wrote so far, the calls that are open, who may still decide.
//!
//! Invariant: whatever changes here is published under the same lock, so a snapshot and the events after it fit without
//! gap or duplicate. Text is appended to the last part and published in frames, however often answer and reasoning take
//! turns; nothing here is O(reply) per token except the snapshot. Nothing is stored here: that is `turn`'s and
//! `finish`'s. Calls and their questions are `calls`'.

mod calls;
mod relayed;

pub(super) use calls::Answer;

use super::{lock, paths::Path};
use crate::{
    backend::{
        caller::Caller,
        hub::{Hub, Topic},
        store::turns::waiting::{Waiting, WaitingTask},
    },
    wire::{
        event::{ChatEvent, TextKind},
        id::{CallId, ConversationId, MessageId, ModelId, TurnId},
        message::{Message, Part, TurnEnd, TurnSnapshot, TurnState, Usage},
        tool::OpenCall,
    },
};
use calls::Asking;
use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
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
    /// The branch it answers, as far as it is known.
    path: Mutex<Option<Path>>,
    /// Tokens its model had for the conversation, if they were not enough for all of it; or else 0.
    crowded: AtomicUsize,
    begun: AtomicBool,
    ending: AtomicBool,
    body: Mutex<Body>,
}

/// What is stored of a turn while it lives.
#[derive(Debug)]
pub(super) struct SoFar {
    pub(super) parts: Vec<Part>,
    pub(super) usage: Usage,
    /// Its open questions and tasks elsewhere, if it has any.
    pub(super) waiting: Option<Waiting>,
    /// How many changes this has.
    pub(super) changes: u64,
}

/// What changes: written by the turn's task, and by whoever stops or decides.
#[derive(Debug)]
pub(super) struct Body {
    parts: Vec<Part>,
    /// How far the text was published.
    told: Told,
    open: Vec<OpenCall>,
    questions: HashMap<CallId, Asking>,
    /// What other servers work at.
    tasks: Vec<WaitingTask>,
    /// What servers ask, by call.
    relayed: HashMap<CallId, relayed::Open>,
    /// How many parts the reply began with.
    begun: usize,
    /// Rounds that are over.
    rounds: u32,
    state: TurnState,
    usage: Usage,
    /// Grows with every change of parts and questions: tells whether a checkpoint is due.
    changes: u64,
    stopped_as: Option<TurnEnd>,
    over: bool,
}

/// How far a room was told of a reply's text: those bytes of that part, and all of the parts before it.
#[derive(Clone, Copy, Debug)]
struct Told {
    part: usize,
    bytes: usize,
}

impl Told {
    /// All of it.
    fn all(parts: &[Part]) -> Self {
        Self { part: parts.len().saturating_sub(1), bytes: parts.last().map_or(0, |part| text_of(part).1.len()) }
    }
}

impl LiveTurn {
    /// A turn that waits, whose reply begins with the parts the store gave it.
    pub(super) fn new(hub: Hub, by: Caller, model: ModelId, turn: TurnId, untitled: bool, reply: &Message) -> Self {
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
            path: Mutex::default(),
            crowded: AtomicUsize::new(0),
            begun: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            body: Mutex::new(Body {
                told: Told::all(&reply.parts),
                parts: reply.parts.clone(),
                open: Vec::new(),
                questions: HashMap::new(),
                tasks: Vec::new(),
                relayed: HashMap::new(),
                begun: 0,
                rounds: 0,
                state: TurnState::Queued,
                usage: Usage::default(),
                changes: 0,
                stopped_as: None,
                over: false,
            }),
        }
    }

    /// Keeps the branch it answers.
    pub(super) fn keep_path(&self, path: Option<Path>) {
        *lock(&self.path) = path;
    }

    /// The branch it answers, which is then not kept here any more.
    pub(super) fn take_path(&self) -> Option<Path> {
        lock(&self.path).take()
    }

    /// Notes that something of the conversation is left out, as so many tokens are too few for all of it.
    pub(super) fn note_crowded(&self, room: Option<usize>) {
        self.crowded.store(room.unwrap_or(0), Ordering::Relaxed);
    }

    /// The tokens its model had for the conversation, if something of it was left out.
    pub(super) fn crowded(&self) -> Option<usize> {
        Some(self.crowded.load(Ordering::Relaxed)).filter(|room| *room > 0)
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

    /// Whether a person stopped it.
    pub(super) fn is_stopped(&self) -> bool {
        self.body().stopped_as == Some(TurnEnd::Stopped)
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
            body.parts.push(Part::Thinking { text: String::new(), signature: Some(seal) });
        }
    }

    /// Tells the room the text that was added since the last time.
    pub(super) fn flush(&self) {
        self.show(&mut self.body());
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
        self.parts(first..usize::MAX)
    }

    /// Those of these parts that there are.
    pub(super) fn parts(&self, range: Range<usize>) -> Vec<Part> {
        let body = self.body();
        let end = range.end.min(body.parts.len());
        body.parts.get(range.start..end).unwrap_or_default().to_vec()
    }

    /// Notes that all parts so far are those the reply began with.
    pub(super) fn begin_here(&self) {
        let mut body = self.body();
        body.begun = body.parts.len();
    }

    /// How many parts the reply began with.
    pub(super) fn begun(&self) -> usize {
        self.body().begun
    }

    /// Counts a round that is over.
    pub(super) fn count_round(&self) {
        self.body().rounds += 1;
    }

    /// The rounds that are over.
    pub(super) fn rounds(&self) -> u32 {
        self.body().rounds
    }

    /// All that is to be stored of it.
    pub(super) fn so_far(&self) -> SoFar {
        let body = self.body();
        SoFar { parts: body.parts.clone(), usage: body.usage, waiting: body.waiting(), changes: body.changes }
    }

    /// [`LiveTurn::so_far`], if anything changed since `seen`.
    pub(super) fn changed_since(&self, seen: u64) -> Option<SoFar> {
        let changed = self.body().changes != seen;
        changed.then(|| self.so_far())
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
        let told = std::mem::replace(&mut body.told, Told::all(&body.parts));
        for (at, part) in body.parts.iter().enumerate().skip(told.part) {
            let (kind, text) = text_of(part);
            let offset = if at == told.part { told.bytes } else { 0 };
            if let Some(text) = text.get(offset..).filter(|rest| !rest.is_empty()) {
                let (part, offset, text) = (index(at), index(offset), text.to_owned());
                self.publish(ChatEvent::Delta { turn: self.id, part, offset, kind, text });
            }
        }
    }

    /// Goes on once nobody is asked any more.
    fn settle(&self, body: &mut Body) {
        if body.questions.is_empty() && body.relayed.is_empty() && !body.over {
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

/// What of a part is told as text.
fn text_of(part: &Part) -> (TextKind, &str) {
    match part {
        Part::Thinking { text, .. } => (TextKind::Thinking, text),
        Part::Text { text } => (TextKind::Text, text),
        _ => (TextKind::Text, ""),
    }
}

/// Indices and offsets are 32 bits on the wire: no reply comes near 4 GiB.
fn index(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
