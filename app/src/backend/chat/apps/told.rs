//! What apps tell the model: kept until the next message that its person sends from a page of that conversation, and
//! given with it, as parts that everybody in the room can read.
//!
//! Invariant: it is material with its server's name, never the person's words, and goes by no other way: not with what
//! programs send, and not by itself. Most messages have none; that is known without asking the store ([`Waiting`]).

use super::super::{Chat, ChatError, NewMessage, Started};
use crate::{
    backend::{
        caller::Caller,
        store::{Store, StoreError, app_contexts::AppContext},
    },
    wire::{
        id::{CallId, ConversationId, MessageId, UserId},
        message::Resource,
    },
};
use serde_json::Value;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::OnceCell;

/// In whose conversations something waits; read from the store when it is first asked for. It may name more than there
/// are.
#[derive(Debug, Default)]
pub(in crate::backend::chat) struct Waiting(OnceCell<Mutex<HashSet<(UserId, ConversationId)>>>);

impl Waiting {
    async fn with<T>(
        &self,
        store: &Store,
        look: impl FnOnce(&mut HashSet<(UserId, ConversationId)>) -> T,
    ) -> Result<T, StoreError> {
        let read = async || {
            let waiting = store.conversations_with_app_contexts().await?;
            Ok::<_, StoreError>(Mutex::new(waiting.into_iter().collect()))
        };
        let waiting = self.0.get_or_try_init(read).await?;
        Ok(look(&mut waiting.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Chat {
    /// Keeps what an app tells the model (the params of its request) for the person's next message; what waits now.
    ///
    /// # Errors
    /// As [`Chat::open_app`]; `Conflict` for what cannot be told.
    pub async fn tell_for_app(
        &self,
        by: &Caller,
        message: MessageId,
        call: &CallId,
        told: &Value,
    ) -> Result<Option<Resource>, ChatError> {
        let shown = self.shown_app(by, message, call).await?;
        let material = self.servers()?.told_by_app(by, &shown.app, &shown.title, told).await?;
        let Some(material) = material else {
            self.store.withdraw_app_context(by.user, (message, call)).await?;
            return Ok(None);
        };
        self.store.keep_app_context(by.user, &shown.app.server, (message, call), &material).await?;
        self.waiting.with(&self.store, |waiting| waiting.insert((by.user, shown.conversation))).await?;
        tracing::info!(
            server = %shown.app.server, conversation.id = %shown.conversation, bytes = material.text.len(),
            "an app tells the model something"
        );
        Ok(Some(material))
    }

    /// What an app told the model and waits.
    ///
    /// # Errors
    /// As [`Chat::open_app`].
    pub async fn told_by_app(
        &self,
        by: &Caller,
        message: MessageId,
        call: &CallId,
    ) -> Result<Option<Resource>, ChatError> {
        self.shown_app(by, message, call).await?;
        Ok(self.store.app_context(by.user, (message, call)).await?)
    }

    /// Sends a message from a page: what its sender's apps told the model goes with it.
    pub(in crate::backend::chat) async fn send_from_page(
        self: &Arc<Self>,
        by: &Caller,
        m: NewMessage,
        read: Vec<Resource>,
    ) -> Result<Started, ChatError> {
        let told = self.waiting(by.user, m.conversation).await;
        self.send_read(by, m, read, told).await
    }

    async fn waiting(&self, by: UserId, conversation: ConversationId) -> Vec<AppContext> {
        let found = match self.waiting.with(&self.store, |waiting| waiting.contains(&(by, conversation))).await {
            Ok(false) => return Vec::new(),
            Ok(true) => self.store.app_contexts(by, conversation).await,
            Err(error) => Err(error),
        };
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "what apps told the model cannot be read: a message goes without it");
            Vec::new()
        })
    }

    /// It went with a message, which is stored.
    pub(in crate::backend::chat) async fn given(&self, by: UserId, conversation: ConversationId, gone: &[AppContext]) {
        if gone.is_empty() {
            return;
        }
        let forgotten = async {
            self.store.forget_app_contexts(by, gone).await?;
            self.waiting.with(&self.store, |waiting| waiting.remove(&(by, conversation))).await?;
            // What an app said meanwhile is still there.
            let left = self.store.app_contexts(by, conversation).await?;
            if !left.is_empty() {
                self.waiting.with(&self.store, |waiting| waiting.insert((by, conversation))).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "what apps told the model cannot be taken away: it goes with the next message again");
        }
    }
}
