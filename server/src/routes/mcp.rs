//! `/mcp` and the operator's further endpoints: Parley for other programs, by the Model Context Protocol over
//! streamable HTTP.
//!
//! This is the gate; the protocol is rmcp's. Invariants: a token opens it and nothing else does, least of all a cookie
//! (RFC 6750; MCP, «Authorization»); a page of a strange origin gets nothing, whatever it shows (DNS rebinding); a
//! session belongs to the person who began it, and for anybody else is not there; a token that ends takes its open
//! streams with it. Refusals say what to show instead (`WWW-Authenticate`). What was asked is written down behind the
//! gate ([`watched`](app::backend::tools::serve::watched)), and what is refused before it comes there, here; never with
//! what. That is why the gate holds to the limits on any request by itself, before it looks anything up, and no layer
//! around it does.

mod message;

use self::message::Message;
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
        metrics,
        store::StoreError,
        tools::{
            policy::{Called, Permit, Place},
            serve::{http::McpHttp, out_of_scope, scope_of, watched::Written},
        },
    },
    wire::{
        api_token::{Scope, Scopes},
        error::ApiError,
        event::ChatEvent,
        id::{TokenId, UserId},
        limits::BODY_MAX,
        policy::Rule,
        tool::ToolSpec,
    },
};
use axum::{
    Router,
    body::{Body, HttpBody, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use futures::{StreamExt, future::Either, poll};
use std::{convert::Infallible, pin::pin, sync::Arc, task::Poll, time::Duration};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// The header by which older clients name their session.
const SESSION: &str = "mcp-session-id";

/// What a page of another origin may read besides the answer itself.
const TOLD: [HeaderName; 4] = [
    header::WWW_AUTHENTICATE,
    header::RETRY_AFTER,
    HeaderName::from_static(SESSION),
    HeaderName::from_static("mcp-protocol-version"),
];

/// Every endpoint and its gate.
pub fn router(state: &AppState) -> Router<AppState> {
    let endpoints = std::iter::once(&state.backend.mcp).chain(&state.backend.mcp_others);
    endpoints.fold(Router::new(), |routes, endpoint| routes.merge(serving(state, endpoint, endpoint.service())))
}

/// One endpoint's route and gate in front of `service`.
pub fn serving<S>(state: &AppState, endpoint: &McpHttp, service: S) -> Router<AppState>
where
    S: tower::Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    let gated = from_fn_with_state(Arc::new((state.clone(), endpoint.clone())), gate).layer(once(service));
    let ways = Arc::new((cors(state).layer(gated.clone()), gated));
    // Only pages have an origin, and only to them it is said what pages may read: no other client is to pay for that.
    let either = service_fn(move |request: Request| {
        let (told, untold) = &*ways;
        if request.headers().contains_key(header::ORIGIN) {
            Either::Left(told.clone().oneshot(request))
        } else {
            Either::Right(untold.clone().oneshot(request))
        }
    });
    Router::new().route_service(endpoint.server().path(), either)
}

/// The service behind a reference: axum clones what is inside a layer for each layer and request, and rmcp's service is
/// no small thing to clone.
fn once<S>(
    service: S,
) -> impl tower::Service<Request, Response = S::Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
where
    S: tower::Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    let service = Arc::new(service);
    service_fn(move |request| (*service).clone().oneshot(request))
}

/// Lets pages of the origins that may ask read what they are answered, a refusal's challenge above all: without it such
/// a page cannot find out where to sign in. No cookie opens anything here, so none is allowed along.
fn cors(state: &AppState) -> CorsLayer {
    let backend = Arc::clone(&state.backend);
    let may_ask = move |_: &HeaderValue, head: &Parts| may_ask_from(&backend.config, &head.headers);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(may_ask))
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        // The protocol has headers that are named after a tool's parameters: nobody can list them.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(TOLD)
        .max_age(Duration::from_mins(10))
}

/// What is known of a request, for writing down that it was refused.
#[derive(Default)]
struct Asked {
    message: Message,
    by: Option<(UserId, TokenId)>,
    /// Whether it was written down behind the gate.
    written: Written,
}

async fn gate(State(gate): State<Arc<(AppState, McpHttp)>>, request: Request, next: Next) -> Response {
    let (state, endpoint) = &*gate;
    let (begun, mut asked) = (Instant::now(), Asked::default());
    let response = answer(state, endpoint, request, next, &mut asked).await;
    let status = response.status();
    // What is served begins with another status, and is written down when it ends.
    if (status.is_client_error() || status.is_server_error()) && !asked.written.is_so() {
        log_refused(endpoint, &asked, status, begun.elapsed());
    }
    response
}

