//! Conversations: list, open, page back, make, rename, pin, delete, bring back, search; and the models on offer.

use super::call::Call;
use crate::wire::{
    conversation::{ConversationSummary, ConversationView, Found, Listed, ModelChoice, Page},
    error::ApiError,
    id::{ConversationId, Millis, Seq},
    message::Message,
};
use leptos::prelude::*;

/// One's conversations, pinned first, then by last change; `before` (pinned, updated_at, id of the last row) continues.
#[server(protocol = Call)]
pub async fn list_conversations(before: Option<(bool, Millis, ConversationId)>) -> Result<Listed, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let page = backend.store.conversations(caller.user, before, crate::wire::limits::SIDEBAR_PAGE).await?;
        Ok(Listed { page, now: backend.clock.now() })
    })
    .await
}

/// Everything a page needs to draw a conversation.
#[server(protocol = Call)]
pub async fn open_conversation(id: ConversationId) -> Result<ConversationView, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        // The clock first: what happens between the reads comes again by the socket, and is the same when applied twice.
        let row = backend.store.conversation(caller.user, id).await?;
        let messages = backend.store.page(caller.user, id, None, crate::wire::limits::PAGE).await?;
        let members = backend.chat.members(caller.user, id).await?;
        let turns = backend.chat.live(id);
        let words = backend.chat.has_words(caller.user, id).await;
        Ok(ConversationView {
            summary: row.summary,
            seq: row.seq,
            head: row.head,
            messages,
            turns,
            members,
            // A model that left the configuration is not asked for again.
            model: row.model.filter(|id| backend.models.get(Some(id)).is_some()),
            words,
        })
    })
    .await
}

/// The page of messages before a position.
#[server(protocol = Call)]
pub async fn older_messages(id: ConversationId, before: Seq) -> Result<Page<Message>, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.store.page(caller.user, id, Some(before), crate::wire::limits::PAGE).await?)
    })
    .await
}

/// Makes an empty conversation.
#[server(protocol = Call)]
pub async fn create_conversation() -> Result<ConversationSummary, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        backend.chat.create(&caller).await.map_err(|error| error.told(&backend.clock))
    })
    .await
}

/// Gives a conversation a title.
#[server(protocol = Call)]
pub async fn rename_conversation(id: ConversationId, title: String) -> Result<ConversationSummary, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let title =
            crate::wire::conversation::parse_title(&title).map_err(|reason| ApiError::invalid("title", reason))?;
        let summary = backend.store.rename_conversation(caller.user, id, &title).await?;
        backend.chat.conversation_changed(id).await;
        Ok(summary)
    })
    .await
}

/// Pins or unpins a conversation for oneself.
#[server(protocol = Call)]
pub async fn pin_conversation(id: ConversationId, pinned: bool) -> Result<ConversationSummary, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let summary = backend.store.pin_conversation(caller.user, id, pinned).await?;
        backend.chat.conversation_changed(id).await;
        Ok(summary)
    })
    .await
}

/// Deletes a conversation; it can be brought back.
#[server(protocol = Call)]
pub async fn delete_conversation(id: ConversationId) -> Result<(), ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let members = backend.store.delete_conversation(caller.user, id).await?;
        backend.chat.conversation_deleted(id, &members);
        Ok(())
    })
    .await
}

/// Brings a deleted conversation back.
#[server(protocol = Call)]
pub async fn restore_conversation(id: ConversationId) -> Result<ConversationSummary, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let summary = backend.store.restore_conversation(caller.user, id).await?;
        backend.chat.conversation_restored(id).await;
        Ok(summary)
    })
    .await
}

/// Searches the titles and the full text of one's own conversations.
#[server(protocol = Call)]
pub async fn search(query: String) -> Result<Found, ApiError> {
    use super::context::{serve, signed_in};
    use crate::{
        backend::limiter::{Action, Key},
        wire::limits,
    };
    serve(async {
        let (backend, caller) = signed_in()?;
        let length = query.chars().count();
        if length > limits::SEARCH_MAX {
            let reason = format!("A search has at most {} characters; this one has {length}.", limits::SEARCH_MAX);
            return Err(ApiError::invalid("query", reason));
        }
        backend.limiter.check(Action::Search, &Key::User(caller.user)).map_err(ApiError::too_many)?;
        Ok(backend.store.find(caller.user, &query, limits::SEARCH_HITS).await?)
    })
    .await
}

/// The models one can choose, the default first.
#[server(protocol = Call)]
pub async fn models() -> Result<Vec<ModelChoice>, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, _caller) = signed_in()?;
        let choice =
            |m: &crate::backend::llm::Model| ModelChoice { id: m.id.clone(), name: m.name.clone(), offline: m.offline };
        Ok(backend.models.all().iter().map(choice).collect())
    })
    .await
}
