//! What can be read: the sources of resources, one behind the other, and the list that goes through them all.
//!
//! A [`ResourceSource`] answers for everything below `parley://KIND/`. Invariant: it takes who reads, and «not yours»
//! and «not there» are one answer, here as in the store.

pub mod collections;
pub mod conversations;

use super::{McpServer, page};
use crate::{
    backend::{caller::Caller, clock::Clock, store::Store, store::StoreError, tools::address},
    wire::{
        id::{ConversationId, MessageId, Millis},
        limits,
    },
};
use futures::{FutureExt, future::BoxFuture};
use rmcp::{
    ErrorData,
    model::{
        Annotations, CacheScope, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResult, Resource,
        ResourceContents, ResourceTemplate,
    },
};
use serde_json::json;
use std::collections::HashMap;

/// How long a client may keep a list of resources: it hears of changes if it listens.
const LIST_TTL_MS: u64 = 5_000;
/// How long it may keep the templates: they change with the program only.
const TEMPLATES_TTL_MS: u64 = 300_000;
const LIST: &str = "resources";

/// Who reads, and from what.
#[derive(Clone, Debug)]
pub struct Reader {
    /// On whose behalf; every read takes `caller.user`.
    pub caller: Caller,
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Clock,
}

/// A way to addresses.
#[derive(Clone, Debug)]
pub struct Template {
    /// With `{name}` for each variable (RFC 6570, level 1).
    pub uri: String,
    /// For programs.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What is there.
    pub description: &'static str,
    /// Its media type.
    pub media_type: &'static str,
}

/// One resource of a list.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its address.
    pub uri: String,
    /// For programs.
    pub name: String,
    /// For people.
    pub title: String,
    /// What is there.
    pub description: String,
    /// Its media type.
    pub media_type: &'static str,
    /// When it last changed, if it does.
    pub changed: Option<Millis>,
}

/// A part of a list, and the place to go on from, if there is more.
pub type Batch = (Vec<Listed>, Option<String>);

/// What is at an address.
#[derive(Clone, Debug)]
pub struct Content {
    /// Its text.
    pub text: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Milliseconds a client may keep it.
    pub ttl_ms: u64,
}

/// What an address is about: which events tell that it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// It does not change while the program runs.
    Still,
    /// A conversation, or one message of it.
    Conversation(ConversationId, Option<MessageId>),
}

/// Why something was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not there, or not the caller's.
    #[error("There is no such resource, or it is not yours.")]
    NotFound,
    /// It cannot be read just now.
    #[error("This cannot be read just now; try again in a moment.")]
    Unavailable,
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => {
                tracing::warn!(error = %other, "a resource could not be read");
                Self::Unavailable
            }
        }
    }
}

/// The resources below `parley://KIND/`.
pub trait ResourceSource: Send + Sync {
    /// The first segment of its addresses.
    fn kind(&self) -> &'static str;
    /// The ways to its addresses.
    fn templates(&self) -> Vec<Template>;
    /// At most `most` of the caller's, after a place; and the place to go on from, if there are more.
    fn list<'a>(&'a self, by: &'a Reader, after: Option<&'a str>, most: u32)
    -> BoxFuture<'a, Result<Batch, ReadError>>;
    /// What is at an address, given its segments after the kind.
    fn read<'a>(&'a self, by: &'a Reader, path: &'a [&'a str]) -> BoxFuture<'a, Result<Content, ReadError>>;
    /// What an address is about, if the caller may read it.
    fn subject<'a>(&'a self, by: &'a Reader, path: &'a [&'a str]) -> BoxFuture<'a, Result<Subject, ReadError>> {
        async move { self.read(by, path).await.map(|_| Subject::Still) }.boxed()
    }
    /// Values for a variable of its templates that go with what was typed; `given` are the others.
    #[expect(unused_variables, reason = "names for whoever has something to suggest")]
    fn complete<'a>(
        &'a self,
        by: &'a Reader,
        variable: &'a str,
        typed: &'a str,
        given: &'a HashMap<String, String>,
    ) -> BoxFuture<'a, Result<Vec<String>, ReadError>> {
        async { Ok(Vec::new()) }.boxed()
    }
}

/// An error about an address, in the protocol's words.
pub(super) fn told(error: &ReadError, uri: &str) -> ErrorData {
    let uri: String = uri.chars().take(600).collect();
    match error {
        ReadError::NotFound => ErrorData::resource_not_found(error.to_string(), Some(json!({ "uri": uri }))),
        ReadError::Unavailable => ErrorData::internal_error(error.to_string(), None),
    }
}

impl McpServer {
    pub(super) fn reader(&self, caller: Caller) -> Reader {
        Reader { caller, store: self.store.clone(), clock: self.clock.clone() }
    }

