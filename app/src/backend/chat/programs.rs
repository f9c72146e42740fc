//! What other programs' tools need of the chat: [`Conversing`], as a tab's frames would do it.

use super::{Chat, ChatError, NewMessage};
use crate::{
    backend::{
        caller::Caller,
        store::turns::Started,
        tools::sending::{Conversing, Said, Words},
    },
    wire::{
        conversation::ConversationSummary,
        error::ApiError,
        id::{ConversationId, TurnId},
    },
};
use futures::{FutureExt, future::BoxFuture};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The chat, for tools.
#[derive(Clone, Debug)]
pub struct Programs(pub Arc<Chat>);

impl Programs {
    fn told<T>(&self, result: Result<T, ChatError>) -> Result<T, ApiError> {
        result.map_err(|error| error.told(&self.0.clock))
    }
}

impl Conversing for Programs {
    fn create<'a>(&'a self, by: &'a Caller, title: &'a str) -> BoxFuture<'a, Result<ConversationSummary, ApiError>> {
        async move { self.told(self.0.create_titled(by, title).await) }.boxed()
    }

    fn say<'a>(&'a self, by: &'a Caller, words: Words) -> BoxFuture<'a, Result<Said, ApiError>> {
        let Words { conversation, key, text, model } = words;
        let message = NewMessage {
            conversation,
            parent: None,
            client_id: key,
            text,
            files: Vec::new(),
            references: Vec::new(),
            model,
        };
        // Beside the task that stores and begins the reply: whoever called may go before it is known which one to stop.
        let (tell, told) = oneshot::channel();
        let (chat, sender) = (Arc::clone(&self.0), by.clone());
        self.0.tasks.spawn("say", async move {
            let sent = chat.send(&sender, message).await;
            let Err(Ok(Started { turn, duplicate: false, .. })) = tell.send(sent) else { return };
            // The call was called off meanwhile and nobody waits for this reply; or the next process will.
            if !chat.draining() {
                stop(&chat, &sender, turn).await;
            }
        });
        async move {
            let sent = told.await.unwrap_or_else(|_| Err(ApiError::Unavailable.into()));
            let started = self.told(sent)?;
            let waits = !started.running;
            Ok(Said { turn: started.turn, reply: started.reply, message: started.message, waits })
        }
        .boxed()
    }

    fn has_page(&self) -> bool {
        self.0.options.page
    }

    fn nudge(&self, conversation: ConversationId) {
        let chat = Arc::clone(&self.0);
        self.0.tasks.spawn("nudge", async move { chat.begin_next(conversation).await });
    }

    fn stop(&self, by: &Caller, turn: TurnId) {
        let (chat, by) = (Arc::clone(&self.0), by.clone());
        self.0.tasks.spawn("stop", async move { stop(&chat, &by, turn).await });
    }
}

async fn stop(chat: &Arc<Chat>, by: &Caller, turn: TurnId) {
    if let Err(error) = chat.stop(by, turn).await {
        tracing::debug!(%error, turn.id = %turn, "a reply that nobody waits for is over already");
    }
}
