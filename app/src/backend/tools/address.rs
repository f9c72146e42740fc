//! Addresses of what programs may read, as MCP resources have them: `parley://conversations/{id}` and below.

use crate::wire::id::{ConversationId, MessageId};

/// What each begins with.
pub const SCHEME: &str = "parley://";
/// Characters of the longest address worth reading.
const MAX: usize = 512;

/// A conversation's address.
pub fn conversation(id: ConversationId) -> String {
    format!("{SCHEME}conversations/{id}")
}

/// A message's address.
pub fn message(conversation: ConversationId, id: MessageId) -> String {
    format!("{SCHEME}conversations/{conversation}/messages/{id}")
}

/// The segments of an address; `None` if it is none of ours.
pub fn segments(uri: &str) -> Option<Vec<&str>> {
    let path = uri.strip_prefix(SCHEME).filter(|_| uri.len() <= MAX)?;
    let segments: Vec<&str> = path.split('/').collect();
    segments.iter().all(|segment| !segment.is_empty()).then_some(segments)
}
