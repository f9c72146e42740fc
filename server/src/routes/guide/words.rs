//! What is said and heard on the guide's socket.
//!
//! In: `{"message"}`. Out: `{"message", "sender": "bot", "streaming": true}` for each piece of a reply, then the whole of
//! it with `"done": true`; other people's messages as `{"message", "sender": "user"}`; whatever else has to be said with
//! `"sender": "system", "error": true`.
//!
//! Invariant: the pieces of a reply, joined, are the text of its `done`, also for whoever came while it was written. A
//! reply of which nothing was heard (a peer that fell behind) comes as `done` alone.

use app::wire::{
    error::ApiError,
    event::{ByeReason, ChatEvent, TextKind},
    id::{ClientId, TurnId},
    message::{BETWEEN_TEXTS, Message, Part, Role, Status, TurnSnapshot, plain_text},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

/// What the guide's page sends.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) message: String,
}

/// What the guide's page hears.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Heard {
    message: String,
    sender: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    streaming: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    done: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    error: bool,
}

/// The messages this socket sent, which are not echoed to it.
#[derive(Debug, Default)]
pub(super) struct Own(Mutex<HashSet<ClientId>>);

impl Own {
    pub(super) fn add(&self, id: ClientId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    fn take(&self, id: ClientId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
}

/// One socket's translation of what it hears.
#[derive(Debug)]
pub(super) struct Translator {
    own: Arc<Own>,
    /// The replies that are being written, and how much of each was told.
    replies: HashMap<TurnId, Told>,
}

/// How much of a reply's text was told.
#[derive(Debug, Default)]
struct Told {
    /// Bytes of its text.
    bytes: usize,
    /// The part that the last of them are of.
    part: Option<usize>,
}

impl Translator {
    pub(super) fn new(own: Arc<Own>) -> Self {
        Self { own, replies: HashMap::new() }
    }

    /// An event in the guide's words: none for what the guide does not know.
    pub(super) fn translate(&mut self, event: Result<Arc<ChatEvent>, ApiError>) -> Vec<Heard> {
        let heard = match event.as_deref() {
            Ok(ChatEvent::Turn { turn }) => self.caught_up(turn),
            Ok(ChatEvent::Delta { turn, part, kind: TextKind::Text, text, .. }) => {
                let told = self.replies.entry(*turn).or_default();
                Some(piece(told.text(usize::try_from(*part).unwrap_or(usize::MAX), text)))
            }
            Ok(ChatEvent::Message { message }) => return self.message(message),
            Ok(ChatEvent::TurnEnded { turn, .. }) => {
                self.replies.remove(turn);
                None
            }
            Ok(ChatEvent::Refused { error, reply_to }) => {
                if let Some(id) = reply_to {
                    self.own.take(*id);
                }
                Some(system(error.to_string()))
            }
            Ok(ChatEvent::Bye { reason }) => Some(system(goodbye(*reason).to_owned())),
            Ok(_) => None,
            Err(error) => Some(system(error.to_string())),
        };
        heard.into_iter().collect()
    }

    /// What a turn has so far and was not told yet.
    fn caught_up(&mut self, turn: &TurnSnapshot) -> Option<Heard> {
        let told = self.replies.entry(turn.turn).or_default();
        told.part = turn.parts.iter().rposition(|part| matches!(part, Part::Text { text } if !text.is_empty()));
        told.rest(&plain_text(&turn.parts))
    }

    fn message(&mut self, message: &Message) -> Vec<Heard> {
        let text = message.text();
        if message.role == Role::User {
            let own = message.client_id.is_some_and(|id| self.own.take(id));
            let heard = Heard { message: text, sender: "user", ..Heard::default() };
            return (!own).then_some(heard).into_iter().collect();
        }
        if message.status == Status::Pending {
            return Vec::new();
        }
        let told = message.turn.and_then(|turn| self.replies.remove(&turn));
        let rest = told.and_then(|mut told| told.rest(&text));
        let words = match &message.fault {
            Some(fault) if text.is_empty() => fault.message.clone(),
            _ => text,
        };
        let error = message.fault.is_some();
        let done = Heard { message: words, sender: "bot", done: true, error, ..Heard::default() };
        rest.into_iter().chain([done]).collect()
    }
}

impl Told {
    /// More text of a part, as it stands in the whole reply: a new part begins a new paragraph.
    fn text(&mut self, part: usize, text: &str) -> String {
        let begins = self.part.replace(part) != Some(part) && self.bytes > 0;
        let text = if begins { format!("{BETWEEN_TEXTS}{text}") } else { text.to_owned() };
        self.bytes += text.len();
        text
    }

    /// What of the whole text was not told yet.
    fn rest(&mut self, whole: &str) -> Option<Heard> {
        let rest = whole.get(self.bytes..).filter(|rest| !rest.is_empty())?;
        self.bytes = whole.len();
        Some(piece(rest.to_owned()))
    }
}

fn piece(message: String) -> Heard {
    Heard { message, sender: "bot", streaming: true, ..Heard::default() }
}

fn system(message: String) -> Heard {
    Heard { message, sender: "system", error: true, ..Heard::default() }
}

fn goodbye(reason: ByeReason) -> &'static str {
    match reason {
        ByeReason::SignedOut => "You were signed out.",
        ByeReason::Removed => "This conversation was deleted, or you are no longer in it.",
        ByeReason::Draining => "The server restarts. Connect again in a moment; nothing was lost.",
        ByeReason::Behind => "This connection fell too far behind or sent too much. Connect again.",
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use app::wire::{
        id::{Millis, Seq},
        message::{Fault, FaultKind, TurnState},
    };
    use std::str::FromStr;

    /// The same for whatever needs one.
    fn id<T: FromStr<Err: std::fmt::Debug>>() -> T {
        "00000000-0000-7000-8000-000000000001".parse().unwrap()
    }

    fn texts(texts: &[&str]) -> Vec<Part> {
        let thinking = |text: &&str| Part::Thinking { text: (*text).to_owned(), signature: None };
        let text = |text: &&str| Part::Text { text: (*text).to_owned() };
        texts.iter().flat_map(|it| [thinking(it), text(it)]).collect()
    }

    fn snapshot(parts: Vec<Part>) -> ChatEvent {
        let (turn, message, conversation, state) = (id(), id(), id(), TurnState::Running);
        ChatEvent::Turn { turn: TurnSnapshot { turn, message, conversation, state, parts, open_calls: Vec::new() } }
    }

    fn delta(part: u32, kind: TextKind, text: &str) -> ChatEvent {
        ChatEvent::Delta { turn: id(), part, offset: 0, kind, text: text.to_owned() }
    }

    fn stored(parts: Vec<Part>, fault: Option<Fault>) -> ChatEvent {
        let message = Message {
            id: id(),
            conversation: id(),
            parent: None,
            position: Seq(2),
            seq: Seq(3),
            role: Role::Assistant,
            author: None,
            parts,
            status: if fault.is_some() { Status::Failed } else { Status::Complete },
            turn: Some(id()),
            model: None,
            usage: None,
            fault,
            client_id: None,
            created_at: Millis(0),
        };
        ChatEvent::Message { message }
    }

    /// The pieces, joined, and the frame that ended it.
    fn heard(events: Vec<ChatEvent>) -> (String, Heard) {
        let mut translator = Translator::new(Arc::default());
        let mut frames: Vec<Heard> =
            events.into_iter().flat_map(|event| translator.translate(Ok(Arc::new(event)))).collect();
        assert!(translator.replies.is_empty(), "nothing is kept of a reply that is over");
        let done = frames.pop().expect("a frame");
        assert!(done.done && frames.iter().all(|frame| frame.streaming && frame.sender == "bot"), "{frames:?}");
        (frames.into_iter().map(|frame| frame.message).collect(), done)
    }

    #[test]
    fn pieces_joined_are_the_whole_wherever_one_comes_in_or_loses_some() {
        let whole = texts(&["one", "two"]);
        let told = [
            delta(0, TextKind::Thinking, "one"),
            delta(1, TextKind::Text, "on"),
            delta(1, TextKind::Text, "e"),
            delta(2, TextKind::Thinking, "two"),
            delta(3, TextKind::Text, "tw"),
            delta(3, TextKind::Text, "o"),
        ];
        let so_far = [
            texts(&[]),
            vec![whole[0].clone()],
            [&whole[..1], &texts(&["on"])[1..]].concat(),
            whole[..2].to_vec(),
            whole[..3].to_vec(),
            [&whole[..3], &texts(&["tw"])[1..]].concat(),
            whole.clone(),
        ];
        // It comes in after `from` events, loses those up to `lost`, and is told how things stand then.
        for from in 0..=told.len() {
            for lost in from..=told.len() {
                let mut events = vec![snapshot(so_far[from].clone())];
                events.extend(told[from..lost].iter().take(1).cloned());
                events.push(snapshot(so_far[lost].clone()));
                events.extend(told[lost..].iter().cloned());
                events.push(stored(whole.clone(), None));
                let (pieces, done) = heard(events);
                assert_eq!((pieces.as_str(), done.message.as_str()), ("one\n\ntwo", "one\n\ntwo"), "{from} {lost}");
            }
        }
        // The last pieces were lost, and the reply is over.
        let (pieces, done) = heard(vec![snapshot(Vec::new()), told[1].clone(), stored(whole, None)]);
        assert_eq!((pieces, done.message.as_str()), ("one\n\ntwo".to_owned(), "one\n\ntwo"));
    }

    #[test]
    fn a_reply_of_which_nothing_was_heard_is_told_at_once() {
        let (pieces, done) = heard(vec![stored(texts(&["one"]), None)]);
        assert_eq!((pieces.as_str(), done.message.as_str(), done.error), ("", "one", false));
    }

    #[test]
    fn a_reply_without_text_says_why() {
        let fault = Fault { kind: FaultKind::Refused, message: "No.".to_owned(), retry: false };
        let (pieces, done) = heard(vec![snapshot(Vec::new()), stored(Vec::new(), Some(fault))]);
        assert_eq!((pieces.as_str(), done.message.as_str(), done.error), ("", "No.", true));
    }
}
