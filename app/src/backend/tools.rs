//! The tool registry: what the bot can do, each with a schema, honest annotations, a deadline and a result cap.
//!
//! Invariant: [`ToolRegistry::call`] always ends in an outcome. An unknown name, arguments off the schema, a deadline
//! passed, a panic, a result too large: the model reads a sentence about it and goes on. What it reads is plain text,
//! without Markdown: whoever puts it into Markdown escapes it. Who may run what is [`policy`]'s, not the registry's.

pub mod address;
pub mod arithmetic;
pub mod ask;
pub mod attachments;
mod bound;
pub mod clock;
pub mod collections;
pub mod conversations;
pub mod cursor;
pub mod elicit;
pub mod instructions;
pub mod kept;
pub mod lorem;
pub mod picker;
pub mod policy;
pub mod prompts;
pub mod remote;
pub mod schema;
pub mod sending;
pub mod sentiment;
pub mod serve;
pub mod web;

use self::{
    ask::{Answer, Ask, Question},
    bound::bound,
    kept::Keep,
    remote::Connections,
};
use crate::{
    backend::{
        caller::Caller,
        clock::Clock,
        http::Guarded,
        hub::Hub,
        store::{Store, tasks::Saying},
    },
    wire::{
        app::ToolApp,
        id::ConversationId,
        limits,
        tool::{Annotations, ToolCall, ToolOutcome, ToolSpec},
    },
};
use futures::{FutureExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::time::error::Elapsed;

/// What a tool may use: the caller's rights, never more.
#[derive(Clone)]
pub struct ToolCx {
    /// On whose behalf.
    pub caller: Caller,
    /// Where it was called, if in a conversation.
    pub conversation: Option<ConversationId>,
    /// The store; every read takes `caller.user`.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Tells progress: share done from 0 to 1, and a note. May be called from anywhere, never blocks.
    pub progress: Arc<dyn Fn(Option<f32>, Option<String>) + Send + Sync>,
    /// Asks the person it acts for.
    pub asking: Arc<dyn Ask>,
    /// Keeps what outlives the process.
    pub kept: Arc<dyn Keep>,
    /// The hash of the definition that the call was decided about ([`policy::definition()`]), which a server's tool must
    /// still have when it is called; `None`: none was decided about, or that of a tool of Parley's own.
    pub definition: Option<String>,
}

impl ToolCx {
    /// Asks the caller; [`ask`] has the rules.
    pub async fn ask(&self, question: Question) -> Answer {
        self.asking.ask(question).await
    }
}

impl std::fmt::Debug for ToolCx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToolCx")
            .field("caller", &self.caller)
            .field("conversation", &self.conversation)
            .finish_non_exhaustive()
    }
}

/// One tool.
pub trait Tool: Send + Sync {
    /// Its advertisement, which many turns at a time are handed.
    fn spec(&self) -> &Arc<ToolSpec>;
    /// Runs it. Never fails: a failure is an outcome the model reads. Dropping the future cancels it.
    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome>;
    /// Whether it reads what is its caller's alone, beyond the conversation it is called from.
    fn is_personal(&self) -> bool {
        false
    }
    /// Whether a call may take so long that a client of ours is offered a task instead of waiting for it.
    fn takes_long(&self) -> bool {
        false
    }
    /// Goes on with a call that said something ([`Ask::says`]) before its process ended; `None` if it did not come to
    /// that, or if this tool says nothing.
    fn resume<'a>(&'a self, _cx: &'a ToolCx, _saying: Saying) -> BoxFuture<'a, Option<ToolOutcome>> {
        std::future::ready(None).boxed()
    }
}

/// Why a set of tools cannot be offered: a fault of the program, told at start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// The name does not fit `^[A-Za-z0-9_.-]{1,64}$`.
    #[error("the tool name «{0}» has characters other than letters, digits, «_», «.» and «-», or is not 1 to 64 long")]
    Name(String),
    /// Two tools of one name.
    #[error("two tools are called «{0}»")]
    Collision(String),
    /// A schema promises what [`schema::fit`] cannot hold anybody to.
    #[error("the {which} schema of «{tool}» cannot be enforced: {reason}")]
    Schema {
        /// The tool.
        tool: String,
        /// `argument` or `result`.
        which: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// The tools on offer.
#[derive(Clone, Default)]
pub struct ToolRegistry {
    tools: Arc<HashMap<String, Arc<dyn Tool>>>,
    specs: Arc<Vec<Arc<ToolSpec>>>,
    /// What telling a model of each of them costs, in tokens: worked out once, for every turn asks.
    costs: Arc<HashMap<String, u64>>,
    /// Each toolset's name and tools.
    sets: Arc<Vec<Toolset>>,
    deadline: Option<Duration>,
    remote: Option<Connections>,
}

/// Tools that belong together, and what an operator calls them
/// ([`MCP_TOOLSETS`](crate::backend::config::MCP_TOOLSETS)).
pub type Toolset = (&'static str, Vec<Arc<dyn Tool>>);

impl std::fmt::Debug for ToolRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.specs.iter().map(|spec| &spec.name)).finish()
    }
}

