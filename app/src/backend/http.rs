//! The only place that builds HTTP clients: [`client`] for endpoints the operator configured, [`Guarded`] for addresses
//! that people, models or web pages name, [`session::Session`] for servers one stays connected to.
//!
//! Invariant: a guarded request never reaches an address that [`address::refusal`] names. Every hop's URL is checked
//! before it is asked, and every name's addresses are filtered in the resolver the connection itself uses, so there is
//! no second look-up to rebind between check and connect. No proxy from the environment, no cookies, no Referer.

pub mod address;
pub mod document;
pub mod resolver;
pub mod session;

use address::{Reach, Refused};
use reqwest::{
    Client, ClientBuilder, Response, StatusCode,
    header::{self, HeaderName, HeaderValue},
    redirect,
};
use resolver::{Filtered, Lookup, SystemLookup};
use secrecy::{ExposeSecret, SecretString};
use std::{error::Error as _, sync::Arc, time::Duration};
use tokio::time::Instant;
use url::Url;

/// What we call ourselves.
const USER_AGENT: &str = concat!("Parley/", env!("CARGO_PKG_VERSION"));
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an operator's endpoint may be silent: models think for minutes, but servers send signs of life.
const SILENCE: Duration = Duration::from_mins(5);
/// How long a whole guarded visit may take, redirects and body included; below a tool's deadline.
const VISIT: Duration = Duration::from_secs(20);
/// How long our own public address may take to answer us.
const OWN: Duration = Duration::from_secs(10);
/// Redirects a guarded visit follows.
const HOPS_MAX: usize = 5;

/// Why something could not be fetched, in words for the reader.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address, or one it redirects to, may not be visited.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It redirects too often.
    #[error("it redirects more than {HOPS_MAX} times")]
    Redirects,
    /// A redirect without a readable destination.
    #[error("it redirects to nowhere (its Location header cannot be read)")]
    Nowhere,
    /// The name is unknown or nobody answers there.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It took too long.
    #[error("it did not answer within {} seconds", VISIT.as_secs())]
    Late,
    /// The connection broke or the answer is not HTTP.
    #[error("its answer cannot be read: {0}")]
    Broken(String),
}

/// A client for endpoints from the operator's configuration: any address, the environment's proxy, no limit on the
/// whole (replies stream for minutes), no redirects: an API that moved is the operator's to hear of, and a key must
/// not travel on.
///
/// # Errors
/// The client cannot be set up on this machine at all.
pub fn client() -> Result<Client, reqwest::Error> {
    built(|| base().read_timeout(SILENCE).redirect(redirect::Policy::none()))
}

/// A client for asking our own public address what others find there: no redirects, no proxy, little patience.
///
/// # Errors
/// As [`client`].
pub fn own() -> Result<Client, reqwest::Error> {
    built(|| base().no_proxy().timeout(OWN).redirect(redirect::Policy::none()))
}

/// Makes *ring* the process's cryptography: rustls wants to be told once.
pub fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been first in the meantime; then theirs is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that may make a client")]
fn base() -> ClientBuilder {
    Client::builder().user_agent(USER_AGENT).connect_timeout(CONNECT).tcp_nodelay(true).referer(false)
}

/// Builds with the machine's certificates. On a machine without any, a client for which only `http` works is still
/// better than a server that does not start.
fn built(builder: impl Fn() -> ClientBuilder) -> Result<Client, reqwest::Error> {
    install_crypto();
    builder().build().or_else(|error| {
        tracing::warn!(error = %told(&error), "no trusted certificates on this machine: https will not work");
        builder().tls_certs_only([]).build()
    })
}

/// A client for addresses that somebody else chose.
#[derive(Clone, Debug)]
pub struct Guarded {
    client: Client,
    reach: Reach,
}

/// What a guarded visit found.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Where it ended.
    pub url: Url,
    /// The last answer's status.
    pub status: StatusCode,
    /// Each redirect on the way: its status and where it led.
    pub hops: Vec<(StatusCode, Url)>,
    /// From asking the last address to the first byte of its answer, connecting included.
    pub first_byte: Duration,
    /// The last answer's media type, without parameters.
    pub media_type: Option<String>,
    /// The body, at most as many bytes as asked for.
    pub body: Vec<u8>,
}

impl Guarded {
    /// A client that reaches public addresses only.
    ///
    /// # Errors
    /// As [`client`].
    pub fn new() -> Result<Self, reqwest::Error> {
        Self::with(Reach::default(), Arc::new(SystemLookup))
    }

