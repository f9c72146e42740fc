//! Tools of other MCP servers: the operator's, for everybody here, and those that each person connected.
//!
//! Invariant: a person's servers are that person's. There is one warm connection for each person, server and credential;
//! nobody's call, session, process or catalog is ever another's. A turn waits for no server: what it is offered is what
//! is known now, and connecting happens beside it ([`supervise`]). What a server says is untrusted: bounded, cleaned,
//! and never an instruction to this program.
//!
//! Decision: a program of the operator's is started once for each person who uses it, not shared. Such servers keep
//! state in their process (a memory, a session, a login), tell progress and ask questions on one pipe for everybody, and
//! were written for one user. Sharing would save memory and mix people's data; instead idle ones end, and
//! [`PROGRAMS_MAX`] bounds them all.
//!
//! Decision: these tools are not offered through Parley's own `/mcp`. A program that was let in there acts with its
//! person's rights here, not with their credentials elsewhere; it can connect the other server itself.

pub mod apps;
mod asked;
mod breaker;
mod call;
mod catalog;
mod checked;
mod connect;
mod ear;
mod edit;
mod errand;
mod execution;
mod inputs;
mod lines;
mod link;
mod log;
pub mod oauth;
mod page;
mod pass;
mod person;
mod pick;
mod process;
mod reseal;
mod result;
mod search;
mod stream;
mod supervise;
mod tally;
mod task;
mod words;

#[cfg(test)]
mod tests;

pub use edit::{ConnectError, NewConnection};
pub use pick::Unread;

use self::person::Person;
use super::ToolCx;
use crate::{
    backend::{
        caller::Caller,
        clock::Clock,
        config::{Nearby, OperatorServer, ServersConfig},
        http::{
            address::Reach,
            resolver::{Lookup, SystemLookup},
            session::Session,
        },
        secrets::Secrets,
        store::Store,
        task::Tasks,
    },
    wire::{
        id::{ConversationId, UserId},
        limits,
        tool::{ToolCall, ToolOutcome, ToolSpec},
    },
};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Programs of the operator's servers that may run at once, for all people together.
pub const PROGRAMS_MAX: usize = 64;
/// What a search for tools is called.
pub const SEARCH: &str = "search_tools";

/// Everybody's connections; cloning it is cheap.
#[derive(Clone)]
pub struct Connections(Arc<Pool>);

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

/// What the connections are made of.
#[derive(Debug)]
pub struct Means {
    /// Which servers, and what is allowed.
    pub config: ServersConfig,
    /// Where people's servers are kept.
    pub store: Store,
    /// What opens their addresses and headers.
    pub secrets: Secrets,
    /// What Parley is where it signs in for them.
    pub home: oauth::Home,
    /// Where connections run.
    pub tasks: Tasks,
    /// The time.
    pub clock: Clock,
    /// The numbers.
    pub options: Options,
}

/// The numbers of connecting; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long connecting may take.
    pub connect: Duration,
    /// How long a turn waits, once, for servers that are being connected for the first time.
    pub first: Duration,
    /// How long a call waits for a server that has to be connected for it. A server that hung while it slept is still on
    /// offer, for nobody knows it yet: the first call of a tool of its waits this long, and only that call.
    pub wake: Duration,
    /// How long a connection stays open unused.
    pub idle: Duration,
    /// Time between two signs of life.
    pub beat: Duration,
    /// How long an answer to a list or a sign of life may take.
    pub answer: Duration,
    /// How long a call may be without a sign of progress.
    pub silence: Duration,
    /// How long a call may take in all.
    pub call: Duration,
    /// The first wait after a failure; it doubles from there.
    pub retry: Duration,
    /// The longest wait between two tries: after this long a server that came back is found by itself.
    pub probe: Duration,
    /// How long a connection must live until earlier failures are forgotten.
    pub stable: Duration,
    /// The shortest time a list is taken for fresh, whatever its server says.
    pub fresh: Duration,
    /// Bytes of one message of a server.
    pub message: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            first: Duration::from_millis(15),
            wake: Duration::from_secs(10),
            idle: Duration::from_mins(10),
            beat: Duration::from_mins(1),
            answer: Duration::from_secs(15),
            silence: Duration::from_millis(limits::REMOTE_SILENCE_MS),
            call: Duration::from_millis(limits::REMOTE_CALL_MAX_MS),
            retry: Duration::from_millis(500),
            probe: Duration::from_secs(45),
            stable: Duration::from_secs(30),
            fresh: Duration::from_mins(1),
            message: limits::REMOTE_MESSAGE_MAX,
        }
    }
}

