//! What one client said of itself for as long as it is connected: its name, how much it wants logged, what changes it
//! wants to hear of. Clients of today's protocol say all that with each request, and have none of it.
//!
//! Invariant: it ends with the connection, and so does what it had running. A connection is one person's: over HTTP each
//! request of today's protocol has a memory of its own, so nothing here passes from one person to another.

use super::subscriptions::{Early, Wanted};
use crate::backend::caller::Caller;
use rmcp::model::Implementation;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// Streams of one connection that begin to listen at the same moment; of more, the first are late by that moment.
const EARLY: usize = 64;

/// A connection's memory; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Session(Arc<State>);

#[derive(Debug)]
struct State {
    said: Mutex<Said>,
    wanted: Arc<Wanted>,
    end: CancellationToken,
}

/// What the client said at its beginning and since.
#[derive(Debug, Default)]
struct Said {
    client: Option<Implementation>,
    caller: Option<Caller>,
    level: Option<u8>,
    listens: bool,
    /// What began to listen and has no stream yet, the first first.
    early: VecDeque<Early>,
}

impl Drop for State {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Session {
    /// One without a word yet; `prompts`, `resources`: what there is to hear of.
    pub(super) fn new(prompts: bool, resources: bool) -> Self {
        let wanted = Arc::new(Wanted::new(prompts, resources));
        Self(Arc::new(State { said: Mutex::default(), wanted, end: CancellationToken::new() }))
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.0.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes who begins it.
    pub(super) fn begin(&self, client: Implementation, caller: Caller) {
        let mut said = self.said();
        (said.client, said.caller) = (Some(client), Some(caller));
    }

    /// What the client called itself.
    pub(super) fn client(&self) -> Option<Implementation> {
        self.said().client.clone()
    }

    /// The one it was begun for, the first time this is asked.
    pub(super) fn first(&self) -> Option<Caller> {
        let mut said = self.said();
        if std::mem::replace(&mut said.listens, true) { None } else { said.caller.clone() }
    }

    /// Keeps what began to listen until its stream begins.
    pub(super) fn begin_early(&self, early: Early) {
        let waiting = &mut self.said().early;
        if waiting.len() < EARLY {
            waiting.push_back(early);
        }
    }

    /// What began to listen first and has no stream yet: earlier than needed is fine.
    pub(super) fn early(&self) -> Option<Early> {
        self.said().early.pop_front()
    }

    /// Notes from which severity on it wants to hear what happens.
    pub(super) fn set_level(&self, level: u8) {
        self.said().level = Some(level);
    }

    /// From which severity on; `None`: nothing.
    pub(super) fn level(&self) -> Option<u8> {
        self.said().level
    }

    /// What changes it wants to hear of.
    pub(super) fn wanted(&self) -> &Arc<Wanted> {
        &self.0.wanted
    }

    /// Cancelled when the connection ends.
    pub(super) fn end(&self) -> CancellationToken {
        self.0.end.clone()
    }
}
