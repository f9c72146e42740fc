//! Making a conversation.

use super::{Conversing, refused};
use crate::{
    backend::tools::{Tool, ToolCx, address, read, spec},
    wire::{
        conversation::parse_title,
        limits,
        tool::{Annotations, ToolOutcome, ToolSpec},
    },
};
use futures::{FutureExt, future::BoxFuture};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) struct Create {
    spec: Arc<ToolSpec>,
    chat: Arc<dyn Conversing>,
}

impl Create {
    pub(super) fn new(chat: Arc<dyn Conversing>) -> Self {
        Self { spec: Arc::new(advertised()), chat }
    }
}

fn advertised() -> ToolSpec {
    let input = json!({
        "title": {
            "type": "string", "minLength": 1, "maxLength": limits::TITLE_MAX,
            "description": "Its title, a few words on one line; left out, the first reply gives it one.",
        },
    });
    let output = json!({
        "conversation_id": { "type": "string", "description": "The new conversation's id." },
        "title": { "type": "string", "description": "Its title; empty if it has none yet." },
        "uri": { "type": "string", "description": "Its address as a resource." },
    });
    spec(
        ("create_conversation", "Create conversation"),
        "Makes a new, empty conversation of the user's own, which appears in their list. Use send_message to \
         say something in it. Every call makes another conversation, so use it only when a new one is wanted.",
        (input, &[]),
        (output, &["conversation_id", "title", "uri"]),
        Annotations { read_only_hint: false, destructive_hint: false, idempotent_hint: false, open_world_hint: false },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    title: Option<String>,
}

impl Tool for Create {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        self.create(cx, arguments).map(|answer| answer.unwrap_or_else(|failure| failure)).boxed()
    }

    fn is_personal(&self) -> bool {
        true
    }
}

impl Create {
    async fn create(&self, cx: &ToolCx, arguments: Value) -> Result<ToolOutcome, ToolOutcome> {
        let Wanted { title } = read(arguments)?;
        let title = title.map(|title| parse_title(&title)).transpose().map_err(ToolOutcome::error)?;
        let title = title.unwrap_or_default();
        let made = self.chat.create(&cx.caller, &title).await.map_err(|error| refused(&error))?;
        let named = if made.title.is_empty() { "without a title".to_owned() } else { format!("«{}»", made.title) };
        Ok(ToolOutcome::ok(
            format!("There is a new conversation {named}, with the id {}.", made.id),
            json!({ "conversation_id": made.id, "title": made.title, "uri": address::conversation(made.id) }),
        ))
    }
}