    /// The source of an address, and its segments after the kind.
    fn source<'a>(&self, uri: &'a str) -> Option<(&dyn ResourceSource, Vec<&'a str>)> {
        let segments = address::segments(uri)?;
        let source = self.offer.sources.iter().find(|source| segments.first() == Some(&source.kind()))?;
        Some((source.as_ref(), segments[1..].to_vec()))
    }

    /// Whether an address is of a kind that is offered.
    pub(super) fn is_offered(&self, uri: &str) -> bool {
        self.source(uri).is_some()
    }

    /// What an address is about, for somebody who may read it.
    pub(super) async fn subject(&self, caller: &Caller, uri: &str) -> Result<Subject, ReadError> {
        let (source, path) = self.source(uri).ok_or(ReadError::NotFound)?;
        source.subject(&self.reader(caller.clone()), &path).await
    }

    /// One page of what `caller` may read.
    pub async fn resource_page(
        &self,
        caller: &Caller,
        cursor: Option<String>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let by = self.reader(caller.clone());
        let (mut at, mut after) = match page::place(LIST, cursor)? {
            Some(place) => open(&place).ok_or_else(page::bad_cursor)?,
            None => (0, None),
        };
        let (mut items, mut next) = (Vec::new(), None);
        while let Some(source) = self.offer.sources.get(at) {
            let room = limits::MCP_PAGE.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
            if room == 0 {
                next = Some((at, None));
                break;
            }
            let listed = source.list(&by, after.as_deref(), room).await;
            let (some, more) = listed.map_err(|error| told(&error, address::SCHEME))?;
            items.extend(some.into_iter().map(listed_resource));
            if more.is_some() {
                next = Some((at, more));
                break;
            }
            (at, after) = (at + 1, None);
        }
        let mut result = ListResourcesResult::with_all_items(items).with_ttl_ms(LIST_TTL_MS);
        result.next_cursor = next.map(|(at, after)| page::cursor(LIST, &close(at, after.as_deref())));
        Ok(result.with_cache_scope(CacheScope::Private))
    }

    /// Every way to an address.
    pub fn templates(&self) -> ListResourceTemplatesResult {
        let templates = self.offer.sources.iter().flat_map(|source| source.templates()).map(|template| {
            ResourceTemplate::new(template.uri, template.name)
                .with_title(template.title)
                .with_description(template.description)
                .with_mime_type(template.media_type)
        });
        ListResourceTemplatesResult::with_all_items(templates.collect())
            .with_ttl_ms(TEMPLATES_TTL_MS)
            .with_cache_scope(CacheScope::Private)
    }

    /// What is at an address.
    pub(super) async fn read_at(&self, caller: Caller, uri: &str) -> Result<ReadResourceResult, ErrorData> {
        let (source, path) = self.source(uri).ok_or_else(|| told(&ReadError::NotFound, uri))?;
        let content = source.read(&self.reader(caller), &path).await.map_err(|error| told(&error, uri))?;
        let contents = ResourceContents::text(content.text, uri).with_mime_type(content.media_type);
        Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(content.ttl_ms).with_cache_scope(CacheScope::Private))
    }

    /// Values for a variable of a template.
    pub(super) async fn complete_address(
        &self,
        caller: Caller,
        template: &str,
        (variable, typed): (&str, &str),
        given: &HashMap<String, String>,
    ) -> Result<Vec<String>, ErrorData> {
        let has = |source: &&std::sync::Arc<dyn ResourceSource>| {
            source.templates().iter().any(|t| t.uri == template && t.uri.contains(&format!("{{{variable}}}")))
        };
        let Some(source) = self.offer.sources.iter().find(has) else {
            let sentence = "There is no such resource template, or it has no such variable.";
            return Err(ErrorData::invalid_params(sentence, None));
        };
        let values = source.complete(&self.reader(caller), variable, typed, given).await;
        values.map_err(|error| told(&error, template))
    }
}

fn close(at: usize, after: Option<&str>) -> String {
    format!("{at} {}", after.unwrap_or_default())
}

fn open(place: &str) -> Option<(usize, Option<String>)> {
    let (at, after) = place.split_once(' ')?;
    Some((at.parse().ok()?, Some(after.to_owned()).filter(|after| !after.is_empty())))
}

fn listed_resource(listed: Listed) -> Resource {
    let resource = Resource::new(listed.uri, listed.name)
        .with_title(listed.title)
        .with_description(listed.description)
        .with_mime_type(listed.media_type);
    let Some(changed) = listed.changed else { return resource };
    let mut annotations = Annotations::default();
    annotations.last_modified = Some(crate::backend::tools::conversations::at(changed));
    resource.with_annotations(annotations)
}
