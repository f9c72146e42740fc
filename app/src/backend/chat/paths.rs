//! The branch that was talked in last, of conversations that were talked in lately: the next turn goes on with it and need
//! not read it again.
//!
//! Invariants: what is kept is what is stored, for a message does not change any more once its turn is over. A turn takes
//! what is kept only if it began with its message, whose storing has just found its person to be a member; one that
//! waited, or was resumed, reads. Whatever is taken is not kept meanwhile, so nothing is copied.

use super::lock;
use crate::{
    backend::weight::json_bytes,
    wire::{
        id::{ConversationId, MessageId},
        message::Message,
    },
};
use std::{collections::HashMap, sync::Mutex};

/// Conversations whose branch is kept: a few of each person's who is about.
const KEPT: usize = 128;
/// Bytes of a branch that is kept, as JSON.
const BYTES: usize = 128 * 1024;

/// A branch, oldest message first.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) messages: Vec<Message>,
    /// The most messages that were asked for.
    limit: u32,
    bytes: usize,
}

impl Path {
    /// A branch as it was read, at most `limit` messages of it.
    pub(super) fn read(messages: Vec<Message>, limit: u32) -> Self {
        Self { bytes: json_bytes(&messages), messages, limit }
    }

    /// The same with one message more.
    pub(super) fn and(mut self, message: Message) -> Self {
        self.bytes += json_bytes(&message);
        self.messages.push(message);
        self
    }

    /// Its newest `limit` messages; `None` if there may be more of them than it has.
    pub(super) fn newest(mut self, limit: u32) -> Option<Self> {
        let whole = self.messages.first().is_some_and(|first| first.parent.is_none());
        if limit > self.limit && !whole {
            return None;
        }
        let more = self.messages.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
        for message in self.messages.drain(..more) {
            self.bytes = self.bytes.saturating_sub(json_bytes(&message));
        }
        self.limit = limit;
        Some(self)
    }

    fn leaf(&self) -> Option<MessageId> {
        self.messages.last().map(|message| message.id)
    }
}

/// The branches that are kept, each with when it was: the oldest goes first.
#[derive(Debug, Default)]
pub(super) struct Paths(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    paths: HashMap<ConversationId, (u64, Path)>,
    count: u64,
}

impl Paths {
    /// Keeps a branch until it is taken or others crowd it out.
    pub(super) fn keep(&self, conversation: ConversationId, path: Path) {
        if path.bytes > BYTES {
            return;
        }
        let mut kept = lock(&self.0);
        kept.count += 1;
        let count = kept.count;
        kept.paths.insert(conversation, (count, path));
        if kept.paths.len() > KEPT
            && let Some(oldest) = kept.paths.iter().min_by_key(|(_, (count, _))| *count).map(|(id, _)| *id)
        {
            kept.paths.remove(&oldest);
        }
    }

    /// The branch that ends in `said`, which was stored just now, if what is before it is kept.
    pub(super) fn with(&self, said: &Message) -> Option<Path> {
        let Some(parent) = said.parent else { return Some(Path::read(vec![said.clone()], 1)) };
        let (_, path) = lock(&self.0).paths.remove(&said.conversation)?;
        (path.leaf() == Some(parent)).then(|| path.and(said.clone()))
    }
}

#[cfg(test)]
mod tests;
