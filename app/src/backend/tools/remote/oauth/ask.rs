//! Requests to authorization servers.
//!
//! Invariant: every address is checked as it is asked, over https unless private networks are allowed; the operator's own
//! secrets go over http to this machine alone; a redirect is followed within its origin only; an answer is read up to a
//! limit, within a time, and is JSON or nothing.

use super::{super::words::sentence, Keep, Trouble, dpop};
use crate::backend::http::{self, session::Session};
use reqwest::{RequestBuilder, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::time::Duration;

/// Bytes of an answer: metadata and tokens are small.
const MOST: usize = 128 * 1024;
/// How long one request may take: a person waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    session: &'a Session,
    plain: Plain,
}

/// Where addresses without https may be asked.
#[derive(Clone, Copy, Debug)]
enum Plain {
    Nowhere,
    ThisMachine,
    Everywhere,
}

/// An answer.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    /// Its body, if that is JSON.
    pub(super) body: Option<Value>,
    /// What the next proof of possession is to have in it.
    pub(super) nonce: Option<String>,
}

impl Keep {
    /// What asks on behalf of a server that a person chose (`guarded`), or the operator.
    pub(super) fn asker(&self, guarded: bool) -> Asker<'_> {
        if guarded {
            Asker { session: &self.guarded, plain: if self.private { Plain::Everywhere } else { Plain::Nowhere } }
        } else {
            Asker { session: &self.plain, plain: Plain::Everywhere }
        }
    }

    /// What asks with secrets of the operator's, where a server's metadata leads.
    pub(super) fn own_asker(&self) -> Asker<'_> {
        Asker { session: &self.plain, plain: if self.private { Plain::Everywhere } else { Plain::ThisMachine } }
    }
}

impl Asker<'_> {
    /// Checks an address that metadata names.
    pub(super) fn check(&self, url: &str) -> Result<(), Trouble> {
        let parsed = url::Url::parse(url).map_err(|_| Trouble::refused("Its sign-in names an unreadable address."))?;
        let plain = match self.plain {
            Plain::Nowhere => false,
            Plain::ThisMachine => is_here(&parsed),
            Plain::Everywhere => true,
        };
        if parsed.scheme() != "https" && !(plain && parsed.scheme() == "http") {
            let told = "Its sign-in names an address that is not https://, where anybody on the way could read along.";
            return Err(Trouble::refused(told));
        }
        let refused = |refused: http::address::Refused| {
            Trouble::Refused(format!(
                "Its sign-in names an address that may not be visited. {}",
                sentence(&refused.to_string())
            ))
        };
        self.session.check(url).map_err(refused)
    }

    /// Reads a document; `None` if there is none.
    pub(super) async fn document(&self, url: &str) -> Result<Option<Value>, Trouble> {
        self.check(url)?;
        let request = self.session.client().get(url).header(header::ACCEPT, "application/json");
        let answered = self.send(request).await?;
        Ok(answered.body.filter(|body| answered.status == StatusCode::OK && body.is_object()))
    }

    /// Posts a form, with a name and a password, and with a proof of possession, if there are any.
    pub(super) async fn form(
        &self,
        url: &str,
        form: &[(&str, &str)],
        basic: Option<(&str, &SecretString)>,
        proof: Option<&SecretString>,
    ) -> Result<Answered, Trouble> {
        self.check(url)?;
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self
            .session
            .client()
            .post(url)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        if let Some((name, password)) = basic {
            // RFC 6749 2.3.1: both are encoded as in a form first.
            let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            request = request.basic_auth(encoded(name), Some(encoded(password.expose_secret())));
        }
        if let Some(proof) = proof {
            request = request.header(dpop::HEADER, proof.expose_secret());
        }
        self.send(request).await
    }

    /// Posts JSON.
    pub(super) async fn json(&self, url: &str, body: &Value) -> Result<Answered, Trouble> {
        self.check(url)?;
        self.send(self.session.client().post(url).header(header::ACCEPT, "application/json").json(body)).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answered, Trouble> {
        let answered = tokio::time::timeout(PATIENCE, read(request)).await;
        answered.unwrap_or_else(|_| Err(Trouble::Away("Its authorization server did not answer in time.".to_owned())))
    }
}

async fn read(request: RequestBuilder) -> Result<Answered, Trouble> {
    let failed = |error: reqwest::Error| match http::sorted(&error) {
        http::HttpError::Refused(refused) => Trouble::Refused(format!(
            "Its sign-in names an address that may not be visited. {}",
            sentence(&refused.to_string())
        )),
        other => Trouble::Away(format!("Its authorization server is away. {}", sentence(&other.to_string()))),
    };
    let mut answer = request.send().await.map_err(failed)?;
    let (status, nonce) = (answer.status(), dpop::nonce(answer.headers()));
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MOST {
            return Err(Trouble::refused("Its authorization server answers with far too much."));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answered { status, body: serde_json::from_slice(&body).ok(), nonce })
}

fn is_here(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
