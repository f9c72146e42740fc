//! Against forged requests (CSRF): whatever changes something, and every socket, must come from our own page.
//!
//! Browsers say where a request comes from (`Origin`, RFC 6454; `Sec-Fetch-Site`, Fetch Metadata) and no page can
//! change that. Cookies are `SameSite=Lax` besides, but another port of the same host is the same site.
//! Our own origin is the public address; or the host that the request was sent to, if that is an IP address, localhost
//! or the public host at another port. Any other name may be a stranger's that was made to point here after its page
//! was loaded (DNS rebinding), and such a page must not pass for ours. Origins of other frontends may open
//! `/ws/chat/{room}/` and nothing else.
//! Where the public address was not set, whoever uses a host name meets this gate with every form: what they read and
//! the log name the setting.

use super::refusal::refuse;
use app::{backend::config::Config, wire::error::ApiError};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};
use url::Position;

/// Origins that are remembered as logged; after so many others one is logged again.
const LOGGED_MAX: usize = 64;
/// What whoever was refused is told: it may be anybody, so nothing of ours stands in it.
const ELSEWHERE: &str = "This request does not come from Parley's own page at the address it knows. Load the page \
again. If that does not help, whoever runs this Parley sets PARLEY_PUBLIC_URL to the address in your browser's address \
bar, and starts it again.";

/// Who comes from elsewhere, and who was logged for it.
#[derive(Clone, Debug)]
pub struct Gate {
    config: Arc<Config>,
    logged: Arc<Mutex<HashSet<String>>>,
}

impl Gate {
    /// The gate of a server with those settings; says in the log if its public address is none that people can type.
    pub fn new(config: &Config) -> Self {
        let nowhere = match config.public_url.host() {
            Some(url::Host::Ipv4(ip)) => ip.is_unspecified(),
            Some(url::Host::Ipv6(ip)) => ip.is_unspecified(),
            Some(url::Host::Domain(_)) | None => false,
        };
        if nowhere {
            tracing::warn!(
                "PARLEY_PUBLIC_URL is not set: whoever reaches Parley by a name other than localhost cannot sign in"
            );
        }
        Self { config: Arc::new(config.clone()), logged: Arc::default() }
    }

    /// Logs a refusal, once for each origin, with what to do if it was none of a stranger's.
    fn log(&self, headers: &HeaderMap) {
        let origin = headers.get(header::ORIGIN).and_then(|origin| url::Url::parse(origin.to_str().ok()?).ok());
        let Some(origin) = origin.map(|origin| origin.origin().ascii_serialization()) else {
            return tracing::debug!("refused: it does not say that it comes from our page");
        };
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= LOGGED_MAX {
            logged.clear();
        }
        if logged.insert(origin.clone()) {
            tracing::warn!(
                %origin,
                expected = %self.config.origin(),
                "refused: it does not come from our page. If people reach Parley at this origin, set PARLEY_PUBLIC_URL to it"
            );
        }
    }
}

/// Refuses what comes from elsewhere.
pub async fn origin(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
    let harmless = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && !is_upgrade(headers);
    if harmless || is_ours(&gate.config, path, headers) {
        return next.run(request).await;
    }
    gate.log(headers);
    // A form that was posted without JavaScript is answered to a person.
    let read = headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    refuse(&ApiError::Forbidden { reason: ELSEWHERE.to_owned() }, if read { "" } else { path })
}

fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE)
}

fn is_ours(config: &Config, path: &str, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return is_ours_without(headers) };
    let Ok(origin) = origin.to_str() else { return false };
    origin == config.origin()
        || is_where_it_was_sent(config, origin, headers)
        || (is_room_socket(path) && config.allowed_origins.iter().any(|allowed| allowed == origin))
}

/// Behind HTTPS the scheme counts: a page that came unencrypted may be anybody's.
fn is_where_it_was_sent(config: &Config, origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = origin.strip_prefix(config.public_url.scheme()).and_then(|rest| rest.strip_prefix("://"));
    authority.is_some() && authority == host && authority.is_some_and(|authority| cannot_be_rebound(config, authority))
}

/// Whether nobody else's name can stand for that host.
fn cannot_be_rebound(config: &Config, authority: &str) -> bool {
    let Ok(url) = url::Url::parse(&format!("http://{authority}")) else { return false };
    match url.host() {
        Some(url::Host::Ipv4(_) | url::Host::Ipv6(_)) => true,
        Some(url::Host::Domain(name)) => name == "localhost" || Some(name) == config.public_url.host_str(),
        None => false,
    }
}

/// Whether a request without cookies may come from where it says it does: from no page, from ours, or from one that
/// the operator allows.
pub fn may_ask_from(config: &Config, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    origin == config.origin()
        || is_where_it_was_sent(config, origin, headers)
        || config.allowed_origins.iter().any(|allowed| allowed == origin)
}

/// Whether the request was sent to a name that is ours, and not to one that was made to point here.
pub fn is_known_host(config: &Config, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    // The name at hand needs no parsing; whatever else is the same by another spelling does.
    let ours = &config.public_url[Position::BeforeHost..Position::AfterPort];
    // HTTP/2 has no such header, and no page can speak it without encryption.
    host.is_none_or(|host| host == ours || cannot_be_rebound(config, host))
}

/// `/ws/chat/{room}/`, not our own page's socket beside it.
fn is_room_socket(path: &str) -> bool {
    path.strip_prefix("/ws/chat/").is_some_and(|room| !room.is_empty())
}

/// Without `Origin`: a browser new enough says `Sec-Fetch-Site`; one that says neither is refused as soon as it shows a
/// cookie or calls itself a browser. What is left is a program that forges nothing but itself.
fn is_ours_without(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    !headers.contains_key(header::COOKIE) && !agent.contains("Mozilla")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use app::backend::config::Settings;

    #[test]
    fn strangers_cannot_make_it_remember_without_end() {
        let many: Vec<String> = (0..3 * LOGGED_MAX).map(|n| format!("https://{n}.example")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let gate = Gate::new(&Settings::default().check(|_| None).unwrap());
        for origin in &many {
            gate.log(&HeaderMap::from_iter([(header::ORIGIN, origin.parse().unwrap())]));
            assert!(gate.logged.lock().unwrap().len() <= LOGGED_MAX);
        }
    }
}
