//! `/apps/{ticket}`: the page of an MCP server's app, for the frame that shows it in a conversation.
//!
//! Invariant: it is served into a frame only, under its own policy, whose `sandbox` gives it an origin that is nobody's.
//! From Parley's own site it is served to the person it was opened for; a site of its own has no cookies, and serves
//! nothing else.

use crate::{
    middleware::{headers::Framed, refusal::refuse},
    state::AppState,
};
use app::{
    backend::{caller::Caller, config::Config, tools::remote::apps::AppError},
    wire::error::ApiError,
};
use axum::{
    Extension, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

/// What every address of an app begins with.
const BELOW: &str = "/apps/";

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route("/apps/{ticket}", get(show))
}

async fn show(
    State(state): State<AppState>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    Path(ticket): Path<String>,
) -> Response {
    let config = &state.backend.config;
    if !is_for_frame(config, &headers) {
        let reason = "An app is shown within its conversation only.".to_owned();
        return refuse(&ApiError::Forbidden { reason }, BELOW);
    }
    let framed = match state.backend.connections.framed(&ticket, &config.apps).await {
        Ok(framed) => framed,
        Err(AppError::NotFound | AppError::Refused(_)) => return refuse(&ApiError::NotFound, BELOW),
        Err(error) => {
            tracing::error!(%error, "an app cannot be served");
            return refuse(&ApiError::Unavailable, BELOW);
        }
    };
    let theirs = caller.is_some_and(|Extension(caller)| caller.user == framed.user);
    if config.apps.origin.is_none() && !theirs {
        return refuse(&ApiError::NotFound, BELOW);
    }
    let Ok(policy) = HeaderValue::from_str(&framed.policy) else {
        tracing::error!("an app's policy is no header");
        return refuse(&ApiError::Unavailable, BELOW);
    };
    (Extension(Framed), [(header::CONTENT_SECURITY_POLICY, policy)], Html(framed.html)).into_response()
}

/// Whether a frame asks: browsers say so, but for those that reach us without encryption from another machine.
fn is_for_frame(config: &Config, headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-dest") {
        Some(what) => what == "iframe",
        None => !config.https(),
    }
}

/// How requests to the apps' own site name it, by its origin.
pub fn host(origin: &str) -> Arc<str> {
    origin.split_once("://").map_or(origin, |(_, host)| host).into()
}

/// Keeps everything else of Parley away from the site of the apps, whose [`host`] that is.
pub async fn only_apps(State(theirs): State<Arc<str>>, request: Request, next: Next) -> Response {
    let asked = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).or(request.uri().host());
    if asked == Some(&*theirs) && !request.uri().path().starts_with(BELOW) {
        return refuse(&ApiError::NotFound, BELOW);
    }
    next.run(request).await
}
