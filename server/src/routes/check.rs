//! `/settings/check`: the self-test of programs' sign-in, begun by a button because it changes something for a moment.

use crate::{routes::pages::plain, state::AppState};
use app::{
    backend::caller::Caller,
    ui::{
        app::sign_in_path,
        page::mcp_check::{McpCheckPage, McpCheckPageProps},
    },
    wire::oauth::Step,
};
use axum::{
    Extension, Router,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

const PATH: &str = "/settings/check";

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route(PATH, get(show).post(run))
}

async fn show(State(state): State<AppState>, caller: Option<Extension<Caller>>, headers: HeaderMap) -> Response {
    let Some(Extension(caller)) = caller else { return Redirect::to(&sign_in_path(PATH)).into_response() };
    page(&state, &caller, &headers, Vec::new())
}

async fn run(State(state): State<AppState>, caller: Option<Extension<Caller>>, headers: HeaderMap) -> Response {
    let Some(Extension(caller)) = caller else { return Redirect::to(&sign_in_path(PATH)).into_response() };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let steps = state.backend.auth.oauth().check(&caller, host).await;
    page(&state, &caller, &headers, steps)
}

fn page(state: &AppState, caller: &Caller, headers: &HeaderMap, steps: Vec<Step>) -> Response {
    let oauth = state.backend.auth.oauth();
    let (endpoint, troubles) = (oauth.site().resource(), oauth.troubles(caller));
    let view = || McpCheckPage(McpCheckPageProps { endpoint, action: PATH, steps, troubles });
    plain(state, headers, "Can programs sign in?", "", view)
}
