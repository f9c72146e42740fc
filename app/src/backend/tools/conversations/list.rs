//! Listing the caller's conversations as their sidebar has them.

use super::{Answer, at, counted, cursor_property, failed, next_property};
use crate::{
    backend::tools::{ToolCx, address, cursor, read, spec as advertised},
    wire::{
        conversation::ConversationSummary,
        id::{ConversationId, Millis},
        limits,
        tool::{Annotations, ToolOutcome, ToolSpec},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Conversations of one answer unless asked otherwise.
const DEFAULT: u32 = 30;
const LIST: &str = "conversations";

pub(super) fn spec() -> ToolSpec {
    let input = json!({
        "limit": {
            "type": "integer", "minimum": 1, "maximum": limits::SIDEBAR_PAGE, "default": DEFAULT,
            "description": "How many conversations at most; 30 if left out.",
        },
        "cursor": cursor_property(),
    });
    let row = json!({
        "type": "object", "description": "One conversation.", "additionalProperties": false,
        "required": ["conversation_id", "title", "pinned", "owned", "members", "updated_at", "uri"],
        "properties": {
            "conversation_id": { "type": "string", "description": "Its id." },
            "title": { "type": "string", "description": "Its title; empty if it has none yet." },
            "pinned": { "type": "boolean", "description": "Whether the user pinned it." },
            "owned": { "type": "boolean", "description": "Whether the user owns it, or is in it by invitation." },
            "members": { "type": "integer", "description": "How many people are in it." },
            "updated_at": { "type": "string", "description": "When something last happened in it (RFC 3339, UTC)." },
            "uri": { "type": "string", "description": "Its address as a resource." },
        },
    });
    let output = json!({
        "conversations": { "type": "array", "items": row, "description": "Pinned ones first, then by last change." },
        "next_cursor": next_property(),
    });
    advertised(
        ("list_conversations", "List conversations"),
        "Lists the user's own conversations: pinned ones first, then those in which something happened last. Use it to \
         find a conversation by its title or age; search_conversations finds words that were written. The cursor leads \
         to the next ones.",
        (input, &[]),
        (output, &["conversations"]),
        Annotations::READ_ONLY,
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(super) async fn run(cx: &ToolCx, arguments: Value) -> Answer {
    let List { limit, cursor } = read(arguments)?;
    let after = super::place(LIST, cursor.as_ref())?;
    let after = after.map(|text| open(&text).ok_or_else(super::bad_cursor)).transpose()?;
    let limit = limit.unwrap_or(DEFAULT).clamp(1, limits::SIDEBAR_PAGE);
    let page = cx.store.conversations(cx.caller.user, after, limit).await.map_err(failed)?;
    let mut lines = vec![format!("{}.", counted(page.items.len(), "conversation"))];
    lines.extend(page.items.iter().map(|row| {
        let title = if row.title.is_empty() { "untitled" } else { &row.title };
        format!("- {title} ({}), id {}", at(row.updated_at), row.id)
    }));
    let rows: Vec<Value> = page.items.iter().map(structured).collect();
    let mut structured = json!({ "conversations": rows });
    if let Some(last) = page.items.last().filter(|_| page.more) {
        lines.push("There are more.".to_owned());
        structured["next_cursor"] = json!(cursor::seal(LIST, &place_of(last)));
    }
    Ok(ToolOutcome::ok(lines.join("\n"), structured))
}

fn structured(row: &ConversationSummary) -> Value {
    json!({
        "conversation_id": row.id, "title": row.title, "pinned": row.pinned, "owned": row.owned,
        "members": row.members, "updated_at": at(row.updated_at), "uri": address::conversation(row.id),
    })
}

/// A row's place in the list, as the store goes on from it.
pub(in crate::backend::tools) fn place_of(row: &ConversationSummary) -> String {
    format!("{} {} {}", u8::from(row.pinned), row.updated_at.0, row.id)
}

/// What [`place_of`] wrote.
pub(in crate::backend::tools) fn open(place: &str) -> Option<(bool, Millis, ConversationId)> {
    let mut words = place.split(' ');
    let pinned = words.next()? == "1";
    Some((pinned, Millis(words.next()?.parse().ok()?), words.next()?.parse().ok()?))
}
