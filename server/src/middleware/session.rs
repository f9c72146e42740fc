//! The gate for browsers: a session cookie becomes a [`Caller`](app::backend::caller::Caller) beside the request, or
//! nothing does.
//!
//! A cookie that opens nothing is taken away from the browser, unless the response gives it another.

use super::refusal::refuse;
use crate::state::AppState;
use app::{
    backend::auth::{AuthError, token::Token},
    wire::error::ApiError,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};

/// Puts the caller beside the request, and beside the response for the log.
pub async fn session(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let auth = &state.backend.auth;
    let shown = auth.find_cookie(cookies(request.headers()));
    let token = shown.and_then(Token::parse);
    let showed = shown.is_some();
    let caller = match &token {
        Some(token) => auth.caller(token).await,
        None => Ok(None),
    };
    let caller = match caller {
        Ok(caller) => caller,
        Err(error) => return unavailable(&error, request.uri().path()),
    };
    let Some(caller) = caller else {
        let mut response = next.run(request).await;
        if showed && !sets_cookie(response.headers()) {
            clear(response.headers_mut(), &auth.clear_cookie());
        }
        return response;
    };
    let user = caller.user;
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(user);
    response
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok())
}

fn sets_cookie(headers: &HeaderMap) -> bool {
    headers.contains_key(header::SET_COOKIE)
}

fn clear(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        headers.append(header::SET_COOKIE, value);
    }
}

fn unavailable(error: &AuthError, path: &str) -> Response {
    tracing::error!(%error, "no session can be looked up");
    refuse(&ApiError::Unavailable, path)
}