/// What all connections share.
struct Pool {
    operator: Vec<OperatorServer>,
    private: Nearby,
    share: u64,
    store: Store,
    secrets: Secrets,
    tasks: Tasks,
    stopping: CancellationToken,
    clock: Clock,
    options: Options,
    /// For addresses that people chose.
    guarded: Session,
    /// What people may choose, for telling them at once.
    reach: Reach,
    /// For the operator's.
    plain: Session,
    programs: Arc<Semaphore>,
    /// How people stand with servers that they sign in to.
    keep: Arc<oauth::Keep>,
    /// Who has used connections since the start; written when somebody first does.
    people: Mutex<HashMap<UserId, Arc<Person>>>,
    /// How often somebody waited in vain for servers that were never connected before.
    late: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    /// Connections by these means; none is made before it is needed.
    ///
    /// # Errors
    /// No HTTP client can be made on this machine.
    pub fn new(means: Means) -> Result<Self, reqwest::Error> {
        let reach = means.config.private.into();
        Self::with(means, reach, Arc::new(SystemLookup))
    }

    /// The same with another reach or another look-up of names.
    ///
    /// # Errors
    /// As [`Connections::new`].
    pub fn with(means: Means, reach: Reach, lookup: Arc<dyn Lookup>) -> Result<Self, reqwest::Error> {
        let Means { config, store, secrets, home, tasks, clock, options } = means;
        let guarded = Session::guarded(reach.clone(), lookup)?;
        let plain = Session::of_operator()?;
        let keep = oauth::Keep {
            store: store.clone(),
            secrets: secrets.clone(),
            tasks: tasks.clone(),
            clock: clock.clone(),
            home,
            guarded: guarded.clone(),
            plain: plain.clone(),
            private: config.private,
            accounts: Mutex::default(),
            machines: Mutex::default(),
        };
        Ok(Self(Arc::new(Pool {
            operator: config.operator,
            private: config.private,
            share: config.tools_share,
            store,
            secrets,
            stopping: tasks.stopping(),
            tasks,
            clock,
            options,
            guarded,
            reach,
            plain,
            keep: Arc::new(keep),
            programs: Arc::new(Semaphore::new(PROGRAMS_MAX)),
            people: Mutex::default(),
            late: AtomicUsize::new(0),
        })))
    }

    /// Begins to connect a person's servers, without waiting for any: they have opened a page.
    pub async fn wake(&self, caller: &Caller) {
        if let Some(person) = self.person(caller.user).await {
            person.touch(&self.0);
        }
    }

    /// A person's tools as far as they are known now, all of them, in stable order.
    pub async fn list(&self, caller: &Caller) -> Vec<Arc<ToolSpec>> {
        match self.ready(caller).await {
            Some(person) => person.tools().iter().map(|tool| Arc::clone(&tool.spec)).collect(),
            None => Vec::new(),
        }
    }

    /// What a model with a window of `window` tokens is offered of a person's tools in a conversation: all, or, where
    /// they would take more than their share, [`SEARCH`] with the pinned ones and those that were found there. The
    /// order is stable and what is found comes last, so that a provider's cache keeps what stands before it. This is for
    /// a turn's beginning: it waits a moment for servers that were never connected before.
    pub async fn offer(&self, caller: &Caller, conversation: ConversationId, window: u32) -> Vec<Arc<ToolSpec>> {
        match self.ready(caller).await {
            Some(person) => self.offered(&person, caller, conversation, window).await,
            None => Vec::new(),
        }
    }

    /// [`Connections::offer`] as far as is known now, for a turn that goes on: nobody is waited for a second time.
    pub async fn offer_again(&self, caller: &Caller, conversation: ConversationId, window: u32) -> Vec<Arc<ToolSpec>> {
        match self.awake(caller).await {
            Some(person) => self.offered(&person, caller, conversation, window).await,
            None => Vec::new(),
        }
    }

