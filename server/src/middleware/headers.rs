//! The headers that tell browsers what they may do with a response.
//!
//! Invariant: nothing leaves without a Content-Security-Policy. Pages have theirs, with the nonce of their own scripts;
//! everything else may load and run nothing at all.

use crate::{routes::pages::is_html, state::AppState};
use app::backend::config::Config;
use axum::{
    http::{HeaderName, HeaderValue, header},
    response::Response,
};

/// What is not a page has nothing to load and is shown in no frame.
const NOT_A_PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// The same for every response. `same-origin` referrers: a form without JavaScript is answered by going back to its page.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// What means something for documents alone; every file of a first visit would carry it over the wire.
const DOCUMENTS: [(HeaderName, HeaderValue); 2] = [
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()",
        ),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Beside a response that is shown in a frame of Parley's pages: its own policy says in which.
#[derive(Clone, Copy, Debug)]
pub struct Framed;

/// A year; without subdomains, which are not ours to decide about.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds what the route itself has not said.
pub(super) fn add(state: &AppState, response: &mut Response) {
    let page = is_html(response.status(), response.version(), response.headers(), response.extensions());
    let framed = response.extensions().get::<Framed>().is_some();
    let headers = response.headers_mut();
    for (name, value) in ALWAYS.into_iter().chain(DOCUMENTS.into_iter().filter(|_| page || framed)) {
        headers.insert(name, value);
    }
    if framed {
        headers.remove(header::X_FRAME_OPTIONS);
    }
    if state.backend.config.https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOT_A_PAGE);
    // Pages and answers are one person's; a shared cache, or the «back» button after signing out, must not have them.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    if page {
        headers.append(header::VARY, HeaderValue::from_static("cookie"));
    }
}

/// The policy of pages that run no script; their forms lead to ourselves and to `form_action`.
pub fn without_script(form_action: &str) -> HeaderValue {
    let text = format!(
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' {form_action}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&text.replace(" ;", ";")).unwrap_or(NOT_A_PAGE)
}

/// The pages' policy: own files only, WebAssembly allowed, inline script and style only with the page's nonce.
#[derive(Clone, Debug)]
pub struct Policy {
    sockets: String,
    /// Where apps of MCP servers are framed from.
    apps: String,
}

impl Policy {
    /// For a site at its public address. `'self'` covers sockets in browsers of today; older ones want them named.
    pub fn new(config: &Config) -> Self {
        let host = config.public_url.host_str().unwrap_or_default();
        let port = config.public_url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = if config.https() { "wss" } else { "ws" };
        let mut sockets = format!("{scheme}://{host}{port}");
        if let Some(reload) = config.live_reload {
            sockets = format!("{sockets} ws://{host}:{reload} ws://localhost:{reload}");
        }
        // At our own site no other address can be framed anyway (`ALWAYS`).
        let apps = config.apps.origin.as_ref().map_or_else(|| "'self'".to_owned(), |origin| format!("{origin}/apps/"));
        Self { sockets, apps }
    }

    /// For one page.
    pub fn of_page(&self, nonce: &str) -> HeaderValue {
        let text = format!(
            "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
             img-src 'self' data: blob:; connect-src 'self' {}; frame-src {}; object-src 'none'; base-uri 'none'; \
             form-action 'self'; frame-ancestors 'none'",
            self.sockets, self.apps
        );
        HeaderValue::from_str(&text).unwrap_or(NOT_A_PAGE)
    }
}
