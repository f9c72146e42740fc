//! Limits on any request that is not a static file: how often from one address, and how large.
//!
//! What is limited more closely (sign-in, sending, searching) is counted where it happens.

use super::refusal::refuse;
use crate::state::AppState;
use app::{
    backend::{
        caller::Peer,
        limiter::{Action, Key},
    },
    wire::{error::ApiError, limits::BODY_MAX},
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::Limited;

/// Refuses what is too often or too large.
pub async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match within(&state, request) {
        Ok(request) => next.run(request).await,
        Err(refusal) => *refusal,
    }
}

/// The request, which is read no further than one may be long.
///
/// # Errors
/// What it is told instead: it is too often or too large.
pub fn within(state: &AppState, request: Request) -> Result<Request, Box<Response>> {
    if let Some(peer) = request.extensions().get::<Peer>()
        && let Err(wait) = state.backend.limiter.check(Action::Request, &Key::address(peer.address))
    {
        return Err(Box::new(refuse(&ApiError::too_many(wait), request.uri().path())));
    }
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > BODY_MAX) {
        let sentence = format!("A request may have {BODY_MAX} bytes; this one has more.\n");
        return Err(Box::new((StatusCode::PAYLOAD_TOO_LARGE, sentence).into_response()));
    }
    // Without a length, or with a false one, reading ends there.
    Ok(request.map(|body| Body::new(Limited::new(body, BODY_MAX))))
}