async fn answer(state: &AppState, endpoint: &McpHttp, request: Request, next: Next, asked: &mut Asked) -> Response {
    let (backend, path) = (&state.backend, endpoint.server().path());
    let request = match limit::within(state, request) {
        Ok(request) => request,
        Err(refusal) => return *refusal,
    };
    let headers = request.headers();
    if !is_known_host(&backend.config, headers) || !may_ask_from(&backend.config, headers) {
        let reason = "This address is not for pages from elsewhere.".to_owned();
        return refuse(&ApiError::Forbidden { reason }, path);
    }
    let bearer = match token(headers) {
        None => return challenge(state, path, StatusCode::UNAUTHORIZED, None, Scopes::ALL),
        Some(token) => match known(state, path, token).await {
            Ok(bearer) => bearer,
            Err(refusal) => return *refusal,
        },
    };
    asked.by = Some((bearer.caller.user, bearer.token));
    // What ends from now on is heard; what ended since it was looked up is found below, by looking again.
    let mut listener = backend.hub.listen();
    listener.subscribe(Topic::Token(bearer.token));
    if let Some(session) = headers.get(SESSION) {
        let theirs = match session.to_str() {
            Ok(session) => endpoint.is_theirs(&bearer.caller, session),
            Err(_) => false,
        };
        if !theirs {
            // The specification's answer to a session that has ended: the client begins another.
            return (StatusCode::NOT_FOUND, "There is no such session. Begin another.\n").into_response();
        }
    }
    let (head, body) = request.into_parts();
    let mut reading = pin!(to_bytes(body, BODY_MAX));
    let (read, waited) = match poll!(&mut reading) {
        Poll::Ready(read) => (read, false),
        Poll::Pending => (reading.await, true),
    };
    let Ok(body) = read else {
        let sentence = format!("A request may have {BODY_MAX} bytes; this one has more, or broke off.\n");
        return (StatusCode::PAYLOAD_TOO_LARGE, sentence).into_response();
    };
    // Nothing else than a POST brings a message.
    if head.method == Method::POST {
        match Message::read(body.clone()) {
            Ok(message) => asked.message = message,
            Err(unread) => return unread.into_response(),
        }
    }
    if (waited || stays_open(endpoint, &head.method, &asked.message))
        && let Some(token) = token(&head.headers)
        && let Err(refusal) = known(state, path, token).await
    {
        return *refusal;
    }
    if let Some(refusal) = refused(state, endpoint, &bearer, &asked.message).await {
        return refusal;
    }
    let mut request = Request::from_parts(head, Body::from(body));
    request.extensions_mut().insert(bearer.caller.clone());
    request.extensions_mut().insert(asked.written.clone());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(bearer.caller.user);
    // A whole answer is there already: only what stays open can outlive its token.
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let ended = ended(listener, bearer, backend.clock.clone());
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(ended))))
}

/// Who shows that token, or what they are told instead.
async fn known(state: &AppState, path: &str, token: &str) -> Result<Bearer, Box<Response>> {
    match state.backend.auth.bearer(token, path).await {
        Ok(Some(bearer)) => Ok(bearer),
        Ok(None) => Err(Box::new(challenge(state, path, StatusCode::UNAUTHORIZED, Some("invalid_token"), Scopes::ALL))),
        Err(error) => {
            tracing::error!(%error, "no token can be looked up");
            Err(Box::new(refuse(&ApiError::Unavailable, path)))
        }
    }
}

/// Whether the answer may stay open for long, so that it must end with its token.
fn stays_open(endpoint: &McpHttp, method: &Method, message: &Message) -> bool {
    *method == Method::GET
        || match message.method.as_str() {
            "subscriptions/listen" => true,
            "tools/call" => endpoint.server().tools().takes_long(&message.name),
            _ => false,
        }
}

