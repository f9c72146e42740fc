//! `delete_conversation`: asks first, and what it deletes can be brought back for a while.

use super::{Answer, failed};
use crate::{
    backend::{
        hub::{Change, Hub},
        tools::{ToolCx, ask, read, spec as advertised},
    },
    wire::{
        id::ConversationId,
        limits,
        tool::{Annotations, ToolOutcome, ToolSpec},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Days in which a deletion can be undone.
const UNDO_DAYS: i64 = limits::UNDO_MS / (24 * 3600 * 1000);

pub(super) fn spec() -> ToolSpec {
    let id = json!({
        "type": "string", "format": "uuid", "minLength": 1, "maxLength": 64,
        "description": "The conversation's id, as search_conversations gives it.",
    });
    let output = json!({
        "conversation_id": { "type": "string", "description": "The conversation's id." },
        "title": { "type": "string", "description": "The title it had; empty if it had none." },
        "undo_days": { "type": "integer", "description": "Days in which its owner can bring it back." },
    });
    advertised(
        ("delete_conversation", "Delete conversation"),
        "Deletes one of the user's own conversations, for everybody who is in it. Use it only when asked to. Works for \
         conversations the user owns, asks the user to confirm, and can be undone by them in Parley for some days.",
        (json!({ "conversation_id": id }), &["conversation_id"]),
        (output, &["conversation_id", "title", "undo_days"]),
        Annotations { read_only_hint: false, destructive_hint: true, ..Annotations::READ_ONLY },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    conversation_id: String,
}

pub(super) async fn run(cx: &ToolCx, hub: &Hub, arguments: Value) -> Answer {
    let Delete { conversation_id } = read(arguments)?;
    let id: ConversationId = conversation_id.trim().parse().map_err(|_| {
        ToolOutcome::error("`conversation_id` is not an id. search_conversations gives the ids of conversations.")
    })?;
    let summary = cx.store.conversation(cx.caller.user, id).await.map_err(failed)?.summary;
    if !summary.owned {
        return Err(ToolOutcome::error("This conversation belongs to somebody else: only its owner can delete it."));
    }
    let name = if summary.title.is_empty() {
        "this untitled conversation".to_owned()
    } else {
        format!("«{}»", summary.title)
    };
    let others = match summary.members.saturating_sub(1) {
        0 => String::new(),
        1 => " One other person is in it and loses it too.".to_owned(),
        n => format!(" {n} other people are in it and lose it too."),
    };
    let question = format!("Delete {name}?{others} You can bring it back in Parley for {UNDO_DAYS} days.");
    let said = cx.ask(ask::Question::confirm("confirm", question)).await;
    if !said.is_yes() {
        return Err(ToolOutcome::error(said.not_deleted("conversation")));
    }
    let members = cx.store.delete_conversation(cx.caller.user, id).await.map_err(failed)?;
    hub.changed(Change::Deleted(id, &members));
    Ok(ToolOutcome::ok(
        format!("Deleted {name}. Its owner can bring it back in Parley within {UNDO_DAYS} days."),
        json!({ "conversation_id": id, "title": summary.title, "undo_days": UNDO_DAYS }),
    ))
}
