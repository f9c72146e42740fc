//! The authorization server's endpoints for programs: metadata, registration, tokens, revocation. Where people are asked
//! is `consent`.
//!
//! Invariants: a program proves itself with what it sends, and no cookie means anything here, so pages from anywhere may
//! ask (CORS); every answer that holds a secret says that nobody may keep it (RFC 6749 5.1).

pub mod consent;

use crate::{
    middleware::{limit, refusal::refuse},
    state::AppState,
};
use app::{
    backend::{
        auth::oauth::{
            Code, OAuthError, Params,
            site::{MCP, REGISTER, RESOURCE_METADATA, REVOKE, SERVER_METADATA, TOKEN},
        },
        caller::Peer,
    },
    wire::error::ApiError,
};
use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

/// What pages from anywhere may do here.
const CORS: [(HeaderName, HeaderValue); 4] = [
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
    (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST")),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, mcp-protocol-version"),
    ),
    (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
];

/// The routes.
pub fn router(state: &AppState) -> Router<AppState> {
    Router::new()
        .route(SERVER_METADATA, get(authorization_server))
        .route(RESOURCE_METADATA, get(first_resource))
        .route(&format!("{RESOURCE_METADATA}/{{*path}}"), get(protected_resource))
        .route(REGISTER, post(register))
        .route(TOKEN, post(token))
        .route(REVOKE, post(revoke))
        .layer(from_fn(cors))
        .layer(from_fn_with_state(state.clone(), limit::limit))
}

async fn cors(request: Request, next: Next) -> Response {
    let mut response = match *request.method() {
        Method::OPTIONS => StatusCode::NO_CONTENT.into_response(),
        _ => next.run(request).await,
    };
    response.headers_mut().extend(CORS);
    response
}

async fn authorization_server(State(state): State<AppState>) -> Json<Value> {
    Json(state.backend.auth.oauth().site().authorization_server())
}

async fn first_resource(State(state): State<AppState>) -> Response {
    resource(&state, MCP)
}

async fn protected_resource(State(state): State<AppState>, Path(path): Path<String>) -> Response {
    resource(&state, &format!("/{path}"))
}

fn resource(state: &AppState, path: &str) -> Response {
    match state.backend.auth.oauth().site().protected_resource(path) {
        Some(told) => Json(told).into_response(),
        None => refuse(&ApiError::NotFound, path),
    }
}

async fn register(State(state): State<AppState>, Extension(peer): Extension<Peer>, body: Bytes) -> Response {
    match state.backend.auth.oauth().register(&body, peer.address).await {
        Ok(told) => secret(StatusCode::CREATED, told),
        Err(error) => refused(error, false),
    }
}

async fn token(State(state): State<AppState>, headers: HeaderMap, body: Bytes) -> Response {
    let authorization = authorization(&headers);
    let told = match form(&headers, &body) {
        Ok(params) => state.backend.auth.oauth().token(&params, authorization).await,
        Err(error) => Err(error),
    };
    told.map_or_else(|error| refused(error, authorization.is_some()), |told| secret(StatusCode::OK, told))
}

async fn revoke(State(state): State<AppState>, headers: HeaderMap, body: Bytes) -> Response {
    let authorization = authorization(&headers);
    let done = match form(&headers, &body) {
        Ok(params) => state.backend.auth.oauth().revoke(&params, authorization).await,
        Err(error) => Err(error),
    };
    done.map_or_else(|error| refused(error, authorization.is_some()), |()| StatusCode::OK.into_response())
}

/// What is there and cannot be read proves nothing.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default())
}

fn form(headers: &HeaderMap, body: &[u8]) -> Result<Params, OAuthError> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Params::read(&String::from_utf8_lossy(body)));
    }
    let reason = "The request must be a form: application/x-www-form-urlencoded.";
    Err(app::backend::auth::oauth::Refusal::new(Code::InvalidRequest, reason).into())
}

/// An answer that nobody may keep but who asked.
fn secret(status: StatusCode, told: Value) -> Response {
    let kept = [(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")];
    (status, kept, Json(told)).into_response()
}

/// A refusal as RFC 6749 5.2 has it; `basic`: the client tried to prove itself by the header.
fn refused(error: OAuthError, basic: bool) -> Response {
    let busy = |words: &ApiError| json!({"error": "temporarily_unavailable", "error_description": words.to_string()});
    match error {
        OAuthError::Refused(refusal) => {
            tracing::info!(error = refusal.code.name(), reason = refusal.description(), "a program was refused");
            let unproven = refusal.code == Code::InvalidClient;
            let status = if unproven { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
            let told = json!({"error": refusal.code.name(), "error_description": refusal.description()});
            let mut response = secret(status, told);
            if unproven && basic {
                let challenge = HeaderValue::from_static("Basic realm=\"Parley\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
        OAuthError::TooMany(wait) => {
            let error = ApiError::too_many(wait);
            let mut response = secret(StatusCode::TOO_MANY_REQUESTS, busy(&error));
            if let ApiError::TooMany { retry_after_s } = error {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
            }
            response
        }
        OAuthError::Failed(error) => {
            let error = ApiError::from(error);
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            secret(status, busy(&error))
        }
    }
}
