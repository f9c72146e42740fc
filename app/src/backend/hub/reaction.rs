//! Changes that are made beside those who must know of them, by tools, which know neither the chat nor who listens: these
//! react here.

use super::Hub;
use crate::wire::id::{ConversationId, UserId};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// A conversation's title, a pin or its members are not what they were.
    Conversation(ConversationId),
    /// A conversation was deleted, and had these members.
    Deleted(ConversationId, &'a [UserId]),
    /// Somebody's saved prompts are not what they were.
    Prompts(UserId),
}

type React = Box<dyn Fn(Change<'_>) + Send + Sync>;

/// What is done about a change; nothing until somebody says what. Written at start, by whoever reacts.
#[derive(Clone, Default)]
pub(super) struct Reaction(Arc<RwLock<Vec<React>>>);

impl fmt::Debug for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reaction").finish_non_exhaustive()
    }
}

impl Hub {
    /// Says what is to be done about changes, besides what others do about them. It must not tell of a change itself.
    pub fn on_change(&self, react: impl Fn(Change<'_>) + Send + Sync + 'static) {
        self.reaction.0.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(react));
    }

    /// Tells that something has changed.
    pub fn changed(&self, change: Change<'_>) {
        for react in self.reaction.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            react(change);
        }
    }
}
