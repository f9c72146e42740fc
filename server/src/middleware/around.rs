//! What surrounds every request: who asks ([`peer`]), what is written down of it ([`trace`](super::trace)), an answer
//! where a handler panicked, and the headers that each answer has ([`headers`]).
//!
//! Decision: one layer for all of them. axum clones what is inside a layer for each layer and request, so that layers cost
//! more the more there are.

use super::{headers, peer, refusal, trace::Traced};
use crate::state::AppState;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;

/// See the module.
pub async fn around(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    peer::note(&state, &mut request);
    let traced = Traced::begin(&request);
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| refusal::panicked());
    headers::add(&state, &mut response);
    traced.end(&response);
    response
}
