//! The caller's own conversations: list, read, search, rename, delete, write out. Whose they are is the store's WHERE.
//!
//! «Not yours» and «not there» are one sentence. What people wrote comes shortened unless asked otherwise: a result is
//! to be read by a model whose window is bounded. Beginning conversations and speaking in them is
//! [`sending`](super::sending)'s.

mod delete;
mod export;
mod list;
mod named;
mod read;
mod rename;
mod search;

pub use export::markdown;
pub(super) use list::{open as place_in_list, place_of as place_of_row};
pub use named::named;

use super::{Tool, ToolCx, cursor};
use crate::{
    backend::{hub::Hub, store::StoreError},
    wire::{
        id::{ConversationId, Millis},
        message::Message,
        tool::{ToolOutcome, ToolSpec},
    },
};
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use std::sync::Arc;

/// Characters of one message that are told; a page of such messages stays within the result cap.
const EXCERPT: usize = 600;

/// The toolset that reads.
pub fn tools(hub: Hub) -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(Own { spec: Arc::new(read::spec()), hub: hub.clone(), run: |cx, _, a| read::run(cx, a).boxed() }),
        Arc::new(Own { spec: Arc::new(search::spec()), hub, run: |cx, _, a| search::run(cx, a).boxed() }),
    ]
}

/// The toolset that changes; `hub` hears of new titles, and of what is gone.
pub fn changing(hub: Hub) -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(Own {
            spec: Arc::new(rename::spec()),
            hub: hub.clone(),
            run: |cx, hub, a| rename::run(cx, hub, a).boxed(),
        }),
        Arc::new(Own { spec: Arc::new(delete::spec()), hub, run: |cx, hub, a| delete::run(cx, hub, a).boxed() }),
    ]
}

/// What other programs are offered besides: the bot has its conversation before it and needs no list of others.
pub fn for_programs(hub: Hub) -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(Own { spec: Arc::new(list::spec()), hub: hub.clone(), run: |cx, _, a| list::run(cx, a).boxed() }),
        Arc::new(Own { spec: Arc::new(export::spec()), hub, run: |cx, _, a| export::run(cx, a).boxed() }),
    ]
}

type Answer = Result<ToolOutcome, ToolOutcome>;

/// A tool over the caller's own conversations.
struct Own {
    spec: Arc<ToolSpec>,
    hub: Hub,
    run: for<'a> fn(&'a ToolCx, &'a Hub, Value) -> BoxFuture<'a, Answer>,
}

impl Tool for Own {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        (self.run)(cx, &self.hub, arguments).map(|answer| answer.unwrap_or_else(|failure| failure)).boxed()
    }

    fn is_personal(&self) -> bool {
        true
    }
}

/// The argument that names a conversation.
pub(super) fn conversation_property() -> Value {
    json!({
        "type": "string", "format": "uuid", "minLength": 1, "maxLength": 64,
        "description": "The conversation's id, as search_conversations gives it; the current one if left out.",
    })
}

/// The argument that goes on with a list.
fn cursor_property() -> Value {
    json!({
        "type": "string", "minLength": 1, "maxLength": 512,
        "description": "The `next_cursor` of an earlier answer, to go on from there; left out to begin.",
    })
}

/// What goes on with a list, in an answer.
fn next_property() -> Value {
    json!({ "type": "string", "description": "Pass it as `cursor` to go on; left out where nothing follows." })
}

/// The place that a cursor of `list` stands for.
fn place(list: &str, cursor: Option<&String>) -> Result<Option<String>, ToolOutcome> {
    let Some(text) = cursor else { return Ok(None) };
    cursor::open(list, text).map(Some).ok_or_else(bad_cursor)
}

fn bad_cursor() -> ToolOutcome {
    ToolOutcome::error("`cursor` is none that this tool gave. Leave it out to begin anew.")
}

/// The conversation meant: the one named, or the current one.
pub(super) fn meant(cx: &ToolCx, named: Option<&str>) -> Result<ConversationId, ToolOutcome> {
    match named.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|_| {
            ToolOutcome::error(
                "`conversation_id` is not an id. search_conversations gives ids; leave it out for this one.",
            )
        }),
        None => cx.conversation.ok_or_else(|| {
            ToolOutcome::error(
                "There is no current conversation: give a `conversation_id` (search_conversations has them).",
            )
        }),
    }
}

/// A store's failure in words for the model; the cause goes to the log.
pub(super) fn failed(error: StoreError) -> ToolOutcome {
    match error {
        StoreError::NotFound => ToolOutcome::error("There is no such conversation, or it is not yours."),
        StoreError::Busy => ToolOutcome::error("The database is busy; try again in a moment."),
        other => {
            tracing::warn!(error = %other, "a tool could not use the store");
            ToolOutcome::error("The conversations cannot be read or written just now; try again later.")
        }
    }
}

/// A title for people; a conversation has none before its first reply.
fn shown(title: &str) -> String {
    if title.is_empty() { "an untitled conversation".to_owned() } else { format!("«{title}»") }
}

fn speaker(message: &Message) -> &str {
    message.author.as_ref().map_or("Assistant", |author| author.name.as_str())
}

fn counted(n: usize, what: &str) -> String {
    match n {
        0 => format!("No {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{n} {what}s"),
    }
}

/// The first `most` characters, with a sign where more follows.
fn excerpt(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A time as RFC 3339 in UTC, to the second.
pub(super) fn at(time: Millis) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map_or_else(|_| time.0.to_string(), |t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
