//! One line in the log for each request, and one count ([`measure`](super::measure)): what was asked for, by whom, how it
//! went, how long it took.
//!
//! Invariant: the route's pattern, never its path or query: they hold room names, invitations and what people search.

use super::measure::Measured;
use app::wire::id::UserId;
use axum::{extract::Request, http::Method, response::Response};

/// A request that is being answered.
pub(super) struct Traced {
    method: Method,
    measured: Measured,
}

impl Traced {
    /// It begins now.
    pub(super) fn begin(request: &Request) -> Self {
        Self { method: request.method().clone(), measured: Measured::begin(request) }
    }

    /// Counts and logs it: requests at `info`, files, health checks and readings of `/metrics` at `debug`, faults of ours
    /// at `error`.
    pub(super) fn end(self, response: &Response) {
        let Self { method, measured } = self;
        let (route, elapsed) = measured.end(response);
        let route = &*route;
        let quiet = ["/pkg", "/health", "/metrics"].iter().any(|often| route.starts_with(often));
        let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let status = response.status().as_u16();
        let user = || response.extensions().get::<UserId>().map(ToString::to_string).unwrap_or_default();
        if status >= 500 {
            tracing::error!(%method, route, status, duration_ms, user = user(), "request");
        } else if quiet {
            tracing::debug!(%method, route, status, duration_ms, user = user(), "request");
        } else {
            tracing::info!(%method, route, status, duration_ms, user = user(), "request");
        }
    }
}
