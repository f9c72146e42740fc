//! What the tests' own servers have in common: the eras they speak, and how they are served over HTTP.

use axum::Router;
use rmcp::{
    ServerHandler,
    model::ProtocolVersion,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use std::{borrow::Cow, net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// The revisions of the older era alone, or of both.
pub(super) fn revisions(legacy: bool) -> Cow<'static, [ProtocolVersion]> {
    if legacy { vec![ProtocolVersion::V_2025_11_25].into() } else { ProtocolVersion::KNOWN_VERSIONS.into() }
}

/// The server by rmcp at `/mcp`, for whoever has more routes.
pub(super) fn routes(server: impl ServerHandler + Clone) -> Router {
    let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
    let sessions = Arc::<LocalSessionManager>::default();
    Router::new().nest_service("/mcp", StreamableHttpService::new(move || Ok(server.clone()), sessions, config))
}

/// Serves it on a free port; its address.
pub(super) async fn serve(server: impl ServerHandler + Clone) -> String {
    format!("http://{}/mcp", listen(routes(server)).await)
}

/// Serves routes on a free port.
pub(super) async fn listen(routes: Router) -> SocketAddr {
    listen_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), routes)
}

/// Serves routes on that one.
#[expect(clippy::disallowed_methods, reason = "a test's server needs a task beside the test")]
pub(super) fn listen_on(listener: TcpListener, routes: Router) -> SocketAddr {
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    at
}
