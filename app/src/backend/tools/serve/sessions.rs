//! [`Sessions`]: the sessions of older clients at one endpoint, whose each is, and how many there may be.
//!
//! rmcp begins and ends sessions through this and nothing else. Invariant: a session is somebody's from the moment it is
//! begun to its end, whatever its request was like and whether its client waited for the answer. Beyond
//! [`MCP_SESSIONS_MAX`] of one person's, and beyond what the operator allows of everybody's together, one ends: the oldest
//! of whoever has the most, so that nobody's many are another's loss. One that nothing keeps ends by itself ([`life`]).

mod life;

use self::life::{Hold, Kept, Life};
use crate::{
    backend::caller::Caller,
    wire::{id::UserId, limits::MCP_SESSIONS_MAX},
};
use futures::{Stream, StreamExt};
use http::request::Parts;
use rmcp::{
    model::{ClientJsonRpcMessage, GetExtensions, ServerJsonRpcMessage},
    transport::streamable_http_server::session::{
        RestoreOutcome, ServerSseMessage, SessionId, SessionManager,
        local::{LocalSessionManager, LocalSessionManagerError},
    },
};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A session and whose it is; lists have the oldest first.
type Owned = (SessionId, UserId);
type Fault = LocalSessionManagerError;

/// One endpoint's sessions.
pub struct Sessions {
    rmcp: LocalSessionManager,
    /// Written when a session is begun or ends.
    owned: Mutex<Vec<Owned>>,
    /// What keeps each; written when a session is created or ends.
    lives: Mutex<HashMap<SessionId, Arc<Life>>>,
    most: usize,
    idle: Duration,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("count", &self.count()).field("most", &self.most).finish_non_exhaustive()
    }
}

impl Sessions {
    /// At most `most` of all people together, each of which ends when for `idle` it was asked nothing, had nothing under
    /// way and no stream open.
    pub(super) fn new(most: usize, idle: Duration) -> Self {
        let mut rmcp = LocalSessionManager::default();
        // rmcp's own clock does not know of calls under way, nor of open streams.
        rmcp.session_config.keep_alive = None;
        Self { rmcp, owned: Mutex::default(), lives: Mutex::default(), most, idle }
    }

    /// rmcp's own record of those that are alive.
    pub fn alive(&self) -> &LocalSessionManager {
        &self.rmcp
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.owned().len()
    }

    /// Whether that session is the person's and has not ended.
    pub(super) fn is_of(&self, session: &str, user: UserId) -> bool {
        self.owned().iter().any(|(id, owner)| **id == *session && *owner == user)
    }

    fn owned(&self) -> MutexGuard<'_, Vec<Owned>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lives(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Life>>> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, id: &SessionId) -> Result<Hold, Fault> {
        self.lives().get(id).map(Life::hold).ok_or_else(|| Fault::SessionNotFound(id.clone()))
    }
}

/// A stream that keeps its session while it is open.
fn kept<S: Stream>(stream: S, hold: Hold) -> impl Stream<Item = S::Item> {
    stream.inspect(move |_| hold.used())
}

/// Whom the gate found behind a message.
fn caller(message: &ClientJsonRpcMessage) -> Option<UserId> {
    let ClientJsonRpcMessage::Request(asked) = message else { return None };
    let parts = asked.request.extensions().get::<Parts>()?;
    parts.extensions.get::<Caller>().map(|caller| caller.user)
}

/// What is too many, with `each` for one person and `all` for everybody.
fn surplus(owned: &[Owned], each: usize, all: usize) -> Vec<SessionId> {
    let mut counts: HashMap<UserId, usize> = HashMap::new();
    for (_, user) in owned {
        *counts.entry(*user).or_default() += 1;
    }
    let mut out: Vec<SessionId> = Vec::new();
    loop {
        let most = counts.values().copied().max().unwrap_or_default();
        if most <= each && owned.len() - out.len() <= all {
            return out;
        }
        let oldest = owned.iter().find(|(id, user)| counts.get(user) == Some(&most) && !out.contains(id));
        let Some((id, user)) = oldest else { return out };
        out.push(SessionId::clone(id));
        counts.entry(*user).and_modify(|count| *count -= 1);
    }
}

impl SessionManager for Sessions {
    type Error = Fault;
    type Transport = Kept<<LocalSessionManager as SessionManager>::Transport>;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Fault> {
        let (id, transport) = self.rmcp.create_session().await?;
        let life = Life::new(self.idle);
        self.lives().insert(id.clone(), Arc::clone(&life));
        Ok((id, Kept::new(transport, life)))
    }

