//! `/metrics`: what is counted, for Prometheus.
//!
//! Invariants: without the operator's secret in the settings it is not there; with it, that secret alone opens it, as a
//! bearer token. Neither a cookie nor a token of a person's does, be it an administrator's: numbers of the whole house are
//! for who runs it. Wrong secrets count as sign-ins of their address. The right one does not, so that nobody behind the
//! same proxy locks the reader out; it is too long to be guessed (`PARLEY_METRICS_TOKEN`).

use super::mcp;
use crate::{
    middleware::{limit, refusal::refuse},
    state::AppState,
    telemetry::meter::Meter,
};
use app::{
    backend::{
        caller::Peer,
        config::MetricsToken,
        limiter::{Action, Key},
    },
    wire::error::ApiError,
};
use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};

const PATH: &str = "/metrics";

/// The text format, in which everything is UTF-8.
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The route, if it is to be there.
pub fn router(state: &AppState, meter: Option<Meter>) -> Router<AppState> {
    let Some((meter, token)) = meter.zip(state.backend.config.metrics_token.clone()) else { return Router::new() };
    Router::new()
        .route(PATH, get(show))
        .layer(Extension(meter))
        .layer(Extension(token))
        .layer(from_fn_with_state(state.clone(), limit::limit))
}

async fn show(
    State(state): State<AppState>,
    Extension(meter): Extension<Meter>,
    Extension(token): Extension<MetricsToken>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let Some(shown) = mcp::token(&headers) else { return challenge("Bearer realm=\"Parley metrics\"") };
    if token.is(shown) {
        return ([(header::CONTENT_TYPE, KIND), (header::CACHE_CONTROL, "no-store")], meter.told()).into_response();
    }
    tracing::warn!(address = %peer.address, "refused: /metrics was asked for with a wrong token");
    match state.backend.limiter.check(Action::SignInAddress, &Key::address(peer.address)) {
        Ok(()) => challenge("Bearer realm=\"Parley metrics\", error=\"invalid_token\""),
        Err(wait) => refuse(&ApiError::too_many(wait), PATH),
    }
}

fn challenge(value: &'static str) -> Response {
    let sentence = "This is for the operator's monitoring: Authorization: Bearer and the secret of the settings.\n";
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, value)], sentence).into_response()
}
