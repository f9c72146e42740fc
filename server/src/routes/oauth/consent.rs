//! Where a person is asked whether a program may come in: `/oauth/authorize`.
//!
//! Invariants: who is not signed in goes to the sign-in page and comes back, before anything is looked up or anybody is
//! told; an answer counts only from our own page (the origin layer stands in front) and is checked as the question was;
//! the page runs no script and its form leads here and to where the answer goes, nowhere else.

use crate::{middleware::refusal::refuse, routes::pages::plain, state::AppState};
use app::{
    backend::{
        auth::oauth::{
            Code, OAuthError, Params,
            authorize::{Proven, Request},
            site::AUTHORIZE,
        },
        caller::Caller,
    },
    ui::{
        app::sign_in_path,
        page::consent::{ConsentPage, ConsentPageProps, NotConnected, NotConnectedProps},
    },
    wire::{
        api_token::{Scope, Scopes},
        error::ApiError,
    },
};
use axum::{
    Extension, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route(AUTHORIZE, get(ask).post(decide))
}

async fn ask(
    State(state): State<AppState>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let Some(Extension(caller)) = caller else { return sign_in(&query) };
    let params = Params::read(&query);
    match considered(&state, &caller, &headers, &params).await {
        Ok((proven, request)) => page(&state, &caller, &headers, &params, &proven, &request, false),
        Err(response) => *response,
    }
}

async fn decide(
    State(state): State<AppState>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let Some(Extension(caller)) = caller else { return sign_in(&body) };
    let params = Params::read(&body);
    let (proven, request) = match considered(&state, &caller, &headers, &params).await {
        Ok(both) => both,
        Err(response) => return *response,
    };
    let oauth = state.backend.auth.oauth();
    match params.all("decision").next() {
        Some("deny") => to(&oauth.deny(&proven)),
        Some("allow") => match oauth.allow(&caller, &proven, &request, chosen(&params)).await {
            Ok(location) => to(&location),
            Err(OAuthError::Refused(refusal)) if refusal.code == Code::AccessDenied => {
                page(&state, &caller, &headers, &params, &proven, &request, true)
            }
            Err(error) => told(&state, &headers, error),
        },
        _ => page(&state, &caller, &headers, &params, &proven, &request, false),
    }
}

/// The boxes that are ticked.
fn chosen(params: &Params) -> Scopes {
    let ticked = |scope: &Scope| params.all("allow").any(|name| name == scope.name());
    Scope::ALL.into_iter().filter(ticked).fold(Scopes::default(), Scopes::with)
}

/// Who asks for what; or the response that ends it.
async fn considered(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    params: &Params,
) -> Result<(Proven, Request), Box<Response>> {
    let oauth = state.backend.auth.oauth();
    let proven = oauth.prove(params, caller.user).await.map_err(|error| Box::new(told(state, headers, error)))?;
    match oauth.request(params) {
        Ok(request) => Ok((proven, request)),
        Err(refusal) => Err(Box::new(to(&oauth.refuse(&proven, &refusal, caller.user)))),
    }
}

fn sign_in(query: &str) -> Response {
    Redirect::to(&sign_in_path(&format!("{AUTHORIZE}?{query}"))).into_response()
}

fn to(location: &str) -> Response {
    Redirect::to(location).into_response()
}

fn page(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
    params: &Params,
    proven: &Proven,
    request: &Request,
    nothing: bool,
) -> Response {
    let consent = state.backend.auth.oauth().consent(caller, proven, request, params);
    let view = || ConsentPage(ConsentPageProps { consent, action: AUTHORIZE, nothing });
    plain(state, headers, "Let a program in", &proven.form_action(), view)
}

/// What nobody but the person can be told.
fn told(state: &AppState, headers: &HeaderMap, error: OAuthError) -> Response {
    let reason = match error {
        OAuthError::Refused(refusal) => {
            tracing::info!(error = refusal.code.name(), reason = refusal.description(), "a program was refused");
            refusal.reason
        }
        OAuthError::TooMany(wait) => return refuse(&ApiError::too_many(wait), AUTHORIZE),
        OAuthError::Failed(error) => return refuse(&error.into(), AUTHORIZE),
    };
    let view = || NotConnected(NotConnectedProps { reason });
    let mut response = plain(state, headers, "Not connected", "", view);
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
