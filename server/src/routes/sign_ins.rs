//! Signing in to connected MCP servers: `/connections/…`, and the document that describes Parley to authorization servers.
//!
//! Invariants: a sign-in begins and ends only from our own page (the origin layer stands in front); the person sees the
//! host they are sent to before they go; the answer that the browser brings back is for whoever is signed in here, in the
//! session that began it.

use crate::{middleware::refusal::refuse, routes::pages::plain, state::AppState};
use app::{
    api::connections::{PAGE, SIGN_IN, SIGN_OUT},
    backend::{
        caller::Caller,
        tools::remote::{
            ConnectError,
            oauth::{Answer, Begun, CALLBACK, DOCUMENT, OwnClient},
        },
    },
    ui::{
        app::sign_in_path,
        page::remote_sign_in::{GoThere, GoThereProps, NotSignedIn, NotSignedInProps},
    },
    wire::error::ApiError,
};
use axum::{
    Extension, Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

/// The routes.
pub fn router() -> Router<AppState> {
    Router::new()
        .route(SIGN_IN, post(begin))
        .route(SIGN_OUT, post(end))
        .route(CALLBACK, get(back))
        .route(DOCUMENT, get(document))
}

#[derive(Deserialize)]
struct Wish {
    server: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

async fn begin(
    State(state): State<AppState>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Response {
    let Some(Extension(caller)) = caller else { return visitor() };
    let Wish { server, client_id, client_secret } = wish;
    let own = (!client_id.trim().is_empty()).then(|| OwnClient { id: client_id, secret: client_secret.into() });
    match state.backend.connections.begin_sign_in(&caller, &server, own).await {
        Ok(Begun { name, host, url, scopes }) => {
            let view = || GoThere(GoThereProps { name, host, url, scopes });
            plain(&state, &headers, "Sign in to a server", "", view)
        }
        Err(error) => told(&state, &headers, error),
    }
}

async fn back(
    State(state): State<AppState>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Response {
    let Some(Extension(caller)) = caller else { return visitor() };
    let Back { state: known_by, code, iss, error, error_description: description } = back;
    let answer = Answer { state: known_by, code, iss, error, description };
    match state.backend.connections.finish_sign_in(&caller, &answer).await {
        Ok(_) => Redirect::to(PAGE).into_response(),
        Err(error) => told(&state, &headers, error),
    }
}

async fn end(
    State(state): State<AppState>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    Form(wish): Form<Wish>,
) -> Response {
    let Some(Extension(caller)) = caller else { return visitor() };
    match state.backend.connections.sign_out(&caller, &wish.server).await {
        Ok(()) => Redirect::to(PAGE).into_response(),
        Err(error) => told(&state, &headers, error),
    }
}

async fn document(State(state): State<AppState>) -> Response {
    match state.backend.connections.client_document() {
        Some(told) => Json(told).into_response(),
        None => refuse(&ApiError::NotFound, DOCUMENT),
    }
}

fn visitor() -> Response {
    Redirect::to(&sign_in_path(PAGE)).into_response()
}

fn told(state: &AppState, headers: &HeaderMap, error: ConnectError) -> Response {
    let reason = match error {
        ConnectError::Invalid { reason, .. } => reason,
        error => return refuse(&ApiError::from(error), PAGE),
    };
    let view = || NotSignedIn(NotSignedInProps { reason });
    let mut response = plain(state, headers, "Not signed in", "", view);
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
