//! [`ChatError`]: why the chat did not do something, and what of it the reader is told.
//!
//! Invariant: the cause of a fault of ours stays in the log, under the trace that the reader sees.

use crate::{
    backend::{clock::Clock, store::StoreError},
    wire::{error::ApiError, limits},
};

/// Why the chat did not do something.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// A fact for the reader.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The store failed, or refused by its own rules.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ChatError {
    /// What the reader is told; a fault of ours is logged here, once.
    pub fn told(self, clock: &Clock) -> ApiError {
        match self {
            Self::Refused(error) => error,
            Self::Store(StoreError::NotFound) => ApiError::NotFound,
            Self::Store(StoreError::Conflict(rule)) => ApiError::Conflict { reason: conflict(rule) },
            Self::Store(error @ (StoreError::Busy | StoreError::Unwritable(_))) => {
                tracing::error!(%error, "the store cannot be written");
                ApiError::Unavailable
            }
            Self::Store(error) => {
                let trace = clock.id::<uuid::Uuid>().to_string();
                tracing::error!(%error, trace, "the chat's store failed");
                ApiError::Internal { trace }
            }
        }
    }
}

fn conflict(rule: &str) -> String {
    match rule {
        "queue_full" => {
            format!("{} messages already wait for their replies. Let one finish or stop it.", limits::QUEUE_MAX)
        }
        "not_yours" => "Only its writer can edit a message.".to_owned(),
        "not_a_reply" => "That is not a reply, so there is nothing to make anew.".to_owned(),
        "running" => "This reply is still being written. Stop it first.".to_owned(),
        "complete" => "This reply is whole: there is nothing to go on with.".to_owned(),
        "members_full" => {
            format!("This conversation is full: it has {} people, and more do not fit.", limits::MEMBERS_MAX)
        }
        "owner" => "You own this conversation, so you cannot leave it. You can delete it.".to_owned(),
        other => format!("That does not go together with the state of this conversation ({other})."),
    }
}
