//! The caller's conversations as Markdown, and each message of them.

use super::{Batch, Content, Listed, ReadError, Reader, ResourceSource, Subject, Template};
use crate::{
    backend::tools::{address, conversations},
    wire::{
        id::{ConversationId, MessageId},
        limits,
        message::{Message, Status},
    },
};
use futures::{FutureExt, future::BoxFuture};
use std::collections::HashMap;

/// Messages of a branch that are read.
const BRANCH: u32 = 2_000;
/// How long a client may keep a message that is finished: it does not change any more.
const FINISHED_TTL_MS: u64 = 300_000;
/// Pages of conversations whose titles are looked through for a completion.
const PAGES: u32 = 20;
/// Values the protocol takes for one completion.
const VALUES: usize = 100;
const MARKDOWN: &str = "text/markdown";

/// `parley://conversations/…`
#[derive(Clone, Copy, Debug)]
pub struct Conversations;

/// What a path names.
fn named(path: &[&str]) -> Option<(ConversationId, Option<MessageId>)> {
    match path {
        [id] => Some((id.parse().ok()?, None)),
        [id, "messages", message] => Some((id.parse().ok()?, Some(message.parse().ok()?))),
        _ => None,
    }
}

impl ResourceSource for Conversations {
    fn kind(&self) -> &'static str {
        "conversations"
    }

    fn templates(&self) -> Vec<Template> {
        vec![
            Template {
                uri: format!("{}conversations/{{id}}", address::SCHEME),
                name: "conversation",
                title: "Conversation",
                description: "One of the user's conversations as Markdown: the branch that the page shows, with authors and times.",
                media_type: MARKDOWN,
            },
            Template {
                uri: format!("{}conversations/{{id}}/messages/{{message}}", address::SCHEME),
                name: "message",
                title: "Message",
                description: "The whole text of one message of a conversation of the user's, in Markdown.",
                media_type: MARKDOWN,
            },
        ]
    }

    fn list<'a>(
        &'a self,
        by: &'a Reader,
        after: Option<&'a str>,
        most: u32,
    ) -> BoxFuture<'a, Result<Batch, ReadError>> {
        async move {
            let after =
                after.map(|place| conversations::place_in_list(place).ok_or(ReadError::NotFound)).transpose()?;
            let page = by.store.conversations(by.caller.user, after, most).await?;
            let next = page.items.last().filter(|_| page.more).map(conversations::place_of_row);
            let listed = page.items.into_iter().map(|row| Listed {
                uri: address::conversation(row.id),
                name: row.id.to_string(),
                title: if row.title.is_empty() { "Untitled conversation".to_owned() } else { row.title },
                description: match row.members {
                    1 => "A conversation of the user's own.".to_owned(),
                    members => format!("A conversation of {members} people."),
                },
                media_type: MARKDOWN,
                changed: Some(row.updated_at),
            });
            Ok((listed.collect(), next))
        }
        .boxed()
    }

    fn read<'a>(&'a self, by: &'a Reader, path: &'a [&'a str]) -> BoxFuture<'a, Result<Content, ReadError>> {
        async move {
            let (id, message) = named(path).ok_or(ReadError::NotFound)?;
            match message {
                None => whole(by, id).await,
                Some(message) => one(by, id, message).await,
            }
        }
        .boxed()
    }

    fn subject<'a>(&'a self, by: &'a Reader, path: &'a [&'a str]) -> BoxFuture<'a, Result<Subject, ReadError>> {
        async move {
            let (id, message) = named(path).ok_or(ReadError::NotFound)?;
            match message {
                None => drop(by.store.conversation(by.caller.user, id).await?),
                Some(message) => drop(find(by, id, message).await?),
            }
            Ok(Subject::Conversation(id, message))
        }
        .boxed()
    }

    fn complete<'a>(
        &'a self,
        by: &'a Reader,
        variable: &'a str,
        typed: &'a str,
        given: &'a HashMap<String, String>,
    ) -> BoxFuture<'a, Result<Vec<String>, ReadError>> {
        async move {
            match variable {
                "id" => titled(by, typed).await,
                _ => worded(by, given.get("id"), typed).await,
            }
        }
        .boxed()
    }
}

