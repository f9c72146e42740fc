//! Giving a conversation a new title.

use super::{Answer, conversation_property, failed, meant};
use crate::{
    backend::{
        hub::{Change, Hub},
        tools::{ToolCx, read, spec as advertised},
    },
    wire::{
        limits,
        tool::{Annotations, ToolOutcome, ToolSpec},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn spec() -> ToolSpec {
    let input = json!({
        "title": {
            "type": "string", "minLength": 1, "maxLength": limits::TITLE_MAX,
            "description": "The new title: a few words on one line.",
        },
        "conversation_id": conversation_property(),
    });
    let output = json!({
        "conversation_id": { "type": "string", "description": "The conversation's id." },
        "title": { "type": "string", "description": "Its title now." },
    });
    advertised(
        ("rename_conversation", "Rename conversation"),
        "Gives one of the user's own conversations a new title. Use it only when asked to. Works for conversations \
         the user owns, and does not ask them by itself.",
        (input, &["title"]),
        (output, &["conversation_id", "title"]),
        // A title can be set back at any time, so nothing is destroyed.
        Annotations { read_only_hint: false, ..Annotations::READ_ONLY },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    title: String,
    conversation_id: Option<String>,
}

pub(super) async fn run(cx: &ToolCx, hub: &Hub, arguments: Value) -> Answer {
    let Rename { title, conversation_id } = read(arguments)?;
    let id = meant(cx, conversation_id.as_deref())?;
    let title = title.trim();
    if title.is_empty() || title.contains(char::is_control) {
        return Err(ToolOutcome::error("`title` must be one line with something on it."));
    }
    let summary = cx.store.rename_conversation(cx.caller.user, id, title).await.map_err(failed)?;
    let title = summary.title.clone();
    hub.changed(Change::Conversation(id));
    Ok(ToolOutcome::ok(
        format!("The conversation is now called «{title}»."),
        json!({ "conversation_id": id, "title": title }),
    ))
}