    async fn offered(
        &self,
        person: &Person,
        caller: &Caller,
        conversation: ConversationId,
        window: u32,
    ) -> Vec<Arc<ToolSpec>> {
        let tools = person.tools_for_model();
        let cost: u64 = tools.iter().map(|tool| tool.cost).sum();
        if cost * 100 <= u64::from(window) * self.0.share {
            return tools.iter().map(|tool| Arc::clone(&tool.spec)).collect();
        }
        let found = self.0.store.found_tools(caller.user, conversation).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "tools found earlier cannot be read");
            Vec::new()
        });
        let pinned = tools.iter().filter(|tool| tool.pinned);
        let found = found.iter().filter_map(|name| tools.iter().find(|tool| tool.spec.name == *name && !tool.pinned));
        let chosen = pinned.chain(found).map(|tool| Arc::clone(&tool.spec));
        std::iter::once(Arc::new(search::spec(&person.servers()))).chain(chosen).collect()
    }

    /// The tool of that name, if a model may call it and it is one of the person's as far as is known now.
    pub fn spec(&self, caller: &Caller, name: &str) -> Option<Arc<ToolSpec>> {
        let person = lock(&self.0.people).get(&caller.user).cloned()?;
        if name == SEARCH {
            return Some(Arc::new(search::spec(&person.servers())));
        }
        person.tools_for_model().into_iter().find(|tool| tool.spec.name == name).map(|tool| Arc::clone(&tool.spec))
    }

    /// Runs a call of one of the person's tools; `None` if no server of theirs has one of that name.
    pub async fn call(&self, cx: &ToolCx, call: &ToolCall) -> Option<ToolOutcome> {
        let person = self.person(cx.caller.user).await?;
        if let Some(left) = cx.kept.left() {
            return Some(match person.link(&left.server) {
                Some(link) => Box::pin(call::go_on(&self.0, &link, &call.name, cx, left)).await,
                None => {
                    ToolOutcome::error("The server that worked at it is no longer connected: what it did is not known.")
                }
            });
        }
        if call.name == SEARCH {
            return Some(self.search(cx, &person, &call.arguments).await);
        }
        let (link, own) = match person.find(&call.name) {
            person::Found::Tool(link, own) => (link, own),
            person::Found::Away(told) => return Some(ToolOutcome::error(told)),
            person::Found::Nothing => return None,
        };
        Some(Box::pin(call::run(&self.0, &link, &own, cx, &call.arguments, None)).await)
    }

    /// Finds tools for the model, and keeps them on offer in this conversation.
    async fn search(&self, cx: &ToolCx, person: &Person, arguments: &serde_json::Value) -> ToolOutcome {
        let tools = person.tools_for_model();
        let (outcome, found) = search::run(&tools, arguments);
        if let (Some(conversation), false) = (cx.conversation, found.is_empty())
            && let Err(error) = self.0.store.add_found_tools(cx.caller.user, conversation, &found).await
        {
            tracing::warn!(%error, "found tools cannot be kept");
            return ToolOutcome::error("The tools that were found cannot be offered just now. Try again later.");
        }
        outcome
    }

    /// The person, their servers awake; waits a moment for servers that were never connected before.
    async fn ready(&self, caller: &Caller) -> Option<Arc<Person>> {
        let person = self.awake(caller).await?;
        // Late servers are offered in the next round or turn.
        if tokio::time::timeout(self.0.options.first, person.tried()).await.is_err() {
            self.0.late.fetch_add(1, Ordering::Relaxed);
        }
        Some(person)
    }

    /// The person, their servers awake.
    async fn awake(&self, caller: &Caller) -> Option<Arc<Person>> {
        let person = self.person(caller.user).await?;
        person.touch(&self.0);
        Some(person)
    }

    /// How often, since the start, somebody waited in vain for servers that were never connected before.
    pub fn late(&self) -> usize {
        self.0.late.load(Ordering::Relaxed)
    }

    /// The person's servers, read from the store once.
    async fn person(&self, user: UserId) -> Option<Arc<Person>> {
        if let Some(person) = lock(&self.0.people).get(&user) {
            return Some(Arc::clone(person));
        }
        match Person::load(&self.0, user).await {
            Ok(person) => Some(self.0.enter(user, person)),
            Err(error) => {
                tracing::warn!(%error, "a person's connected servers cannot be read: none is offered");
                None
            }
        }
    }
}

/// People in memory from which on those who are gone are forgotten.
const PEOPLE_MAX: usize = 500;

impl Pool {
    /// Enters a person who was just read; if another request was first, theirs counts.
    fn enter(&self, user: UserId, person: Person) -> Arc<Person> {
        let mut people = lock(&self.people);
        if people.len() >= PEOPLE_MAX {
            people.retain(|_, person| person.is_awake());
        }
        Arc::clone(people.entry(user).or_insert_with(|| Arc::new(person)))
    }
}
