//! One line in the log for each request: what was asked for, by whom, how it went, how long it took.
//!
//! Invariant: the route's pattern, never its path or query: they hold room names, invitations and what people search.

use super::measure;
use crate::state::AppState;
use app::wire::id::UserId;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

/// Logs the request: requests at `info`, files, health checks and readings of `/metrics` at `debug`, faults of ours at `error`.
pub async fn trace(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = measure::route(&request).to_owned();
    let quiet = ["/pkg", "/health", "/metrics"].iter().any(|often| route.starts_with(often));
    let begun = state.backend.clock.now();
    let response = next.run(request).await;
    let duration_ms = state.backend.clock.now().0 - begun.0;
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
