//! `/mcp`: the tools for other programs, by the Model Context Protocol over streamable HTTP.
//!
//! This is the gate; the protocol is rmcp's. Invariants: a token opens it and nothing else does, least of all a cookie
//! (RFC 6750; MCP, «Authorization»); a page of a strange origin gets nothing, whatever it shows (DNS rebinding); a
//! session belongs to the person who began it, and for anybody else is not there; a token that ends takes its open
//! streams with it. Refusals say what to show instead (`WWW-Authenticate`), and the log what was asked, never with what.

use crate::{
    middleware::{
        limit,
        origin::{is_known_host, may_ask_from},
        refusal::refuse,
    },
    state::AppState,
};
use app::{
    backend::{
        auth::api_tokens::Bearer,
        clock::Clock,
        hub::{Heard, Listener, Topic},
        limiter::{Action, Key},
        tools::serve::scope_of,
    },
    wire::{
        api_token::{Scope, Scopes},
        error::ApiError,
        event::ChatEvent,
        limits::BODY_MAX,
    },
};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use futures::StreamExt;
use serde::Deserialize;
use std::time::Duration;

const PATH: &str = "/mcp";
/// The header by which older clients name their session.
const SESSION: &str = "mcp-session-id";

/// The route and its gate.
pub fn router(state: &AppState) -> Router<AppState> {
    Router::new()
        .route_service(PATH, state.backend.mcp.service())
        .layer(from_fn_with_state(state.clone(), gate))
        .layer(from_fn_with_state(state.clone(), limit::limit))
}

/// What the gate wants to know of a message; the rest is rmcp's to read.
#[derive(Debug, Default, Deserialize)]
struct Message {
    #[serde(default)]
    method: String,
    #[serde(default)]
    params: Params,
}

#[derive(Debug, Default, Deserialize)]
struct Params {
    #[serde(default)]
    name: String,
}

async fn gate(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let backend = &state.backend;
    let headers = request.headers();
    if !is_known_host(&backend.config, headers) || !may_ask_from(&backend.config, headers) {
        let reason = "This address is not for pages from elsewhere.".to_owned();
        return refuse(&ApiError::Forbidden { reason }, PATH);
    }
    let bearer = match token(headers) {
        None => return challenge(StatusCode::UNAUTHORIZED, None, Scopes::ALL),
        Some(token) => match backend.auth.bearer(token).await {
            Ok(Some(bearer)) => bearer,
            Ok(None) => return challenge(StatusCode::UNAUTHORIZED, Some("invalid_token"), Scopes::ALL),
            Err(error) => {
                tracing::error!(%error, "no token can be looked up");
                return refuse(&ApiError::Unavailable, PATH);
            }
        },
    };
    // Before anything is looked up: what ends from now on is heard.
    let mut listener = backend.hub.listen();
    listener.subscribe(Topic::Token(bearer.token));
    if let Some(session) = headers.get(SESSION) {
        let theirs = match session.to_str() {
            Ok(session) => backend.mcp.is_theirs(&bearer.caller, session).await,
            Err(_) => false,
        };
        if !theirs {
            // The specification's answer to a session that has ended: the client begins another.
            return (StatusCode::NOT_FOUND, "There is no such session. Begin another.\n").into_response();
        }
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_MAX).await else {
        let sentence = format!("A request may have {BODY_MAX} bytes; this one has more, or broke off.\n");
        return (StatusCode::PAYLOAD_TOO_LARGE, sentence).into_response();
    };
    // What is no message is refused by rmcp, in the protocol's words.
    let message: Message = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(refusal) = refused(&state, &bearer, &message) {
        return refusal;
    }
    let mut request = Request::from_parts(head, Body::from(body));
    request.extensions_mut().insert(bearer.caller.clone());
    let begun = backend.clock.now();
    let mut response = next.run(request).await;
    if message.method == "initialize"
        && let Some(session) = response.headers().get(SESSION).and_then(|id| id.to_str().ok())
    {
        backend.mcp.began(&bearer.caller, session).await;
    }
    log(&message, &bearer, response.status(), backend.clock.now().0 - begun.0);
    response.extensions_mut().insert(bearer.caller.user);
    let ended = ended(listener, bearer, backend.clock.clone());
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(ended))))
}

/// The token of `Authorization: Bearer …` (RFC 6750 2.1); the scheme's case does not matter (RFC 9110 11.1).
fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Why that message is not for that token, or not now.
fn refused(state: &AppState, bearer: &Bearer, message: &Message) -> Option<Response> {
    let call = message.method == "tools/call";
    let spec = if call { state.backend.tools.spec(&message.params.name) } else { None };
    let scope = spec.as_ref().map_or(Scope::Read, scope_of);
    if !bearer.caller.may(scope) {
        let wanted = Scopes::default().with(Scope::Read).with(scope);
        return Some(challenge(StatusCode::FORBIDDEN, Some("insufficient_scope"), wanted));
    }
    if !call {
        return None;
    }
    let counted = state.backend.limiter.check(Action::Call, &Key::User(bearer.caller.user));
    counted.err().map(|wait| refuse(&ApiError::too_many(wait), PATH))
}

/// A refusal that says which token would do (RFC 6750 3).
fn challenge(status: StatusCode, error: Option<&str>, scopes: Scopes) -> Response {
    let mut value = format!("Bearer realm=\"Parley\", scope=\"{scopes}\"");
    if let Some(error) = error {
        value = format!("{value}, error=\"{error}\"");
    }
    let sentence = match error {
        None => "Show a token of yours: Authorization: Bearer parley_… (Parley's settings make one).\n".to_owned(),
        Some("invalid_token") => "This token opens nothing: it was never made, has ended or was revoked.\n".to_owned(),
        Some(_) => format!("This token was not made for that; it would need: {scopes}.\n"),
    };
    let mut response = (status, sentence).into_response();
    if let Ok(value) = HeaderValue::from_str(&value) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// Ends when the token does.
async fn ended(mut listener: Listener, bearer: Bearer, clock: Clock) {
    let lapse = async {
        match bearer.expires_at {
            Some(at) => {
                let left = u64::try_from(at.0 - clock.now().0).unwrap_or_default();
                tokio::time::sleep(Duration::from_millis(left)).await;
            }
            None => std::future::pending().await,
        }
    };
    let revoked = async {
        loop {
            match listener.next().await {
                Heard::Event(Topic::Token(_), event) if matches!(*event, ChatEvent::Bye { .. }) => return,
                Heard::Event(..) | Heard::Lagged => {}
            }
        }
    };
    tokio::select! {
        () = lapse => {}
        () = revoked => {}
    }
}

/// One line: which message, of whom, by which token, how it went. A method and a name are the client's text: only those
/// that exist here are written.
fn log(message: &Message, bearer: &Bearer, status: StatusCode, duration_ms: i64) {
    let method = known(&message.method);
    let (user, token, status) = (bearer.caller.user, bearer.token, status.as_u16());
    tracing::info!(method, %user, %token, status, duration_ms, "mcp");
}

/// The method, if the protocol has it.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 10] = [
        "initialize",
        "notifications/initialized",
        "notifications/cancelled",
        "ping",
        "server/discover",
        "subscriptions/listen",
        "tools/list",
        "tools/call",
        "resources/list",
        "prompts/list",
    ];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}