    /// Begins one for whoever is behind its first message. Between its creation and the first line of this rmcp waits for
    /// nothing, so a client that goes away leaves none behind that is nobody's.
    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Fault> {
        let Some(user) = caller(&message) else {
            self.close_session(id).await?;
            return Err(Fault::SessionNotFound(id.clone()));
        };
        let surplus = {
            let mut owned = self.owned();
            owned.push((id.clone(), user));
            surplus(&owned, MCP_SESSIONS_MAX, self.most)
        };
        // If the client goes away during this, what is left of it is done for the next one.
        for session in surplus {
            if let Err(error) = self.close_session(&session).await {
                tracing::debug!(%error, "a session had ended by itself");
            }
        }
        self.rmcp.initialize_session(id, message).await
    }

    /// rmcp asks this for every message of a client's and for every stream before it passes them on.
    async fn has_session(&self, id: &SessionId) -> Result<bool, Fault> {
        let lives = self.lives().get(id).is_some_and(|life| life.touch());
        Ok(lives && self.rmcp.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Fault> {
        let closed = self.rmcp.close_session(id).await;
        self.owned().retain(|(known, _)| known != id);
        self.lives().remove(id);
        closed
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Fault> {
        let hold = self.hold(id)?;
        Ok(kept(self.rmcp.create_stream(id, message).await?, hold))
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), Fault> {
        self.rmcp.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Fault> {
        let hold = self.hold(id)?;
        Ok(kept(self.rmcp.create_standalone_stream(id).await?, hold))
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Fault> {
        let hold = self.hold(id)?;
        Ok(kept(self.rmcp.resume(id, last_event_id).await?, hold))
    }

    async fn restore_session(&self, _id: SessionId) -> Result<RestoreOutcome<Self::Transport>, Fault> {
        // Whose it was is not kept: it is begun anew.
        Ok(RestoreOutcome::NotSupported)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{
        backend::{caller::Via, clock::Clock},
        wire::api_token::Scopes,
    };
    use futures::FutureExt;
    use serde_json::json;

    /// A first message, behind which the gate found that person, or nobody.
    fn hello(user: Option<UserId>) -> ClientJsonRpcMessage {
        let params =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
        let mut message = serde_json::from_value(hello).unwrap();
        let mut parts = http::Request::new(()).into_parts().0;
        if let Some(user) = user {
            let via = Via::Token(Clock::System.id(), Scopes::ALL);
            parts.extensions.insert(Caller { user, name: "ann".to_owned(), admin: false, via });
        }
        if let ClientJsonRpcMessage::Request(asked) = &mut message {
            asked.request.extensions_mut().insert(parts);
        }
        message
    }

    #[tokio::test]
    async fn a_client_that_goes_away_before_its_answer_leaves_no_session_that_does_not_count() {
        let (sessions, ann) = (Sessions::new(2, Duration::from_mins(5)), Clock::System.id());
        let mut transports = Vec::new();
        for _ in 0..6 {
            let (id, transport) = sessions.create_session().await.unwrap();
            transports.push(transport);
            // Nobody serves it, so the answer never comes; the client hangs up.
            assert!(sessions.initialize_session(&id, hello(Some(ann))).now_or_never().is_none());
            assert!(sessions.is_of(&id, ann));
            assert!(sessions.alive().sessions.read().await.len() <= 2);
        }
        let (id, _transport) = sessions.create_session().await.unwrap();
        assert!(sessions.initialize_session(&id, hello(None)).await.is_err(), "nobody's is not begun");
        assert!(!sessions.has_session(&id).await.unwrap());
    }

    #[test]
    fn the_oldest_of_whoever_has_the_most_ends() {
        let (ann, bob, eve) = (Clock::System.id(), Clock::System.id(), Clock::System.id());
        let owned: Vec<Owned> = [("a1", ann), ("b1", bob), ("b2", bob), ("a2", ann), ("b3", bob), ("e1", eve)]
            .into_iter()
            .map(|(id, user)| (id.into(), user))
            .collect();
        for (each, all, ended) in [
            (3, 6, &[][..]),
            (2, 6, &["b1"]),
            (1, 6, &["b1", "a1", "b2"]),
            (3, 5, &["b1"]),
            (3, 3, &["b1", "a1", "b2"]),
            (3, 1, &["b1", "a1", "b2", "a2", "b3"]),
        ] {
            let told = surplus(&owned, each, all);
            assert_eq!(told.iter().map(|id| &**id).collect::<Vec<_>>(), ended, "{each} of {all}");
        }
        assert!(surplus(&[], 0, 0).is_empty());
    }
}
