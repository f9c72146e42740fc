//! The server that the protocol's official conformance suite runs against: Parley's own serving with the suite's
//! fixtures plugged in; and the [`client`] that it drives. Behind the feature `conformance`: tests only.
//!
//! Invariant: what is proven is our code. Requests pass the gate of `/mcp` and rmcp's transport as configured there; the
//! handler is [`McpServer`](app::backend::tools::serve::McpServer) with a few things added: fixtures that ask, wait or run
//! long are tools in its registry, what can be read is a source of it, prompts are saved ones, and streams and sessions
//! listen to what it tells. The suite cannot show a token, so each request gets one here, which is why it listens on this machine alone.

mod authorize;
pub mod client;
mod content;
mod handler;
mod prompts;
mod resources;
mod rounds;
mod tools;

use crate::{cli::Refusal, middleware::peer, routes::mcp, shutdown::Signals, state::AppState};
use app::{
    backend::{
        Backend,
        auth::token::Token,
        caller::{Caller, Via},
        config::{Config, McpEndpoint},
        tools::{RegistryError, ToolRegistry, serve::Setup},
    },
    wire::api_token::Scopes,
};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use handler::Fixtures;
use secrecy::SecretString;
use std::{io::Write, net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// Whose token the suite's requests get.
const ACCOUNT: &str = "conformance";

/// Serves until told to stop, and says where on standard output.
///
/// # Errors
/// It was to listen beyond this machine, or cannot.
pub async fn serve(config: Config) -> Result<(), Refusal> {
    if !config.bind.ip().is_loopback() {
        let sentence =
            "The conformance server asks for no token: it listens on the loopback address only (PARLEY_BIND).";
        return Err(Refusal::Sentence(sentence.to_owned()));
    }
    let sentence = |error: &dyn std::fmt::Display| Refusal::Sentence(format!("No conformance server: {error}."));
    let listener = TcpListener::bind(config.bind).await.map_err(|error| sentence(&error))?;
    let address = listener.local_addr().map_err(|error| sentence(&error))?;
    let mut signals = Signals::listen().map_err(|error| sentence(&error))?;
    let backend = Backend::open(config).await?;
    backend.begin().await;
    let router = router(&backend).await?;
    writeln!(std::io::stdout().lock(), "http://{address}/mcp").map_err(|error| sentence(&error))?;
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move { signals.next().await }).await;
    backend.close().await;
    served.map_err(|error| sentence(&error))
}

async fn router(backend: &Arc<Backend>) -> Result<Router, Refusal> {
    let refusal = |error: RegistryError| Refusal::Sentence(format!("{error}."));
    let programs = Setup {
        tools: ToolRegistry::of(vec![("fixtures", tools::tools())]).map_err(refusal)?,
        sources: vec![Arc::new(resources::Fixtures)],
        ..backend.programs.clone()
    };
    let inner = programs.endpoint(&McpEndpoint::main()).map_err(refusal)?;
    let state = AppState::new(Arc::clone(backend));
    let token = token(backend).await?;
    let fixtures = Fixtures::around(inner, Arc::clone(backend.mcp.sessions()), backend.hub.clone());
    Ok(Router::new()
        .merge(mcp::serving(&state, &backend.mcp, backend.mcp.service_of(move || fixtures.fresh())))
        .layer(from_fn_with_state(token, show))
        .layer(from_fn_with_state(state.clone(), peer::peer))
        .with_state(state))
}

/// A token for everything, of an account that is made for it and has what the suite looks for.
async fn token(backend: &Backend) -> Result<HeaderValue, Refusal> {
    use secrecy::ExposeSecret;
    if backend.auth.account(ACCOUNT).await.is_err() {
        backend.auth.create_account(ACCOUNT, &password()?, false).await?;
    }
    let via = Via::Session(backend.clock.id());
    let caller = Caller { via, ..backend.auth.account(ACCOUNT).await? };
    prompts::save(backend, &caller).await?;
    let token = backend.auth.create_api_token(&caller, ACCOUNT, Scopes::ALL, Some(1)).await?;
    HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|error| Refusal::Sentence(error.to_string()))
}

/// A password that nobody knows.
fn password() -> Result<SecretString, Refusal> {
    let token = Token::generate().map_err(|error| Refusal::Sentence(error.to_string()))?;
    Ok(token.expose().into())
}

async fn show(State(token): State<HeaderValue>, mut request: Request, next: Next) -> Response {
    request.headers_mut().insert(header::AUTHORIZATION, token);
    next.run(request).await
}
