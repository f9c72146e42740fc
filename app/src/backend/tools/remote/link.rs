//! [`Link`]: one person's way to one server, alive or not.
//!
//! Invariant: what is seen of it ([`Seen`]) is written by its supervisor and by whoever switches or removes it; readers
//! take what is there and never wait for the server. At most one supervisor runs for a link.

use super::{
    Pool,
    catalog::{Catalog, Owner},
    connect::{Access, Credential, Live},
    ear::Ear,
    inputs::{Asked, waiting},
    lock,
    log::Log,
    oauth::account::Account,
    supervise,
    tally::Tally,
    words::{Fault, Kind},
};
use crate::{
    backend::tools::policy,
    wire::{
        connection::{CallTally, ConnectionState},
        id::Millis,
    },
};
use rmcp::{RoleClient, service::Peer};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// One person's way to one server.
pub(super) struct Link {
    /// A connection's id, or `operator:NAME`.
    pub(super) id: String,
    /// Whose tools it has, and how they are named.
    pub(super) owner: Owner,
    /// Whether it is of the operator's file.
    pub(super) of_operator: bool,
    /// How it is reached, or why that cannot be told.
    pub(super) access: Result<Access, Fault>,
    /// What it asks of its person.
    pub(super) asked: Asked,
    /// Ends it for good: removed, switched off, or replaced.
    pub(super) over: CancellationToken,
    /// Somebody wants it to be connected afresh, at once.
    pub(super) again: Notify,
    /// A call failed: a sign of life is due.
    pub(super) suspect: Notify,
    seen: Mutex<Seen>,
    /// Counts the changes of `seen`.
    changes: watch::Sender<u64>,
    /// When it was last wanted; its supervisor ends when that is long ago.
    used: Mutex<Instant>,
    running: Mutex<bool>,
    logged: Mutex<Log>,
    calls: Mutex<Tally>,
}

/// What is known of a server.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) state: ConnectionState,
    pub(super) fault: Option<Fault>,
    /// Why it could last not be used, and when: known also while it can be again.
    pub(super) last: Option<(Fault, Millis)>,
    pub(super) line: Option<(Peer<RoleClient>, Arc<Ear>)>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) protocol: Option<String>,
    pub(super) calls_itself: Option<String>,
    pub(super) latency: Option<Duration>,
    pub(super) answered_at: Option<Millis>,
    /// When it is tried again after a failure.
    pub(super) retry_at: Option<Millis>,
    /// Whether the first attempt is over, well or badly.
    pub(super) tried: bool,
    legacy: bool,
    /// Its lists may have changed since they were read: they do not count for the next connection.
    outdated: bool,
}

impl Link {
    pub(super) fn new(
        id: String,
        owner: Owner,
        of_operator: bool,
        access: Result<Access, Fault>,
        off: bool,
        asked: Asked,
    ) -> Arc<Self> {
        let state = if off { ConnectionState::Off } else { asked.at_first() };
        let seen = Seen {
            state,
            fault: (state == ConnectionState::Unfilled).then(waiting),
            last: None,
            line: None,
            catalog: Arc::new(Catalog::empty()),
            protocol: None,
            calls_itself: None,
            latency: None,
            answered_at: None,
            retry_at: None,
            tried: state != ConnectionState::Asleep,
            legacy: false,
            outdated: false,
        };
        Arc::new(Self {
            id,
            owner,
            of_operator,
            access,
            asked,
            over: CancellationToken::new(),
            again: Notify::new(),
            suspect: Notify::new(),
            seen: Mutex::new(seen),
            changes: watch::Sender::new(0),
            used: Mutex::new(Instant::now()),
            running: Mutex::new(false),
            logged: Mutex::default(),
            calls: Mutex::default(),
        })
    }

    /// What is known of it now.
    pub(super) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Its state now.
    pub(super) fn state(&self) -> ConnectionState {
        lock(&self.seen).state
    }

    /// Whether its tools are on offer: it answers, or would be connected for a call.
    pub(super) fn is_offered(&self) -> bool {
        let seen = lock(&self.seen);
        match seen.state {
            ConnectionState::Connected | ConnectionState::Asleep => true,
            // Connected afresh, not after a failure.
            ConnectionState::Connecting => seen.fault.is_none(),
            ConnectionState::Away
            | ConnectionState::Credentials
            | ConnectionState::SignIn
            | ConnectionState::Unfilled
            | ConnectionState::Off => false,
        }
    }

