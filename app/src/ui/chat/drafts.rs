//! What one wrote and has not sent, and what was sent and not acknowledged: kept by conversation in this browser.
//!
//! Invariant: a draft is forgotten only when it is sent or emptied; an unsent message only when the server answered.

use super::{browser, state::pending::Pending};
use crate::wire::id::ConversationId;

fn draft_key(conversation: Option<ConversationId>) -> String {
    conversation.map_or_else(|| "parley.draft.new".to_owned(), |id| format!("parley.draft.{id}"))
}

fn outbox_key(conversation: ConversationId) -> String {
    format!("parley.outbox.{conversation}")
}

/// The draft of a conversation; of the page for a new one, for `None`.
pub fn draft(conversation: Option<ConversationId>) -> String {
    browser::kept(&draft_key(conversation)).unwrap_or_default()
}

/// Keeps a draft; an empty one is forgotten.
pub fn keep_draft(conversation: Option<ConversationId>, text: &str) {
    browser::keep(&draft_key(conversation), (!text.is_empty()).then_some(text));
}

/// The messages of a conversation that were not acknowledged.
pub fn outbox(conversation: ConversationId) -> Vec<Pending> {
    browser::kept(&outbox_key(conversation)).and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default()
}

/// Keeps the messages that were not acknowledged.
pub fn keep_outbox(conversation: ConversationId, pending: &[Pending]) {
    let json = (!pending.is_empty()).then(|| serde_json::to_string(pending).ok()).flatten();
    browser::keep(&outbox_key(conversation), json.as_deref());
}
