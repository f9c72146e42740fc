//! For load balancers and service managers: `/health/live` answers while the process runs, `/health/ready` while it can
//! do its work: the database answers.

use crate::state::AppState;
use axum::{Router, extract::State, http::StatusCode, routing::get};

/// The two routes.
pub fn router() -> Router<AppState> {
    Router::new().route("/health/live", get(|| async { "alive\n" })).route("/health/ready", get(ready))
}

async fn ready(State(state): State<AppState>) -> (StatusCode, &'static str) {
    match state.backend.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}