    /// The same with other rules or another look-up of names.
    ///
    /// # Errors
    /// As [`client`].
    pub fn with(reach: Reach, lookup: Arc<dyn Lookup>) -> Result<Self, reqwest::Error> {
        let resolver = Arc::new(Filtered { lookup, reach: reach.clone() });
        let client = built(|| {
            // Kept connections would make the time to the first byte a lie, and outlive their check.
            let guarded = base().no_proxy().redirect(redirect::Policy::none()).pool_max_idle_per_host(0);
            guarded.dns_resolver(Arc::clone(&resolver))
        })?;
        Ok(Self { client, reach })
    }

    /// Fetches a page by GET, following at most five redirects, each checked like the first address. Reads at most
    /// `body_max` bytes of an HTML body and nothing of any other.
    ///
    /// # Errors
    /// Refused, unreachable, late or broken; never because of the status.
    pub async fn visit(&self, url: &str, body_max: usize) -> Result<Visit, HttpError> {
        tokio::time::timeout(VISIT, self.follow(url, body_max)).await.unwrap_or(Err(HttpError::Late))
    }

    async fn follow(&self, url: &str, body_max: usize) -> Result<Visit, HttpError> {
        let mut url = self.reach.target(url)?;
        let mut hops = Vec::new();
        loop {
            let asked = Instant::now();
            let answer = self.client.get(url.clone()).send().await.map_err(|error| sorted(&error))?;
            let first_byte = asked.elapsed();
            let Some(next) = destination(&answer)? else {
                let (status, media_type) = (answer.status(), media_type(&answer));
                let html = media_type.as_deref().is_some_and(|m| m == "text/html" || m == "application/xhtml+xml");
                let body = if html { capped(answer, body_max).await? } else { Vec::new() };
                return Ok(Visit { url, status, hops, first_byte, media_type, body });
            };
            if hops.len() == HOPS_MAX {
                return Err(HttpError::Redirects);
            }
            url = self.reach.target(next.as_str())?;
            hops.push((answer.status(), url.clone()));
        }
    }
}

/// Headers that the protocols themselves write: a person's own of that name would break a connection.
const RESERVED: [&str; 9] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A header that somebody chose, as requests carry it; its value is never printed.
///
/// # Errors
/// What is wrong with it, without its full stop; never the value.
pub fn header(name: &str, value: &SecretString) -> Result<(HeaderName, HeaderValue), String> {
    let readable = HeaderName::try_from(name.trim()).map_err(|_| {
        format!("«{}» is not a header's name: letters, digits and «-»", name.chars().take(40).collect::<String>())
    })?;
    if RESERVED.contains(&readable.as_str()) || readable.as_str().starts_with("mcp-") {
        return Err(format!("the header «{readable}» is written by the protocol itself"));
    }
    let mut value = HeaderValue::try_from(value.expose_secret().trim())
        .map_err(|_| format!("the value of the header «{readable}» has characters that a header cannot have"))?;
    value.set_sensitive(true);
    Ok((readable, value))
}

/// Where an answer redirects to, if it does.
fn destination(answer: &Response) -> Result<Option<Url>, HttpError> {
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    // A 3xx without Location is an answer like any other (RFC 9110 15.4).
    let Some(location) = answer.headers().get(header::LOCATION) else { return Ok(None) };
    let text = location.to_str().map_err(|_| HttpError::Nowhere)?;
    answer.url().join(text).map(Some).map_err(|_| HttpError::Nowhere)
}

fn media_type(answer: &Response) -> Option<String> {
    let value = answer.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The first `most` bytes; the rest is left unread and the connection dropped.
async fn capped(mut answer: Response, most: usize) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while body.len() < most
        && let Some(chunk) = answer.chunk().await.map_err(|error| sorted(&error))?
    {
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
    }
    Ok(body)
}

/// Sorts a client's error: what the resolver refused is told as such. Its words name no address.
pub fn sorted(error: &reqwest::Error) -> HttpError {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return HttpError::Refused(refused.clone());
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        HttpError::Late
    } else if error.is_connect() {
        HttpError::Unreachable(told(error))
    } else {
        HttpError::Broken(told(error))
    }
}

/// The innermost cause: the outer ones repeat the URL and say less. The number of a system's error says nothing to
/// readers.
fn told(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().split(" (os error ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
