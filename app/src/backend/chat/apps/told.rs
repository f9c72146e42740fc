//! What apps tell the model: kept until the next message that its person sends from a page of that conversation, and
//! given with it, as parts that everybody in the room can read. Until then it is shown there, over the composer.
//!
//! Invariant: it is material with its server's name, never the person's words, and goes by no other way: not with what
//! programs send, not by itself, not with a message on a branch without the app's call, and not while the app's server
//! is switched off or gone. Its person takes it back whatever became of the server. Most messages have none; that is
//! known without asking the store ([`Waiting`]).

use super::super::{Chat, ChatError, NewMessage, Started};
use crate::{
    backend::{
        caller::Caller,
        hub::Topic,
        store::{Store, StoreError, app_contexts::AppContext},
    },
    wire::{
        app::{AppWord, Held},
        event::ChatEvent,
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
    /// Keeps what an app tells the model (the params of its request) for the person's next message, or takes back what
    /// it told before if that is nothing; whether something waits now.
    ///
    /// # Errors
    /// As [`Chat::open_app`]; `Conflict` for what cannot be told.
    pub async fn tell_for_app(
        &self,
        by: &Caller,
        message: MessageId,
        call: &CallId,
        told: &Value,
    ) -> Result<bool, ChatError> {
        let shown = self.shown_app(by, message, call).await?;
        let material = self.servers()?.told_by_app(by, &shown.app, &shown.title, told).await?;
        let Some(material) = material else {
            self.withdraw_word(by, message, call).await?;
            return Ok(false);
        };
        self.store.keep_app_context(by.user, &shown.app.server, (message, call), &material).await?;
        self.waiting.with(&self.store, |waiting| waiting.insert((by.user, shown.conversation))).await?;
        self.told_of_words(by.user, shown.conversation);
        tracing::info!(
            server = %shown.app.server, conversation.id = %shown.conversation, bytes = material.text.len(),
            "an app tells the model something"
        );
        Ok(true)
    }

    /// Takes back what an app told the model; whoever told it, and whether its server is still there, does not matter.
    ///
    /// # Errors
    /// The store's.
    pub async fn withdraw_word(&self, by: &Caller, message: MessageId, call: &CallId) -> Result<(), ChatError> {
        if let Some(conversation) = self.store.withdraw_app_context(by.user, (message, call)).await? {
            self.told_of_words(by.user, conversation);
        }
        Ok(())
    }

    /// What the caller's apps in a conversation told the model and waits, in the order they told it; `after`: the
    /// message that the next one would follow, `None` for the newest leaf.
    ///
    /// # Errors
    /// The store's.
    pub async fn words(
        &self,
        by: &Caller,
        conversation: ConversationId,
        after: Option<MessageId>,
    ) -> Result<Vec<AppWord>, ChatError> {
        let words = self.store.app_contexts(by.user, conversation, after).await?;
        let heard = if words.is_empty() { Vec::new() } else { self.heard(by).await };
        let word = |AppContext { message, call, server, here, material, .. }| {
            let held = match (heard.contains(&server), here) {
                (false, _) => Some(Held::ServerAway),
                (true, false) => Some(Held::OtherBranch),
                (true, true) => None,
            };
            AppWord { message, call, material, held }
        };
        Ok(words.into_iter().map(word).collect())
    }

    /// Whether something of the caller's may wait in a conversation.
    pub async fn has_words(&self, by: UserId, conversation: ConversationId) -> bool {
        let waits = self.waiting.with(&self.store, |waiting| waiting.contains(&(by, conversation))).await;
        waits.unwrap_or_else(|error| {
            tracing::warn!(%error, "what apps told the model cannot be read: messages go without it");
            false
        })
    }

    /// Sends a message from a page: what its sender's apps told the model goes with it.
    pub(in crate::backend::chat) async fn send_from_page(
        self: &Arc<Self>,
        by: &Caller,
        m: NewMessage,
        read: Vec<Resource>,
    ) -> Result<Started, ChatError> {
        let heard = if self.has_words(by.user, m.conversation).await { self.heard(by).await } else { Vec::new() };
        self.send_read(by, m, read, heard).await
    }

    /// The servers whose apps' words go: those of the caller's that are not switched off.
    async fn heard(&self, by: &Caller) -> Vec<String> {
        match self.tools.connections() {
            Some(servers) => servers.switched_on(by).await,
            None => Vec::new(),
        }
    }

    /// A message that may have taken words along is stored.
    pub(in crate::backend::chat) async fn given(&self, by: UserId, conversation: ConversationId) {
        let looked = async {
            self.waiting.with(&self.store, |waiting| waiting.remove(&(by, conversation))).await?;
            // What did not go, and what an app said meanwhile, is still there.
            if !self.store.app_contexts(by, conversation, None).await?.is_empty() {
                self.waiting.with(&self.store, |waiting| waiting.insert((by, conversation))).await?;
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = looked.await {
            tracing::warn!(%error, "whether apps' words still wait cannot be read");
            let again = self.waiting.with(&self.store, |waiting| waiting.insert((by, conversation))).await;
            again.map_or_else(|error| tracing::warn!(%error, "it is looked up at the next start"), drop);
        }
        self.told_of_words(by, conversation);
    }

    /// Tells all tabs of theirs, which show what waits.
    fn told_of_words(&self, by: UserId, conversation: ConversationId) {
        self.hub.publish(Topic::User(by), ChatEvent::AppWords { conversation });
    }
}