/// A conversation's branch, its oldest messages left out if it is too long to be read at once.
async fn whole(by: &Reader, id: ConversationId) -> Result<Content, ReadError> {
    let row = by.store.conversation(by.caller.user, id).await?;
    let path = match row.head {
        Some(head) => by.store.path(by.caller.user, head, BRANCH).await?,
        None => Vec::new(),
    };
    let title = &row.summary.title;
    let mut first = 0;
    let mut text = conversations::markdown(title, &path);
    while text.len() > limits::RESOURCE_MAX && first + 1 < path.len() {
        // Half of what is left at a time: few rounds, and the newest stay.
        first += (path.len() - first).div_ceil(2);
        text = conversations::markdown(title, &path[first.min(path.len() - 1)..]);
    }
    if first > 0 || path.first().is_some_and(|oldest| oldest.parent.is_some()) {
        text.push_str("\n> Older messages are left out: export_conversation has them all.\n");
    }
    Ok(Content { text: bounded(text), media_type: MARKDOWN, ttl_ms: 0 })
}

async fn one(by: &Reader, id: ConversationId, message: MessageId) -> Result<Content, ReadError> {
    let message = find(by, id, message).await?;
    let ttl_ms = if message.status == Status::Pending { 0 } else { FINISHED_TTL_MS };
    Ok(Content { text: bounded(message.text()), media_type: MARKDOWN, ttl_ms })
}

/// A message, if it is in that conversation.
async fn find(by: &Reader, id: ConversationId, message: MessageId) -> Result<Message, ReadError> {
    let message = by.store.message(by.caller.user, message).await?;
    if message.conversation == id { Ok(message) } else { Err(ReadError::NotFound) }
}

fn bounded(mut text: String) -> String {
    if text.len() > limits::RESOURCE_MAX {
        let note = format!("\n\n> Cut here: the whole text has {} bytes.\n", text.len());
        text.truncate(text.floor_char_boundary(limits::RESOURCE_MAX - note.len()));
        text.push_str(&note);
    }
    text
}

/// Ids of conversations whose title holds what was typed, or whose id begins with it.
async fn titled(by: &Reader, typed: &str) -> Result<Vec<String>, ReadError> {
    let wanted = typed.trim().to_lowercase();
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..PAGES {
        let page = by.store.conversations(by.caller.user, after, limits::SIDEBAR_PAGE).await?;
        after = page.items.last().map(|row| (row.pinned, row.updated_at, row.id));
        for row in page.items {
            let id = row.id.to_string();
            if id.starts_with(&wanted) || row.title.to_lowercase().contains(&wanted) {
                found.push(id);
            }
        }
        if !page.more || found.len() > VALUES {
            break;
        }
    }
    Ok(found)
}

/// Ids of a conversation's newest messages that hold what was typed, or whose id begins with it.
async fn worded(by: &Reader, id: Option<&String>, typed: &str) -> Result<Vec<String>, ReadError> {
    let Some(id) = id.and_then(|id| id.parse().ok()) else { return Ok(Vec::new()) };
    let wanted = typed.trim().to_lowercase();
    let most = u32::try_from(2 * VALUES).unwrap_or(limits::PAGE);
    let page = match by.store.page(by.caller.user, id, None, most).await {
        Err(error) => match ReadError::from(error) {
            // What is not there has no messages to suggest.
            ReadError::NotFound => return Ok(Vec::new()),
            ReadError::Unavailable => return Err(ReadError::Unavailable),
        },
        Ok(page) => page,
    };
    let newest = page.items.iter().rev().filter(|m| m.status != Status::Pending);
    let fits = |m: &&Message| m.id.to_string().starts_with(&wanted) || m.text().to_lowercase().contains(&wanted);
    Ok(newest.filter(fits).map(|m| m.id.to_string()).collect())
}