/// The token of `Authorization: Bearer …` (RFC 6750 2.1); the scheme's case does not matter (RFC 9110 11.1).
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Why that message is not for that token, or not now.
async fn refused(state: &AppState, endpoint: &McpHttp, bearer: &Bearer, message: &Message) -> Option<Response> {
    let call = message.method == "tools/call";
    let spec = if call { endpoint.server().tools().spec(&message.name) } else { None };
    let scope = match message.method.as_str() {
        "tasks/cancel" | "tasks/update" => match scope_of_task(state, bearer, &message.task).await {
            Ok(scope) => scope,
            Err(error) => {
                tracing::error!(%error, "no task can be looked up");
                return Some(refuse(&ApiError::Unavailable, endpoint.server().path()));
            }
        },
        _ => spec.as_deref().map_or(Scope::Read, scope_of),
    };
    if !bearer.caller.may(scope) {
        match &spec {
            Some(spec) => record(state, bearer, message, spec),
            None if call => turned_away(state, bearer, message, None, Rule::Unknown),
            None => {}
        }
        let wanted = Scopes::default().with(Scope::Read).with(scope);
        return Some(challenge(
            state,
            endpoint.server().path(),
            StatusCode::FORBIDDEN,
            Some("insufficient_scope"),
            wanted,
        ));
    }
    // What makes us work counts, whatever its name.
    let action = match message.method.as_str() {
        "tools/call" | "resources/read" | "completion/complete" => Action::Call,
        "initialize" => Action::McpSession,
        _ => return None,
    };
    let wait = state.backend.limiter.check(action, &Key::User(bearer.caller.user)).err()?;
    if call {
        let rule = if spec.is_some() { Rule::Limit } else { Rule::Unknown };
        turned_away(state, bearer, message, spec.as_deref(), rule);
    }
    Some(refuse(&ApiError::too_many(wait), endpoint.server().path()))
}

/// What whoever calls a task off, or answers what it asks, must be let do: what its tool needs. Of one that is not there,
/// or not theirs, nothing more is told than that.
async fn scope_of_task(state: &AppState, bearer: &Bearer, task: &str) -> Result<Scope, StoreError> {
    match state.backend.store.task(bearer.caller.user, task).await {
        // It may have been begun at another endpoint.
        Ok(row) => Ok(state.backend.programs.tools.spec(&row.tool).as_deref().map_or(Scope::Run, scope_of)),
        Err(StoreError::NotFound) => Ok(Scope::Read),
        Err(error) => Err(error),
    }
}

/// Records that a call did not even come to be decided about.
fn turned_away(state: &AppState, bearer: &Bearer, message: &Message, spec: Option<&ToolSpec>, rule: Rule) {
    let (backend, arguments) = (&state.backend, message.arguments());
    let (tool, arguments, place) = (&*message.name, &arguments, Place::default());
    let called = Called { caller: &bearer.caller, tool, spec, arguments, place };
    Permit::entry(&backend.store, &backend.clock, &called).turned_away(rule);
}

/// Records that a call was refused, because the token was not made for it.
fn record(state: &AppState, bearer: &Bearer, message: &Message, spec: &ToolSpec) {
    let (backend, arguments) = (&state.backend, message.arguments());
    let called = Called::by_program(&bearer.caller, spec, &arguments);
    if let Some(refusal) = out_of_scope(&backend.store, &backend.clock, &called, spec) {
        // Its words are the challenge's.
        drop(refusal.refused());
    }
}

/// A refusal that says which token would do (RFC 6750 3), and where one is had (RFC 9728 5.1).
fn challenge(state: &AppState, path: &str, status: StatusCode, error: Option<&str>, scopes: Scopes) -> Response {
    let about = state.backend.auth.oauth().site().resource_metadata(path);
    let mut value = format!("Bearer realm=\"Parley\", resource_metadata=\"{about}\", scope=\"{scopes}\"");
    if let Some(error) = error {
        value = format!("{value}, error=\"{error}\"");
    }
    let sentence = match error {
        None => "Sign in, or show a token of yours: Authorization: Bearer parley_… (Parley's settings make one).\n"
            .to_owned(),
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

/// One line: which client's message, about which tool, of whom, by which token, was refused how, and after how long.
/// Methods and names are the client's text: only those that exist are written.
fn log_refused(endpoint: &McpHttp, Asked { message, by, .. }: &Asked, status: StatusCode, elapsed: Duration) {
    let method = message.known_method();
    let server = endpoint.server();
    let known = method == "tools/call" && server.tools().spec(&message.name).is_some();
    let (tool, endpoint) = (if known { &*message.name } else { "" }, server.path());
    let (user, token) = by.map(|(user, token)| (user.to_string(), token.to_string())).unwrap_or_default();
    let outcome = if status.is_server_error() { "fault" } else { "refused" };
    metrics::mcp_request(method, outcome, elapsed);
    // Whoever is over the limit is to cost little.
    if !tracing::enabled!(tracing::Level::INFO) {
        return;
    }
    let (client, status) = (message.client(), status.as_u16());
    let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    tracing::info!(client, method, tool, endpoint, user, token, status, outcome, duration_ms, "mcp");
}
