//! The headers that tell browsers what they may do with a response.
//!
//! Invariant: nothing leaves without a Content-Security-Policy. Pages have theirs, with the nonce of their own scripts;
//! everything else may load and run nothing at all.

use crate::{routes::pages::is_html, state::AppState};
use app::backend::config::Config;
use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::Response,
};

/// What is not a page has nothing to load and is shown in no frame.
const NOT_A_PAGE: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// The same for every response. `same-origin` referrers: a form without JavaScript is answered by going back to its page.
const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()",
        ),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// A year; without subdomains, which are not ours to decide about.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds what the route itself has not said.
pub async fn headers(State(state): State<AppState>, mut response: Response) -> Response {
    let page = is_html(response.status(), response.version(), response.headers(), response.extensions());
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
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
    response
}

/// The pages' policy: own files only, WebAssembly allowed, inline script and style only with the page's nonce.
#[derive(Clone, Debug)]
pub struct Policy {
    sockets: String,
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
        Self { sockets }
    }

    /// For one page.
    pub fn of_page(&self, nonce: &str) -> HeaderValue {
        let text = format!(
            "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
             img-src 'self' data: blob:; connect-src 'self' {}; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'",
            self.sockets
        );
        HeaderValue::from_str(&text).unwrap_or(NOT_A_PAGE)
    }
}
