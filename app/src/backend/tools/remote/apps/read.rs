//! Reading a server's resource, and an app's page in particular.
//!
//! Invariant: a page is taken only if it is what was asked for: that address, that media type, text, within
//! [`APP_MAX`].

use super::{
    super::{
        Pool,
        link::Link,
        words::{Fault, Kind},
    },
    MEDIA_TYPE,
};
use crate::{
    backend::store::apps::StoredApp,
    wire::{id::Millis, limits::APP_MAX},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rmcp::model::{MetaObject, ReadResourceRequestParams, ReadResourceResult, ResourceContents};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Bytes of what a page declares.
const DECLARED_MAX: usize = 32 * 1024;

/// A resource, as the server sends it.
pub(super) async fn resource(pool: &Arc<Pool>, link: &Arc<Link>, uri: &str) -> Result<ReadResourceResult, Fault> {
    let (peer, _ear) = link.line(pool, pool.options.wake).await?;
    let asked = peer.read_resource(ReadResourceRequestParams::new(uri));
    let within = pool.options.answer;
    let found = tokio::time::timeout(within, asked).await.map_err(|_| Fault::late(within))?;
    found.map_err(|error| Fault::of_request(&error))
}

/// An app's page; when it was read is for the caller to say.
pub(super) async fn page(pool: &Arc<Pool>, link: &Arc<Link>, uri: &str) -> Result<StoredApp, Fault> {
    let found = resource(pool, link, uri).await?;
    let (html, meta) = content(found, uri).map_err(|told| Fault::new(Kind::Protocol, told))?;
    let listed = || {
        let seen = link.seen();
        let listed = seen.catalog.resources.iter().find(|listed| listed.uri == uri);
        listed.and_then(|listed| listed.meta.as_ref()).and_then(ui)
    };
    let declared = meta.as_ref().and_then(ui).or_else(listed).unwrap_or_else(|| "{}".to_owned());
    if declared.len() > DECLARED_MAX {
        return Err(Fault::new(Kind::Protocol, "Its app declares more than one could read."));
    }
    let digest = hex::encode(Sha256::new().chain_update(&html).chain_update("\0").chain_update(&declared).finalize());
    let (server, uri) = (link.id.clone(), uri.to_owned());
    Ok(StoredApp { server, uri, digest, html, declared, read_at: Millis(0) })
}

fn ui(meta: &MetaObject) -> Option<String> {
    meta.0.get("ui").filter(|ui| ui.is_object()).map(ToString::to_string)
}

/// The page in what a server sent, and its metadata; or what is wrong with it.
fn content(found: ReadResourceResult, asked: &str) -> Result<(String, Option<MetaObject>), String> {
    for content in found.contents {
        let (uri, kind, page, meta) = match content {
            ResourceContents::TextResourceContents { uri, mime_type, text, meta } => (uri, mime_type, Ok(text), meta),
            ResourceContents::BlobResourceContents { uri, mime_type, blob, meta } => {
                let bytes = STANDARD.decode(blob.trim()).ok();
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                (uri, mime_type, text.ok_or("Its app is no text."), meta)
            }
            _ => continue,
        };
        if uri != asked {
            continue;
        }
        let kind: String = kind.unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
        if !kind.eq_ignore_ascii_case(MEDIA_TYPE) {
            return Err(format!("Its app is not of the media type «{MEDIA_TYPE}»."));
        }
        let page = page?;
        if page.len() > APP_MAX {
            return Err(format!("Its app has {} bytes; at most {APP_MAX} are shown.", page.len()));
        }
        return Ok((page, meta));
    }
    Err("It has no such app.".to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::{Value, json};

    fn read(contents: Value) -> Result<String, String> {
        let found = serde_json::from_value(json!({ "contents": contents })).unwrap();
        content(found, "ui://a").map(|(page, _)| page)
    }

    #[test]
    fn a_page_is_taken_only_if_it_is_what_was_asked_for() {
        let page = json!([{"uri": "ui://a", "mimeType": "text/html;profile=mcp-app", "text": "<p>"}]);
        assert_eq!(read(page).unwrap(), "<p>");
        let encoded = json!([{"uri": "ui://a", "mimeType": "text/html; profile=mcp-app", "blob": "PHA+"}]);
        assert_eq!(read(encoded).unwrap(), "<p>");
        for (contents, words) in [
            (json!([]), "no such app"),
            (json!([{"uri": "ui://b", "mimeType": "text/html;profile=mcp-app", "text": "<p>"}]), "no such app"),
            (json!([{"uri": "ui://a", "mimeType": "text/html", "text": "<p>"}]), "media type"),
            (json!([{"uri": "ui://a", "text": "<p>"}]), "media type"),
            (json!([{"uri": "ui://a", "mimeType": "text/html;profile=mcp-app", "blob": "/w=="}]), "no text"),
            (
                json!([{"uri": "ui://a", "mimeType": "text/html;profile=mcp-app", "text": "x".repeat(APP_MAX + 1)}]),
                "bytes",
            ),
        ] {
            let told = read(contents).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
    }
}