    /// Its person's standing with it, where they can sign in.
    pub(super) fn account(&self) -> Option<&Arc<Account>> {
        match &self.access {
            Ok(Access::Http { credential: Credential::SignIn { account, .. }, .. }) => Some(account),
            _ => None,
        }
    }

    /// Whether that tool of its can be called as a task, by the experiment of revision 2025-11-25.
    pub(super) fn takes_tasks(&self, own: &str) -> bool {
        self.seen().catalog.tools.iter().any(|tool| tool.own == own && tool.takes_tasks)
    }

    /// Why that tool of its is not called: it is not what was decided about (the hash of its definition) any more. Its
    /// server may have been connected for the call, and told something else of the tool then.
    pub(super) fn changed(&self, own: &str, decided: &str) -> Option<String> {
        let catalog = self.seen().catalog;
        let name = &self.owner.server.name;
        match catalog.tools.iter().find(|tool| tool.own == own) {
            Some(tool) if policy::definition(&tool.spec) == decided => None,
            Some(tool) => Some(format!(
                "`{}` was not run: «{name}» changed it after it was decided that it may run. Call it again, to have it \
                 decided about as it is now.",
                tool.spec.name
            )),
            None => Some(format!("«{name}» does not have this tool any more; nothing was run.")),
        }
    }

    /// Counts a call of one of its tools.
    pub(super) fn called(&self, took: Duration, answered: bool) {
        lock(&self.calls).add(took, answered);
    }

    /// How its calls went.
    pub(super) fn calls(&self) -> Option<CallTally> {
        lock(&self.calls).told()
    }

    /// Whether its supervisor runs.
    pub(super) fn is_awake(&self) -> bool {
        *lock(&self.running)
    }

    /// Whether it spoke the protocol of sessions when it was last connected.
    pub(super) fn was_legacy(&self) -> bool {
        lock(&self.seen).legacy
    }

    /// It is wanted: connects it if it is not connected, without waiting.
    pub(super) fn touch(self: &Arc<Self>, pool: &Arc<Pool>) {
        *lock(&self.used) = Instant::now();
        let still = matches!(self.state(), ConnectionState::Off | ConnectionState::Unfilled);
        if still || self.over.is_cancelled() || pool.stopping.is_cancelled() {
            return;
        }
        let mut running = lock(&self.running);
        if !*running {
            *running = true;
            pool.tasks.spawn("connection", supervise::supervise(Arc::clone(pool), Arc::clone(self)));
        }
    }

    /// Whether it was wanted within that time.
    pub(super) fn wanted_within(&self, time: Duration) -> bool {
        lock(&self.used).elapsed() < time
    }

    /// Says that its supervisor ends, unless it is wanted again.
    pub(super) fn retire(&self, idle: Duration) -> bool {
        let mut running = lock(&self.running);
        let over = self.over.is_cancelled();
        if !over && self.wanted_within(idle) {
            return false;
        }
        *running = false;
        if !over {
            self.change(|seen| {
                seen.line = None;
                seen.state = ConnectionState::Asleep;
            });
        }
        true
    }

