//! What one wrote and has not sent, and what was sent and not acknowledged: kept by person and conversation in this
//! browser. A new version of a message is the draft of that message.
//!
//! Invariants: a draft is forgotten only when it is sent, emptied or given up; an unsent message only when the server
//! answered or it was taken back. Each unsent message has an entry of its own under its [`ClientId`], so tabs never
//! write over each other's, and any tab can send what a closed one left: the server knows a `ClientId` it has seen.
//! Whoever signs in next with the same browser neither sees nor sends what is another's. Where the browser keeps
//! nothing, the tab that wrote it does, as long as it lives: what is sent arrives all the same.

use super::{browser, state::pending::Pending};
use crate::wire::{
    id::{ClientId, ConversationId, MessageId, UserId},
    json,
    picker::Reference,
};
use uuid::Uuid;

/// What stands behind a draft's key for what it refers to.
const REFERENCES: &str = ".references";

/// What a message is to be made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Markdown.
    pub text: String,
    /// What it refers to.
    pub references: Vec<Reference>,
}

impl From<String> for Draft {
    fn from(text: String) -> Self {
        Self { text, references: Vec::new() }
    }
}

/// A text that came back, before what was written since.
pub fn joined(back: String, since: &str) -> String {
    // Another tab may have had it back already.
    if since.trim().is_empty() || since == back { back } else { format!("{back}\n\n{since}") }
}

/// One person's unsent words.
#[derive(Clone, Copy, Debug)]
pub struct Drafts {
    of: UserId,
}

impl Drafts {
    /// Those of that person.
    pub fn of(person: UserId) -> Self {
        Self { of: person }
    }

    /// Of a conversation or a message, which have no id in common; of the page for a new conversation, for `None`.
    fn draft_key(self, whose: Option<Uuid>) -> String {
        let of = self.of;
        whose.map_or_else(|| format!("parley.{of}.draft.new"), |id| format!("parley.{of}.draft.{id}"))
    }

    fn outbox_prefix(self, conversation: ConversationId) -> String {
        format!("parley.{}.outbox.{conversation}.", self.of)
    }

    fn outbox_key(self, conversation: ConversationId, key: ClientId) -> String {
        format!("{}{key}", self.outbox_prefix(conversation))
    }

    /// The draft of a conversation; of the page for a new one, for `None`.
    pub fn draft(self, conversation: Option<ConversationId>) -> String {
        browser::kept(&self.draft_key(conversation.map(|id| id.0))).unwrap_or_default()
    }

    /// Keeps a draft; an empty one is forgotten.
    pub fn keep_draft(self, conversation: Option<ConversationId>, text: &str) {
        self.keep(conversation.map(|id| id.0), text);
    }

    /// The new version of a message that was not sent yet.
    pub fn version(self, message: MessageId) -> Option<String> {
        browser::kept(&self.draft_key(Some(message.0)))
    }

    /// Keeps a new version of a message; an empty one is forgotten.
    pub fn keep_version(self, message: MessageId, text: &str) {
        self.keep(Some(message.0), text);
    }

    fn keep(self, whose: Option<Uuid>, text: &str) {
        browser::keep(&self.draft_key(whose), (!text.is_empty()).then_some(text));
    }

    /// What a draft refers to.
    pub fn references(self, conversation: Option<ConversationId>) -> Vec<Reference> {
        let kept = browser::kept(&(self.draft_key(conversation.map(|id| id.0)) + REFERENCES));
        kept.and_then(|kept| json::read(&kept).ok()).unwrap_or_default()
    }

    /// Keeps what a draft refers to; nothing is forgotten.
    pub fn keep_references(self, conversation: Option<ConversationId>, references: &[Reference]) {
        let kept = serde_json::to_string(references).ok().filter(|_| !references.is_empty());
        browser::keep(&(self.draft_key(conversation.map(|id| id.0)) + REFERENCES), kept.as_deref());
    }

    /// The messages of a conversation that were not acknowledged, of every tab, in the order they were written.
    pub fn outbox(self, conversation: ConversationId) -> Vec<Pending> {
        let prefix = self.outbox_prefix(conversation);
        let keys = browser::kept_keys().into_iter().filter(|key| key.starts_with(&prefix));
        let mut kept: Vec<Pending> = keys.filter_map(|key| json::read(&browser::kept(&key)?).ok()).collect();
        kept.sort_by_key(|pending| pending.client_id);
        kept
    }

    /// Keeps a message until [`Drafts::forget`] is told that it was answered.
    pub fn post(self, conversation: ConversationId, pending: &Pending) {
        if let Ok(json) = serde_json::to_string(pending) {
            browser::keep(&self.outbox_key(conversation, pending.client_id), Some(&json));
        }
    }

    /// Forgets a message that was answered or taken back.
    pub fn forget(self, conversation: ConversationId, key: ClientId) {
        browser::keep(&self.outbox_key(conversation, key), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_stands_before_what_was_written_since() {
        let joined = |since| joined("back".to_owned(), since);
        assert_eq!(joined("since"), "back\n\nsince");
        assert_eq!(joined(" \n"), "back");
        assert_eq!(joined("back"), "back", "it is not there twice");
    }
}
