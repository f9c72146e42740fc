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
            ConnectError, Connections,
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
    Form, Json, Router,
    extract::{FromRequestParts, Query, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use leptos::IntoView;
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

/// Somebody who is signed in here, and their browser; whoever is not is sent to sign in first.
struct Person {
    state: AppState,
    caller: Caller,
    headers: HeaderMap,
}

impl FromRequestParts<AppState> for Person {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Redirect> {
        let caller = parts.extensions.get::<Caller>().cloned();
        let caller = caller.ok_or_else(|| Redirect::to(&sign_in_path(PAGE)))?;
        Ok(Self { state: state.clone(), caller, headers: parts.headers.clone() })
    }
}

impl Person {
    fn connections(&self) -> &Connections {
        &self.state.backend.connections
    }

    fn page<V: IntoView>(&self, title: &'static str, view: impl FnOnce() -> V) -> Response {
        plain(&self.state, &self.headers, title, "", view)
    }

    /// What it came to, or why it came to nothing.
    fn told<T>(&self, came: Result<T, ConnectError>, then: impl FnOnce(T) -> Response) -> Response {
        let reason = match came {
            Ok(came) => return then(came),
            Err(ConnectError::Invalid { reason, .. }) => reason,
            Err(error) => return refuse(&ApiError::from(error), PAGE),
        };
        let page = self.page("Not signed in", || NotSignedIn(NotSignedInProps { reason }));
        (StatusCode::BAD_REQUEST, page).into_response()
    }
}

async fn begin(person: Person, Form(wish): Form<Wish>) -> Response {
    let Wish { server, client_id, client_secret } = wish;
    let own = (!client_id.trim().is_empty()).then(|| OwnClient { id: client_id, secret: client_secret.into() });
    let begun = person.connections().begin_sign_in(&person.caller, &server, own).await;
    person.told(begun, |Begun { name, host, url, scopes }| {
        person.page("Sign in to a server", || GoThere(GoThereProps { name, host, url, scopes }))
    })
}

async fn back(person: Person, Query(back): Query<Back>) -> Response {
    let Back { state, code, iss, error, error_description: description } = back;
    let answer = Answer { state, code, iss, error, description };
    let finished = person.connections().finish_sign_in(&person.caller, &answer).await;
    person.told(finished, |_| to_the_list())
}

async fn end(person: Person, Form(wish): Form<Wish>) -> Response {
    let ended = person.connections().sign_out(&person.caller, &wish.server).await;
    person.told(ended, |()| to_the_list())
}

fn to_the_list() -> Response {
    Redirect::to(PAGE).into_response()
}

async fn document(State(state): State<AppState>) -> Response {
    match state.backend.connections.client_document() {
        Some(told) => Json(told).into_response(),
        None => refuse(&ApiError::NotFound, DOCUMENT),
    }
}