impl ToolRegistry {
    /// A registry of `tools`, listed in this order.
    ///
    /// # Errors
    /// A name off the rule or taken twice, a schema that cannot be enforced.
    pub fn new(tools: Vec<Arc<dyn Tool>>) -> Result<Self, RegistryError> {
        let mut by_name = HashMap::with_capacity(tools.len());
        let mut specs = Vec::with_capacity(tools.len());
        for tool in tools {
            let spec = Arc::clone(tool.spec());
            admit(&spec)?;
            if by_name.insert(spec.name.clone(), tool).is_some() {
                return Err(RegistryError::Collision(spec.name.clone()));
            }
            specs.push(spec);
        }
        Ok(Self {
            tools: Arc::new(by_name),
            costs: Arc::new(specs.iter().map(|spec| (spec.name.clone(), schema::cost(spec))).collect()),
            specs: Arc::new(specs),
            sets: Arc::default(),
            deadline: None,
            remote: None,
        })
    }

    /// A registry of these toolsets, in this order.
    ///
    /// # Errors
    /// As [`ToolRegistry::new`].
    pub fn of(sets: Vec<Toolset>) -> Result<Self, RegistryError> {
        let tools = sets.iter().flat_map(|(_, tools)| tools.iter().cloned()).collect();
        Ok(Self { sets: Arc::new(sets), ..Self::new(tools)? })
    }

    /// The same toolsets and `more` after them.
    ///
    /// # Errors
    /// As [`ToolRegistry::new`].
    pub fn and(&self, more: Vec<Toolset>) -> Result<Self, RegistryError> {
        let sets = self.sets.iter().cloned().chain(more).collect();
        Ok(Self { deadline: self.deadline, ..Self::of(sets)? })
    }

    /// The same toolsets with each tool changed by `change`.
    ///
    /// # Errors
    /// As [`ToolRegistry::new`].
    pub fn each(&self, change: impl Fn(&Arc<dyn Tool>) -> Arc<dyn Tool>) -> Result<Self, RegistryError> {
        let sets = self.sets.iter().map(|(name, tools)| (*name, tools.iter().map(&change).collect())).collect();
        Ok(Self { deadline: self.deadline, ..Self::of(sets)? })
    }

    /// Only the toolsets that `wanted` says yes to.
    ///
    /// # Errors
    /// As [`ToolRegistry::new`].
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> Result<Self, RegistryError> {
        let sets = self.sets.iter().filter(|(name, _)| wanted(name)).cloned().collect();
        Ok(Self { deadline: self.deadline, ..Self::of(sets)? })
    }

    /// The built-in toolsets. `http` visits websites; `hub` hears what a tool changed.
    ///
    /// # Errors
    /// As [`ToolRegistry::new`]; a test holds that it does not happen.
    pub fn builtin(http: Guarded, hub: Hub) -> Result<Self, RegistryError> {
        Self::of(vec![
            ("conversations", conversations::tools(hub.clone())),
            ("collections", collections::tools()),
            ("edits", collections::changing(&hub)),
            ("chat", conversations::changing(hub)),
            ("sentiment", sentiment::tools()),
            ("arithmetic", arithmetic::tools()),
            ("clock", clock::tools()),
            ("web", web::tools(http)),
            ("lorem", lorem::tools()),
            ("attachments", attachments::tools()),
        ])
    }

    /// The built-in tools, in stable order.
    pub fn specs(&self) -> &[Arc<ToolSpec>] {
        &self.specs
    }

    /// Whether it has no tool.
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    /// The same tools with another deadline per call than [`limits::TOOL_DEADLINE_MS`].
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The servers whose tools it has besides.
    pub fn remote(&self) -> Option<&Connections> {
        self.remote.as_ref()
    }

    /// The same tools, and those of each caller's servers.
    pub fn with_remote(mut self, remote: Connections) -> Self {
        self.remote = Some(remote);
        self
    }

    /// The tools `caller` may use, in stable order. The built-in ones act with the caller's own rights, so everybody
    /// may use each; their list is the same for all and keeps a provider's prompt cache warm. Those of the caller's
    /// servers follow, as far as they are known: nobody is waited for.
    pub async fn list(&self, caller: &Caller) -> Arc<Vec<Arc<ToolSpec>>> {
        let Some(remote) = &self.remote else { return Arc::clone(&self.specs) };
        self.besides(remote.list(caller).await)
    }

