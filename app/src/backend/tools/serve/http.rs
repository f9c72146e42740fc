//! [`McpHttp`]: one endpoint over streamable HTTP, in both eras of the protocol at one address.
//!
//! rmcp speaks the protocol. What it leaves open is closed here and at the gate in front of it (`server`): every
//! request has a [`Caller`] beside it, and a session of an older client belongs to the person who began it
//! ([`Sessions`]). A session ends by itself after a while
//! ([`McpConfig::session_idle`](crate::backend::config::McpConfig::session_idle)) in which its client asked nothing,
//! waited for nothing and had no stream open; newer clients have none, and with
//! [`McpConfig::sessions`](crate::backend::config::McpConfig::sessions) off nobody has. Each endpoint has sessions of its
//! own.

use super::{McpServer, sessions::Sessions, watched::Watched};
use crate::{backend::caller::Caller, wire::limits::BODY_MAX};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService},
};
use std::{fmt, sync::Arc};
use tokio_util::sync::CancellationToken;

/// The service; cloning it is cheap.
#[derive(Clone)]
pub struct McpHttp(Arc<Http>);

struct Http {
    server: McpServer,
    stop: CancellationToken,
    sessions: Arc<Sessions>,
}

impl fmt::Debug for McpHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpHttp").field("server", &self.0.server).finish_non_exhaustive()
    }
}

impl McpHttp {
    /// Serves `server` until `stop`.
    pub fn new(server: McpServer, stop: CancellationToken) -> Self {
        let sessions = Sessions::new(server.offer.sessions_max, server.offer.session_idle);
        Self(Arc::new(Http { server, stop, sessions: Arc::new(sessions) }))
    }

    /// What serves behind it.
    pub fn server(&self) -> &McpServer {
        &self.0.server
    }

    /// What answers requests that have a [`Caller`] among their extensions.
    pub fn service(&self) -> StreamableHttpService<Watched, Sessions> {
        let server = self.0.server.clone();
        self.service_of(move || Watched(server.fresh()))
    }

    /// The same with another handler for each client, such as one that adds to [`McpServer`]; sessions are counted and
    /// owned alike.
    pub fn service_of<H: ServerHandler>(
        &self,
        handler: impl Fn() -> H + Send + Sync + 'static,
    ) -> StreamableHttpService<H, Sessions> {
        let config = StreamableHttpServerConfig::default()
            // The gate knows more of hosts and origins: an address of this machine is never a stranger's name.
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(BODY_MAX)
            .with_legacy_session_mode(self.0.server.offer.sessions)
            // Of the newer era: an answer with nothing before it is a plain one, and no stream of one event. Without
            // sessions an older client is answered that way too, and its long calls would be silent until then.
            .with_json_response(self.0.server.offer.sessions)
            .with_cancellation_token(self.0.stop.clone());
        StreamableHttpService::new(move || Ok(handler()), Arc::clone(&self.0.sessions), config)
    }

    /// Its sessions.
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.0.sessions
    }

    /// Whether that session is the caller's and has not ended.
    pub fn is_theirs(&self, caller: &Caller, session: &str) -> bool {
        self.0.sessions.is_of(session, caller.user)
    }
}
