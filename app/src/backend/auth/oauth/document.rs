//! Client ID Metadata Documents (draft-ietf-oauth-client-id-metadata-document): a program goes by the URL of a document
//! that says who it is.
//!
//! Invariants: the document is fetched through the guard, whole, without redirects and small, and only for somebody who
//! is signed in; it counts only if it names itself by its own URL; what is wrong with it is said, and nothing of it kept.

use super::{
    clients::{checked_redirects, name},
    redirect,
    refusal::{Code, Refusal},
};
use crate::{
    backend::{http::Guarded, store::oauth::OAuthClient},
    wire::{id::Millis, limits::CLIENT_DOCUMENT_MAX},
};
use serde::Deserialize;
use std::time::Duration;
use url::Url;

/// How long a copy is good if the document does not say, and the bounds of what it may say.
const KEPT: Duration = Duration::from_hours(1);
const KEPT_MIN: Duration = Duration::from_mins(1);
const KEPT_MAX: Duration = Duration::from_hours(24);

/// What fetches documents; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Documents {
    guarded: Guarded,
    /// What a document's address must begin with.
    scheme: &'static str,
}

/// What we read of a document.
#[derive(Debug, Deserialize)]
struct Metadata {
    client_id: String,
    client_name: Option<String>,
    redirect_uris: Vec<String>,
    token_endpoint_auth_method: Option<String>,
    client_secret: Option<serde_json::Value>,
}

impl Documents {
    /// Those that the guard lets through.
    pub fn new(guarded: Guarded) -> Self {
        Self { guarded, scheme: "https://" }
    }

    /// Those without TLS, as a test's server has them.
    #[cfg(test)]
    pub(super) fn unencrypted(guarded: Guarded) -> Self {
        Self { guarded, scheme: "http://" }
    }

    /// Whether a client that goes by `id` has a document.
    pub(super) fn is_one(&self, id: &str) -> bool {
        id.starts_with(self.scheme)
    }

    /// The client that goes by the URL `id`, as its document says at `now`.
    pub(super) async fn fetch(&self, id: &str, now: Millis) -> Result<OAuthClient, Refusal> {
        let refused = |why: String| Refusal::new(Code::InvalidClient, why);
        let shown: String = id.chars().take(200).collect();
        let url = address(id).map_err(|why| refused(format!("The client's address «{shown}» {why}.")))?;
        let document = self.guarded.document(id, CLIENT_DOCUMENT_MAX).await;
        let document =
            document.map_err(|why| refused(format!("The client's document «{shown}» was not read: {why}.")))?;
        let metadata: Metadata = serde_json::from_slice(&document.body)
            .map_err(|_| refused(format!("The client's document «{shown}» is not the JSON that one must be.")))?;
        let wrong = |why: &str| refused(format!("The client's document «{shown}» {why}."));
        if metadata.client_id != id {
            return Err(wrong("says that it is another's"));
        }
        if metadata.client_secret.is_some() {
            return Err(wrong("holds a secret, which everybody can read"));
        }
        if metadata.token_endpoint_auth_method.as_deref().is_some_and(|method| method != "none") {
            return Err(wrong("asks for a way to prove itself that is not known here; «none» is"));
        }
        let redirect_uris = checked_redirects(metadata.redirect_uris)
            .map_err(|why| refused(format!("The client's document «{shown}» does not fit: {why}")))?;
        let kept = document.max_age.unwrap_or(KEPT).clamp(KEPT_MIN, KEPT_MAX);
        let kept = i64::try_from(kept.as_millis()).unwrap_or_default();
        let name = metadata.client_name.as_deref().and_then(name).unwrap_or_else(|| redirect::host(&url));
        let fresh_until = Some(Millis(now.0 + kept));
        Ok(OAuthClient { id: id.to_owned(), name, redirect_uris, secret_hash: None, fresh_until })
    }
}

/// A document's address, if it is one (section 3 of the draft).
fn address(id: &str) -> Result<Url, &'static str> {
    let url = Url::parse(id).map_err(|_| "is no URL")?;
    let path = id.splitn(4, '/').nth(3).unwrap_or_default();
    if path.is_empty() {
        return Err("has no path");
    }
    if id.contains('#') {
        return Err("has a fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user name or password in it");
    }
    if path.split(['/', '?']).any(|part| part == "." || part == "..") {
        return Err("has «.» or «..» in its path");
    }
    // Another spelling of the same address would be another client.
    if url.as_str() != id {
        return Err("is not spelled as a URL is written in full");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_a_documents_address() {
        assert!(address("https://app.example/client.json").is_ok());
        assert!(address("https://app.example:8443/a/b?c=d").is_ok());
        for bad in [
            "https://app.example",
            "https://app.example/",
            "https://app.example/a#b",
            "https://me@app.example/a",
            "https://me:pw@app.example/a",
            "https://app.example/a/../b",
            "https://app.example/./b",
            "https://App.example/a",
            "https://app.example:443/a",
            "https://app.example/a b",
            "https://",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
