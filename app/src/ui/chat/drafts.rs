//! What one wrote and has not sent, and what was sent and not acknowledged: kept by conversation in this browser.
//!
//! Invariant: a draft is forgotten only when it is sent or emptied; an unsent message only when the server answered or
//! it was taken back. Each unsent message has an entry of its own under its [`ClientId`], so tabs never write over each
//! other's, and any tab can send what a closed one left: the server knows a `ClientId` it has seen.

use super::{browser, state::pending::Pending};
use crate::wire::id::{ClientId, ConversationId};

fn draft_key(conversation: Option<ConversationId>) -> String {
    conversation.map_or_else(|| "parley.draft.new".to_owned(), |id| format!("parley.draft.{id}"))
}

fn outbox_prefix(conversation: ConversationId) -> String {
    format!("parley.outbox.{conversation}.")
}

fn outbox_key(conversation: ConversationId, key: ClientId) -> String {
    format!("{}{key}", outbox_prefix(conversation))
}

/// The draft of a conversation; of the page for a new one, for `None`.
pub fn draft(conversation: Option<ConversationId>) -> String {
    browser::kept(&draft_key(conversation)).unwrap_or_default()
}

/// Keeps a draft; an empty one is forgotten.
pub fn keep_draft(conversation: Option<ConversationId>, text: &str) {
    browser::keep(&draft_key(conversation), (!text.is_empty()).then_some(text));
}

/// The messages of a conversation that were not acknowledged, of every tab, in the order they were written.
pub fn outbox(conversation: ConversationId) -> Vec<Pending> {
    let prefix = outbox_prefix(conversation);
    let keys = browser::kept_keys().into_iter().filter(|key| key.starts_with(&prefix));
    let mut kept: Vec<Pending> = keys.filter_map(|key| serde_json::from_str(&browser::kept(&key)?).ok()).collect();
    kept.sort_by_key(|pending| pending.client_id);
    kept
}

/// Keeps a message until [`forget`] is told that it was answered.
pub fn post(conversation: ConversationId, pending: &Pending) {
    if let Ok(json) = serde_json::to_string(pending) {
        browser::keep(&outbox_key(conversation, pending.client_id), Some(&json));
    }
}

/// Forgets a message that was answered or taken back.
pub fn forget(conversation: ConversationId, key: ClientId) {
    browser::keep(&outbox_key(conversation, key), None);
}
