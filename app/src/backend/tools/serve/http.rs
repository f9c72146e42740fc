//! [`McpHttp`]: one endpoint over streamable HTTP, in both eras of the protocol at one address.
//!
//! rmcp speaks the protocol. What it leaves open is closed here and at the gate in front of it (`server`): every
//! request has a [`Caller`] beside it, and a session of an older client belongs to the person who began it. A session
//! ends by itself five minutes after its last request; newer clients have none, and with
//! [`McpConfig::sessions`](crate::backend::config::McpConfig::sessions) off nobody has. Each endpoint has sessions of its
//! own.

use super::{McpServer, watched::Watched};
use crate::{
    backend::caller::Caller,
    wire::{
        id::UserId,
        limits::{BODY_MAX, MCP_SESSIONS_MAX},
    },
};
use rmcp::{
    ServerHandler,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService,
        session::{SessionManager, local::LocalSessionManager},
    },
};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// The service; cloning it is cheap.
#[derive(Clone)]
pub struct McpHttp {
    server: McpServer,
    stop: CancellationToken,
    alive: Arc<LocalSessionManager>,
    owned: Arc<Mutex<Vec<Owned>>>,
}

/// A session and whose it is; the list has the oldest first.
type Owned = (Arc<str>, UserId);

impl fmt::Debug for McpHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpHttp").field("server", &self.server).finish_non_exhaustive()
    }
}

impl McpHttp {
    /// Serves `server` until `stop`.
    pub fn new(server: McpServer, stop: CancellationToken) -> Self {
        Self { server, stop, alive: Arc::default(), owned: Arc::default() }
    }

    /// What serves behind it.
    pub fn server(&self) -> &McpServer {
        &self.server
    }

    /// What answers requests that have a [`Caller`] among their extensions.
    pub fn service(&self) -> StreamableHttpService<Watched, LocalSessionManager> {
        let server = self.server.clone();
        self.service_of(move || Watched(server.fresh()))
    }

    /// The same with another handler for each client, such as one that adds to [`McpServer`]; sessions are counted and
    /// owned alike.
    pub fn service_of<H: ServerHandler>(
        &self,
        handler: impl Fn() -> H + Send + Sync + 'static,
    ) -> StreamableHttpService<H, LocalSessionManager> {
        let config = StreamableHttpServerConfig::default()
            // The gate knows more of hosts and origins: an address of this machine is never a stranger's name.
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(BODY_MAX)
            .with_legacy_session_mode(self.server.offer.sessions)
            .with_cancellation_token(self.stop.clone());
        StreamableHttpService::new(move || Ok(handler()), Arc::clone(&self.alive), config)
    }

    /// rmcp's own record of the sessions that are alive.
    pub fn sessions(&self) -> &Arc<LocalSessionManager> {
        &self.alive
    }

    /// Whether that session is the caller's and has not ended.
    pub async fn is_theirs(&self, caller: &Caller, session: &str) -> bool {
        let owner = self.owned().iter().find(|(id, _)| **id == *session).map(|(_, user)| *user);
        owner == Some(caller.user) && self.is_alive(session).await
    }

    /// Notes that the caller began a session; beyond [`MCP_SESSIONS_MAX`] the oldest of theirs ends.
    pub async fn began(&self, caller: &Caller, session: &str) {
        self.forget_ended().await;
        let surplus: Vec<Arc<str>> = {
            let mut owned = self.owned();
            owned.push((session.into(), caller.user));
            let theirs = owned.iter().filter(|(_, user)| *user == caller.user);
            let theirs: Vec<Arc<str>> = theirs.map(|(id, _)| Arc::clone(id)).collect();
            let surplus = theirs[..theirs.len().saturating_sub(MCP_SESSIONS_MAX)].to_vec();
            owned.retain(|(id, _)| !surplus.contains(id));
            surplus
        };
        for session in surplus {
            if let Err(error) = self.alive.close_session(&session).await {
                tracing::debug!(%error, "a session had ended by itself");
            }
        }
    }

    /// Sessions end in rmcp without a word to us.
    async fn forget_ended(&self) {
        let known: Vec<Arc<str>> = self.owned().iter().map(|(id, _)| Arc::clone(id)).collect();
        let mut ended = Vec::new();
        for session in known {
            if !self.is_alive(&session).await {
                ended.push(session);
            }
        }
        self.owned().retain(|(id, _)| !ended.contains(id));
    }

    async fn is_alive(&self, session: &str) -> bool {
        matches!(self.alive.has_session(&session.into()).await, Ok(true))
    }

    fn owned(&self) -> MutexGuard<'_, Vec<Owned>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
