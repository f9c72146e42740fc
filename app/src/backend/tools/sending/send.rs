//! Saying something in a conversation and waiting for the reply.

use super::{
    Conversing, Said, Words, refused,
    reply::{Waiting, told},
};
use crate::{
    backend::{
        hub::{Hub, Topic},
        store::{StoreError, tasks::Saying},
        tools::{Tool, ToolCx, conversations, read, spec},
    },
    wire::{
        id::{ClientId, ModelId},
        limits,
        message::Status,
        tool::{Annotations, ToolOutcome, ToolSpec},
    },
};
use futures::{FutureExt, future::BoxFuture};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// How long a busy store is left alone.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) struct Send {
    spec: Arc<ToolSpec>,
    chat: Arc<dyn Conversing>,
    hub: Hub,
}

impl Send {
    pub(super) fn new(chat: Arc<dyn Conversing>, hub: Hub) -> Self {
        Self { spec: Arc::new(advertised(chat.has_page())), chat, hub }
    }
}

/// `page`: whether the reply is seen, and can be answered, on a page of this process.
fn advertised(page: bool) -> ToolSpec {
    let mut id = conversations::conversation_property();
    id["description"] = json!("The conversation's id, as list_conversations or create_conversation gives it.");
    let input = json!({
        "conversation_id": id,
        "text": {
            "type": "string", "minLength": 1, "maxLength": limits::MESSAGE_MAX,
            "description": "What to say, in Markdown; it appears under the user's name.",
        },
        "model": {
            "type": "string", "minLength": 1, "maxLength": 200, "examples": ["offline/assistant"],
            "description": "The model that is to reply, as provider/model; the default one if left out.",
        },
        "key": {
            "type": "string", "format": "uuid", "minLength": 36, "maxLength": 36,
            "description": "A UUID of your own: sent again with the same one, the message is not said twice.",
        },
    });
    let output = json!({
        "conversation_id": { "type": "string", "description": "The conversation's id." },
        "message_id": { "type": "string", "description": "The id of the message that was sent." },
        "reply_id": { "type": "string", "description": "The reply's id." },
        "status": {
            "type": "string", "enum": ["complete", "stopped", "interrupted", "failed", "pending"],
            "description": "How far the reply got; `pending`: it is still being written, read it later.",
        },
        "text": { "type": "string", "description": "The reply, shortened if it is too long for an answer." },
        "shortened": { "type": "boolean", "description": "Whether there is more of it than `text` has." },
        "model": { "type": "string", "description": "The model that replied." },
        "tools": {
            "type": "array", "items": { "type": "string", "description": "A tool's name." },
            "description": "The tools that the reply called.",
        },
        "uri": { "type": "string", "description": "The reply's address as a resource." },
    });
    spec(
        ("send_message", "Send message"),
        if page {
            "Says something in one of the user's own conversations, in the user's name, and returns the assistant's \
             reply. The message and the reply appear on the user's open pages as they are written. It may take minutes; \
             a tool that the reply wants to use may have to be allowed by the user on the page first. Cancelling stops \
             the reply."
        } else {
            "Says something in one of the user's own conversations, in the user's name, and returns the assistant's \
             reply. The user's pages show both when they next load. It may take minutes. A tool of the reply's that the \
             user has not allowed for good, and would be asked about, does not run: nobody can be asked here. Cancelling \
             stops the reply."
        },
        (input, &["conversation_id", "text"]),
        (output, &["conversation_id", "reply_id", "status", "text", "uri"]),
        // The reply may visit websites, and every call says something more.
        Annotations { read_only_hint: false, destructive_hint: false, idempotent_hint: false, open_world_hint: true },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    conversation_id: String,
    text: String,
    model: Option<String>,
    key: Option<String>,
}

impl Tool for Send {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        self.send(cx, arguments).map(|answer| answer.unwrap_or_else(|failure| failure)).boxed()
    }

    fn is_personal(&self) -> bool {
        true
    }

    fn takes_long(&self) -> bool {
        true
    }

    fn resume<'a>(&'a self, cx: &'a ToolCx, saying: Saying) -> BoxFuture<'a, Option<ToolOutcome>> {
        self.go_on(cx, saying).map(|answer| answer.unwrap_or_else(Some)).boxed()
    }
}

impl Send {
    async fn send(&self, cx: &ToolCx, arguments: Value) -> Result<ToolOutcome, ToolOutcome> {
        let Message { conversation_id, text, model, key } = read(arguments)?;
        let conversation = conversations::meant(cx, Some(&conversation_id))?;
        let key = match key {
            Some(text) => text.parse::<ClientId>().map_err(|_| ToolOutcome::error("`key` is not a UUID."))?,
            None => cx.clock.id(),
        };
        // Before anything is said, so that nothing of the reply is missed.
        let mut listener = self.hub.listen();
        listener.subscribe(Topic::Conversation(conversation));
        cx.asking.says(Saying { conversation, key }).await;
        let words = Words { conversation, key, text, model: model.map(ModelId) };
        let said: Said = self.chat.say(&cx.caller, words).await.map_err(|error| refused(&error))?;
        let message = said.message.as_ref().map(|message| message.id).or(said.reply.parent);
        if said.reply.status != Status::Pending {
            return Ok(told(&said.reply, message));
        }
        let reply = Waiting::new(cx, self.chat.as_ref(), listener, &said).reply().await?;
        Ok(told(&reply, message))
    }

    /// Waits for the reply to what was said before; `None` if it was not said.
    async fn go_on(&self, cx: &ToolCx, saying: Saying) -> Result<Option<ToolOutcome>, ToolOutcome> {
        let Saying { conversation, key } = saying;
        let mut listener = self.hub.listen();
        listener.subscribe(Topic::Conversation(conversation));
        let (message, reply) = loop {
            match cx.store.said(cx.caller.user, conversation, key).await {
                Ok(found) => break found,
                Err(StoreError::NotFound) => return Ok(None),
                Err(StoreError::Busy) => tokio::time::sleep(AGAIN).await,
                Err(error) => return Err(conversations::failed(error)),
            }
        };
        let said_in = Some(message.id);
        match reply.turn {
            Some(turn) if reply.status == Status::Pending => {
                let said = Said { turn, reply, message: Some(message), waits: true };
                let reply = Waiting::new(cx, self.chat.as_ref(), listener, &said).reply().await?;
                Ok(Some(told(&reply, said_in)))
            }
            _ => Ok(Some(told(&reply, said_in))),
        }
    }
}