    /// The tools that a model with a window of `window` tokens is offered in a conversation of the caller's: as
    /// [`ToolRegistry::list`] has them, or a search for them where they would be too many.
    pub async fn offer(&self, caller: &Caller, conversation: ConversationId, window: u32) -> Arc<Vec<Arc<ToolSpec>>> {
        let Some(remote) = &self.remote else { return Arc::clone(&self.specs) };
        self.besides(remote.offer(caller, conversation, window).await)
    }

    /// [`ToolRegistry::offer`] for a turn that goes on: it waits for no server, as the turn has once.
    pub async fn offer_again(
        &self,
        caller: &Caller,
        conversation: ConversationId,
        window: u32,
    ) -> Arc<Vec<Arc<ToolSpec>>> {
        let Some(remote) = &self.remote else { return Arc::clone(&self.specs) };
        self.besides(remote.offer_again(caller, conversation, window).await)
    }

    fn besides(&self, more: Vec<Arc<ToolSpec>>) -> Arc<Vec<Arc<ToolSpec>>> {
        if more.is_empty() {
            return Arc::clone(&self.specs);
        }
        Arc::new(self.specs.iter().cloned().chain(more).collect())
    }

    /// The caller has opened a page: their servers begin to be connected, so that their tools are there when needed.
    pub async fn wake(&self, caller: &Caller) {
        if let Some(remote) = &self.remote {
            remote.wake(caller).await;
        }
    }

    /// The built-in tool of that name.
    pub fn spec(&self, name: &str) -> Option<Arc<ToolSpec>> {
        self.tools.get(name).map(|tool| Arc::clone(tool.spec()))
    }

    /// The tool that the name means for `caller`, built in or of one of their servers, for policy.
    pub fn spec_for(&self, caller: &Caller, name: &str) -> Option<Arc<ToolSpec>> {
        self.spec(name).or_else(|| self.remote.as_ref()?.spec(caller, name))
    }

    /// About how many tokens it takes to tell a model of those tools.
    pub fn cost(&self, specs: &[Arc<ToolSpec>]) -> u64 {
        let own = |spec: &ToolSpec| self.costs.get(&spec.name).copied().filter(|_| spec.server.is_none());
        specs.iter().map(|spec| own(spec).unwrap_or_else(|| schema::cost(spec))).sum()
    }

    /// The app that shows the results of that tool of the caller's, if it has one.
    pub fn app_of(&self, caller: &Caller, name: &str) -> Option<ToolApp> {
        self.remote.as_ref()?.app_of(caller, name).filter(|_| !self.tools.contains_key(name))
    }

    /// People's servers, if their tools are among these.
    pub fn connections(&self) -> Option<&Connections> {
        self.remote.as_ref()
    }

    /// What metrics call that tool: servers' tools share one name, for theirs are people's own.
    pub fn label(&self, caller: &Caller, name: &str) -> Option<String> {
        let spec = self.spec_for(caller, name)?;
        Some(if spec.server.is_some() { "remote".to_owned() } else { spec.name.clone() })
    }

    /// Whether the tool of that name reads what is its caller's alone, for policy.
    pub fn is_personal(&self, name: &str) -> bool {
        self.tools.get(name).is_some_and(|tool| tool.is_personal())
    }

    /// Whether a call of the tool of that name may take long.
    pub fn takes_long(&self, name: &str) -> bool {
        self.tools.get(name).is_some_and(|tool| tool.takes_long())
    }

    /// Runs a call: unknown tool, arguments off the schema, deadline passed and panics are outcomes too. A server's tool
    /// checks its own arguments and has deadlines of its own.
    pub async fn call(&self, cx: &ToolCx, call: &ToolCall) -> ToolOutcome {
        let Some(tool) = self.tools.get(&call.name) else {
            return match &self.remote {
                Some(remote) => match remote.call(cx, call).await {
                    Some(outcome) => bound(cx, outcome).await,
                    None => self.unknown(cx, &call.name).await,
                },
                None => self.unknown(cx, &call.name).await,
            };
        };
        let mut arguments =
            if call.arguments.is_null() { Value::Object(serde_json::Map::new()) } else { call.arguments.clone() };
        if let Err(problems) = schema::fit(&tool.spec().input_schema, &mut arguments) {
            return ToolOutcome::error(format!(
                "The arguments of `{}` do not fit its schema; nothing was run. {} Call it again with that mended.",
                call.name,
                problems.join(" ")
            ));
        }
        // The future is made inside, so that a panic before its first await is caught too.
        let run = self.guarded(tool.as_ref(), cx, async { tool.call(cx, arguments).await });
        bound(cx, run.await.unwrap_or_else(|failure| failure)).await
    }

