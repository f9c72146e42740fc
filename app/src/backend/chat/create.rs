//! New conversations: empty ones, and those that a room name makes on first use.
//!
//! Invariant: each one made counts against its maker's limit, whichever way it was made; finding one does not.

use super::{Chat, ChatError};
use crate::{
    backend::caller::Caller,
    wire::{conversation::ConversationSummary, error::ApiError, id::ConversationId},
};

impl Chat {
    /// Makes an empty conversation, and tells its owner's tabs.
    ///
    /// # Errors
    /// `TooMany`.
    pub async fn create(&self, by: &Caller) -> Result<ConversationSummary, ChatError> {
        self.create_titled(by, "").await
    }

    /// [`Chat::create`] with a title, which the first reply then does not give.
    ///
    /// # Errors
    /// `TooMany`.
    pub async fn create_titled(&self, by: &Caller, title: &str) -> Result<ConversationSummary, ChatError> {
        (self.creating)(by.user).map_err(ApiError::too_many)?;
        let summary = self.store.create_conversation(by.user, title).await?;
        self.conversation_changed(summary.id).await;
        Ok(summary)
    }

    /// The conversation of that room name which `by` is in, made for them on first use.
    ///
    /// # Errors
    /// `TooMany`, if it would have to be made.
    pub async fn room(&self, by: &Caller, name: &str) -> Result<ConversationId, ChatError> {
        if let Some(id) = self.store.find_room(by.user, name).await? {
            return Ok(id);
        }
        (self.creating)(by.user).map_err(ApiError::too_many)?;
        let id = self.store.room(by.user, name).await?;
        self.conversation_changed(id).await;
        Ok(id)
    }
}
