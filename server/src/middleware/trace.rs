//! One line in the log for each request, and one count ([`measure`](super::measure)): what was asked for, by whom, how it
//! went, how long it took.
//!
//! Decision: one layer for both. axum clones what is inside a layer for each layer and request.
//!
//! Invariant: the route's pattern, never its path or query: they hold room names, invitations and what people search.

use super::measure::Measured;
use app::wire::id::UserId;
use axum::{extract::Request, middleware::Next, response::Response};

/// Logs the request: requests at `info`, files, health checks and readings of `/metrics` at `debug`, faults of ours at `error`.
pub async fn trace(request: Request, next: Next) -> Response {
    let (method, measured) = (request.method().clone(), Measured::begin(&request));
    let response = next.run(request).await;
    let (route, elapsed) = measured.end(&response);
    let route = &*route;
    let quiet = ["/pkg", "/health", "/metrics"].iter().any(|often| route.starts_with(often));
    let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let status = response.status().as_u16();
    let user = response.extensions().get::<UserId>().map(ToString::to_string).unwrap_or_default();
    if status >= 500 {
        tracing::error!(%method, route, status, duration_ms, user, "request");
    } else if quiet {
        tracing::debug!(%method, route, status, duration_ms, user, "request");
    } else {
        tracing::info!(%method, route, status, duration_ms, user, "request");
    }
    response
}