    /// Goes on with a call of the tool of that name that said something before its process ended; `None` if it cannot.
    pub async fn resume(&self, cx: &ToolCx, name: &str, saying: Saying) -> Option<ToolOutcome> {
        let tool = self.tools.get(name)?;
        let run = self.guarded(tool.as_ref(), cx, async { tool.resume(cx, saying).await });
        match run.await.unwrap_or_else(Some) {
            Some(outcome) => Some(bound(cx, outcome).await),
            None => None,
        }
    }

    /// Runs a tool's work within its deadline.
    ///
    /// # Errors
    /// It took too long, or it panicked.
    async fn guarded<T>(&self, tool: &dyn Tool, cx: &ToolCx, work: impl Future<Output = T>) -> Result<T, ToolOutcome> {
        let usual = if tool.takes_long() { limits::LONG_TOOL_DEADLINE_MS } else { limits::TOOL_DEADLINE_MS };
        let deadline = self.deadline.unwrap_or(Duration::from_millis(usual));
        let name = &tool.spec().name;
        match within(deadline, &*cx.asking, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(_panic)) => {
                tracing::error!(tool = %name, "a tool panicked");
                Err(ToolOutcome::error(format!("`{name}` broke down: a fault of ours, now in the server's log.")))
            }
            Err(_late) => Err(ToolOutcome::error(format!(
                "`{name}` was stopped: it took longer than {} seconds.",
                deadline.as_secs_f32()
            ))),
        }
    }

    async fn unknown(&self, cx: &ToolCx, name: &str) -> ToolOutcome {
        let shown: String = name.chars().take(64).collect();
        let names: Vec<String> = self.specs.iter().map(|spec| format!("`{}`", spec.name)).collect();
        let told = format!("There is no tool «{shown}». There are: {}.", names.join(", "));
        bound(cx, ToolOutcome::error(told)).await
    }
}

/// Runs `work` for at most `deadline`, in which the time that a person took to answer does not count.
async fn within<T>(deadline: Duration, asking: &dyn Ask, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut work = std::pin::pin!(work);
    let mut left = deadline;
    loop {
        match tokio::time::timeout(left, &mut work).await {
            Err(late) => match asking.waited() {
                Duration::ZERO => return Err(late),
                // Not shorter: a person who is asked now is not looked after a thousand times a second.
                waited => left = waited.max(Duration::from_secs(1)),
            },
            done => return done,
        }
    }
}

/// Refuses a tool that could not be offered or whose schemas could not be enforced.
fn admit(spec: &ToolSpec) -> Result<(), RegistryError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if !(1..=64).contains(&spec.name.len()) || !spec.name.chars().all(fits) {
        return Err(RegistryError::Name(spec.name.clone()));
    }
    for (which, schema) in [("argument", &spec.input_schema), ("result", &spec.output_schema)] {
        schema::supported(schema).map_err(|reason| RegistryError::Schema { tool: spec.name.clone(), which, reason })?;
    }
    Ok(())
}

/// Reads arguments that already fit the schema into the tool's own type.
///
/// # Errors
/// An outcome for the model, should type and schema ever disagree.
pub fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, ToolOutcome> {
    serde_json::from_value(arguments).map_err(|e| ToolOutcome::error(format!("The arguments cannot be read: {e}.")))
}

/// An advertisement whose schemas are objects of `input` and `output` properties.
pub fn spec(
    (name, title): (&str, &str),
    description: &str,
    input: (Value, &[&str]),
    output: (Value, &[&str]),
    annotations: Annotations,
) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        title: title.to_owned(),
        description: description.to_owned(),
        input_schema: schema::object(input.0, input.1),
        output_schema: schema::object(output.0, output.1),
        annotations,
        server: None,
        ui: None,
    }
}

/// A tool that answers from its arguments and the context at once.
pub struct Plain {
    spec: Arc<ToolSpec>,
    answer: fn(&ToolCx, Value) -> Result<ToolOutcome, ToolOutcome>,
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plain").field(&self.spec.name).finish()
    }
}

impl Plain {
    /// A tool of that advertisement; `answer` gives an outcome either way.
    pub fn tool(spec: ToolSpec, answer: fn(&ToolCx, Value) -> Result<ToolOutcome, ToolOutcome>) -> Arc<dyn Tool> {
        Arc::new(Self { spec: Arc::new(spec), answer })
    }
}

impl Tool for Plain {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        async move { (self.answer)(cx, arguments).unwrap_or_else(|failure| failure) }.boxed()
    }
}

#[cfg(test)]
mod tests;
