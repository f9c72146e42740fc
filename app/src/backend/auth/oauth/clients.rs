//! Who a program is: known by registration, or by its document.

use super::{
    OAuth, OAuthError, hash_of,
    params::Params,
    redirect,
    refusal::{Code, Refusal},
};
use crate::{
    backend::{
        limiter::{Action, Key},
        store::oauth::OAuthClient,
    },
    wire::{
        id::UserId,
        limits::{CLIENT_NAME_MAX, REDIRECT_URIS_MAX},
    },
};
use base64::{Engine, engine::general_purpose::STANDARD};
use url::{Url, form_urlencoded};

impl OAuth {
    /// The client that goes by `id`; its document is fetched for `by` if our copy is too old.
    pub(super) async fn client(&self, id: &str, by: UserId) -> Result<OAuthClient, OAuthError> {
        let known = self.store.oauth_client(id).await?;
        let now = self.clock.now();
        match known {
            Some(client) if client.fresh_until.is_none_or(|until| until > now) => return Ok(client),
            None if !self.documents.is_one(id) => return Err(unknown().into()),
            _ => {}
        }
        self.limiter.check(Action::ClientDocument, &Key::User(by)).map_err(OAuthError::TooMany)?;
        let client = self.documents.fetch(id, now).await?;
        self.store.put_oauth_client(&client).await?;
        Ok(client)
    }

    /// The client behind a request without a person: by `Authorization: Basic` or in the form (RFC 6749 2.3.1). One
    /// that has a secret must show it, either way; one that has none must not.
    pub(super) async fn proven_client(
        &self,
        params: &Params,
        authorization: Option<&str>,
    ) -> Result<OAuthClient, OAuthError> {
        let (id, secret) = match authorization {
            Some(header) => {
                let (id, secret) = basic(header).ok_or_else(unproven)?;
                let same = params.one("client_id")?.is_none_or(|other| other == id);
                if !same || params.one("client_secret")?.is_some() {
                    let reason = "The client proves itself in two ways at once.";
                    return Err(Refusal::new(Code::InvalidRequest, reason).into());
                }
                (id, Some(secret).filter(|secret| !secret.is_empty()))
            }
            None => (params.need("client_id")?.to_owned(), params.one("client_secret")?.map(str::to_owned)),
        };
        let client = self.store.oauth_client(&id).await?.ok_or_else(unknown)?;
        let shown = secret.as_deref().map(|secret| hash_of(super::SECRET, secret).unwrap_or_default());
        if shown == client.secret_hash { Ok(client) } else { Err(unproven().into()) }
    }
}

fn unknown() -> Refusal {
    let reason = "No program of that client_id is known here. Remove Parley from it and add it again, so that it registers anew.";
    Refusal::new(Code::InvalidClient, reason)
}

fn unproven() -> Refusal {
    Refusal::new(Code::InvalidClient, "The client did not prove who it is.")
}

/// Name and secret of a `Basic` header, each form-encoded before they were put together.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    let text = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(text).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded =
        |text: &str| form_urlencoded::parse(format!("x={text}").as_bytes()).next().map(|(_, x)| x.into_owned());
    Some((decoded(id)?, decoded(secret)?))
}

/// A program's name as people see it: one line, without what could make it look like something else.
pub(super) fn name(text: &str) -> Option<String> {
    let odd =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let plain: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let plain: String = plain.trim().chars().filter(|c| !c.is_control() && !odd(*c)).take(CLIENT_NAME_MAX).collect();
    (!plain.is_empty()).then_some(plain)
}

/// Redirect URIs that a program may have; or a sentence.
pub(super) fn checked_redirects(uris: Vec<String>) -> Result<Vec<String>, String> {
    if uris.is_empty() || uris.len() > REDIRECT_URIS_MAX {
        return Err(format!("A program has 1 to {REDIRECT_URIS_MAX} redirect URIs."));
    }
    uris.iter().try_for_each(|uri| redirect::check(uri))?;
    Ok(uris)
}

/// Where a program is, in words: what is proven of it, or else where its answers go.
pub(super) fn place(id: &str, redirect_uri: &str) -> String {
    document_host(id).unwrap_or_else(|| redirect::place(redirect_uri))
}

/// The host of a program's document.
pub(super) fn document_host(id: &str) -> Option<String> {
    let url = Url::parse(id).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some(redirect::host(&url))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_name_is_one_plain_line() {
        assert_eq!(name(" Claude\u{202e} \n Code\0 ").unwrap(), "Claude   Code");
        assert_eq!(name(" \u{200b}\n"), None);
        assert_eq!(name(&"x".repeat(500)).unwrap().len(), CLIENT_NAME_MAX);
    }

    #[test]
    fn a_basic_header_is_read_as_it_was_written() {
        let header = |text: &str| format!("basic {}", STANDARD.encode(text));
        assert_eq!(basic(&header("a%3Ab:c%2Bd+e")).unwrap(), ("a:b".to_owned(), "c+d e".to_owned()));
        assert_eq!(basic(&header("a:")).unwrap(), ("a".to_owned(), String::new()));
        for bad in [header("a"), "Bearer x".to_owned(), "Basic !".to_owned(), "Basic".to_owned()] {
            assert_eq!(basic(&bad), None, "{bad}");
        }
    }
}