    /// Ends its supervisor at the process's end.
    pub(super) fn stop(&self) {
        *lock(&self.running) = false;
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut lock(&self.seen));
        self.changes.send_modify(|changes| *changes += 1);
    }

    pub(super) fn connecting(&self) {
        self.change(|seen| {
            seen.line = None;
            seen.retry_at = None;
            seen.state = ConnectionState::Connecting;
        });
    }

    /// Its lists may have changed, and are to be read anew whatever it said of how long they count.
    pub(super) fn outdated(&self) {
        self.change(|seen| seen.outdated = true);
    }

    /// What it offered when it was last connected, if that still counts for the server that is known by `identity`.
    pub(super) fn kept(&self, identity: Option<&str>) -> Option<Arc<Catalog>> {
        let seen = self.seen();
        (!seen.outdated && seen.catalog.outlives(identity)).then_some(seen.catalog)
    }

    /// Its lists were read.
    pub(super) fn listed(&self, catalog: Catalog, now: Millis) {
        self.change(|seen| {
            seen.catalog = Arc::new(catalog);
            seen.outdated = false;
            seen.answered_at = Some(now);
        });
    }

    /// It is connected and has told what it offers.
    pub(super) fn connected(&self, live: &Live, catalog: Arc<Catalog>, now: Millis) {
        let info = live.peer.peer_info();
        self.change(|seen| {
            seen.state = ConnectionState::Connected;
            seen.fault = None;
            seen.line = Some((live.peer.clone(), Arc::clone(&live.ear)));
            seen.catalog = catalog;
            seen.outdated = false;
            seen.protocol = info.as_ref().map(|info| info.protocol_version.to_string());
            seen.calls_itself = info.as_ref().and_then(|info| info.server_info.as_ref()).map(|server| {
                super::words::quote(&format!("{} {}", server.title.as_ref().unwrap_or(&server.name), server.version))
            });
            seen.latency = Some(live.took);
            seen.answered_at = Some(now);
            seen.tried = true;
            seen.legacy = live.is_legacy();
        });
    }

    /// Where its person can sign in, if that may mend the fault.
    pub(super) fn wants_sign_in(&self, fault: &Fault) -> Option<&Arc<Account>> {
        self.account().filter(|account| fault.kind == Kind::Credentials && account.is_asked_for())
    }

    /// A fault as its person is told of it.
    fn told(&self, fault: &Fault) -> Fault {
        let fault = self.wants_sign_in(fault).map_or_else(|| fault.clone(), |account| account.fault());
        // A server may say again what it was shown.
        Fault::new(fault.kind, self.asked.hide(&fault.told))
    }

    /// One of its lists cannot be read: the sentences that its person is told.
    pub(super) fn unread(&self, list: &'static str, fault: &Fault) -> String {
        let fault = self.told(fault);
        if let Some(left_out) = lock(&self.logged).line(Instant::now()) {
            let kind = fault.kind.name();
            tracing::warn!(server = %self.id, list, kind, left_out, "a list of a connected MCP server cannot be read");
        }
        format!("Its {list} could not be listed. {fault}")
    }

    /// It cannot be used since `now`. `said`: the last words of its program, for the operator.
    pub(super) fn failed(&self, fault: &Fault, said: Option<&str>, now: Millis) {
        let signs_in = self.wants_sign_in(fault);
        let fault = self.told(fault);
        let said = said.map(|said| self.asked.hide(said));
        self.change(|seen| {
            // In the old way it may be the way that is wrong.
            seen.legacy = false;
            seen.line = None;
            seen.state = match fault.kind {
                Kind::Credentials if signs_in.is_some() => ConnectionState::SignIn,
                Kind::Credentials => ConnectionState::Credentials,
                _ => ConnectionState::Away,
            };
            seen.fault = Some(fault.clone());
            if signs_in.is_none() {
                seen.last = Some((fault.clone(), now));
            }
            seen.tried = true;
            // Whoever it lets in next may be somebody else to it.
            seen.outdated |= fault.kind == Kind::Credentials;
        });
        if let Some(left_out) = lock(&self.logged).line(Instant::now()) {
            let kind = fault.kind.name();
            tracing::warn!(server = %self.id, kind, left_out, said, "a connected MCP server is away");
        }
    }

    /// Waits until the first attempt is over.
    pub(super) async fn tried(&self) {
        self.until(|seen| seen.tried.then_some(())).await;
    }

    /// The line to it, once there is one; why not, as soon as that is known or `within` is over.
    pub(super) async fn line(
        self: &Arc<Self>,
        pool: &Arc<Pool>,
        within: Duration,
    ) -> Result<(Peer<RoleClient>, Arc<Ear>), Fault> {
        self.touch(pool);
        let line = self.until(|seen| match seen.state {
            ConnectionState::Connected => seen.line.clone().map(Ok),
            ConnectionState::Connecting | ConnectionState::Asleep => None,
            ConnectionState::Off => Some(Err(Fault::new(Kind::Refused, "It is switched off."))),
            ConnectionState::Away
            | ConnectionState::Credentials
            | ConnectionState::SignIn
            | ConnectionState::Unfilled => Some(Err(seen.fault.clone().unwrap_or_else(Fault::closed))),
        });
        tokio::time::timeout(within, line).await.unwrap_or_else(|_| Err(Fault::late(within)))
    }

    /// The next line to it, whenever it comes. From now on it is tried to be reached for
    /// [`Options::idle`](super::Options::idle), and after that only if somebody else wants it.
    pub(super) async fn back(self: &Arc<Self>, pool: &Arc<Pool>) -> Peer<RoleClient> {
        self.touch(pool);
        self.until(|seen| seen.line.as_ref().map(|(peer, _ear)| peer.clone())).await
    }

    async fn until<T>(&self, found: impl Fn(&Seen) -> Option<T>) -> T {
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(found) = found(&lock(&self.seen)) {
                return found;
            }
            if changes.changed().await.is_err() {
                // The sender is this link's own: it cannot be gone while the link is there.
                std::future::pending::<()>().await;
            }
        }
    }
}
