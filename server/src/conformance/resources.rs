//! Resource fixtures, as a source of [`McpServer`](app::backend::tools::serve::McpServer)'s: listing, paging, templates,
//! reading and following are ours. The suite wants `test://` addresses, so these are written anew on the way in and out;
//! and it wants a picture, which no source of ours has: that one alone is answered here.

use super::content;
use app::backend::tools::{
    address::SCHEME,
    serve::resources::{Batch, Content, Listed, ReadError, Reader, ResourceSource, Template},
};
use futures::{FutureExt, future::BoxFuture};
use rmcp::{
    ErrorData,
    model::{
        CacheScope, ListResourceTemplatesResult, ListResourcesResult, ReadResourceResponse, ReadResourceResult,
        ResourceContents,
    },
};
use serde_json::{Value, json};

/// What the suite's addresses begin with.
const THEIRS: &str = "test://";
/// The first segment of the same addresses here.
const KIND: &str = "test";
const PICTURE: &str = "test://static-binary";
/// How long a fixture may be kept, in milliseconds.
const TTL_MS: u64 = 60_000;

/// The suite's address as one of ours.
pub(super) fn ours(uri: &str) -> String {
    uri.strip_prefix(THEIRS).map_or_else(|| uri.to_owned(), |rest| format!("{SCHEME}{KIND}/{rest}"))
}

/// One of ours as the suite knows it.
fn theirs(uri: &str) -> String {
    let rest = uri.strip_prefix(SCHEME).and_then(|path| path.strip_prefix(KIND)?.strip_prefix('/'));
    rest.map_or_else(|| uri.to_owned(), |rest| format!("{THEIRS}{rest}"))
}

/// The source.
pub(super) struct Fixtures;

impl ResourceSource for Fixtures {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn templates(&self) -> Vec<Template> {
        vec![Template {
            uri: format!("{SCHEME}{KIND}/template/{{id}}/data"),
            name: "template",
            title: "A template",
            description: "A fixture: a resource for each id.",
            media_type: "application/json",
        }]
    }

    fn list<'a>(
        &'a self,
        _by: &'a Reader,
        _after: Option<&'a str>,
        _most: u32,
    ) -> BoxFuture<'a, Result<Batch, ReadError>> {
        let listed = |(path, media_type): (&str, &'static str)| Listed {
            uri: format!("{SCHEME}{KIND}/{path}"),
            name: path.to_owned(),
            title: path.replace('-', " "),
            description: format!("A fixture: {path}."),
            media_type,
            changed: None,
        };
        let all = [("static-text", "text/plain"), ("static-binary", "image/png"), ("watched-resource", "text/plain")];
        let all = all.map(listed).to_vec();
        async move { Ok((all, None)) }.boxed()
    }

    fn read<'a>(&'a self, _by: &'a Reader, path: &'a [&'a str]) -> BoxFuture<'a, Result<Content, ReadError>> {
        async move {
            let (media_type, text) = match path {
                ["static-text"] => ("text/plain", "This is the content of the static text resource.".to_owned()),
                ["watched-resource"] => ("text/plain", "Watched.".to_owned()),
                ["template", id, "data"] => ("application/json", json!({ "id": id, "templateTest": true }).to_string()),
                _ => return Err(ReadError::NotFound),
            };
            Ok(Content { text, media_type, ttl_ms: TTL_MS })
        }
        .boxed()
    }
}

pub(super) fn listed(mut list: ListResourcesResult) -> ListResourcesResult {
    for resource in &mut list.resources {
        resource.uri = theirs(&resource.uri);
    }
    list
}

pub(super) fn templates(mut list: ListResourceTemplatesResult) -> ListResourceTemplatesResult {
    for template in &mut list.resource_templates {
        template.uri_template = theirs(&template.uri_template);
    }
    list
}

/// The picture, if it is asked for.
pub(super) fn picture(uri: &str) -> Option<ReadResourceResult> {
    (uri == PICTURE).then(|| {
        let contents = ResourceContents::BlobResourceContents {
            uri: uri.to_owned(),
            mime_type: Some("image/png".to_owned()),
            blob: content::PIXEL.to_owned(),
            meta: None,
        };
        ReadResourceResult::new(vec![contents]).with_ttl_ms(TTL_MS).with_cache_scope(CacheScope::Private)
    })
}

pub(super) fn read(response: ReadResourceResponse) -> ReadResourceResponse {
    let ReadResourceResponse::Complete(mut result) = response else { return response };
    for contents in &mut result.contents {
        if let ResourceContents::TextResourceContents { uri, .. } | ResourceContents::BlobResourceContents { uri, .. } =
            contents
        {
            *uri = theirs(uri);
        }
    }
    result.into()
}

/// An error names the address that was asked for.
pub(super) fn failed(mut error: ErrorData) -> ErrorData {
    if let Some(Value::String(uri)) = error.data.as_mut().and_then(|data| data.get_mut("uri")) {
        *uri = theirs(uri);
    }
    error
}
