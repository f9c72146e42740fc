//! The tool registry: what the bot can do, each with a schema, honest annotations, a deadline and a result cap.
//!
//! Invariant: [`ToolRegistry::call`] always ends in an outcome. An unknown name, arguments off the schema, a deadline
//! passed, a panic, a result too large: the model reads a sentence about it and goes on. What it reads is plain text,
//! without Markdown: whoever puts it into Markdown escapes it. Who may run what is [`policy`]'s, not the registry's.

pub mod arithmetic;
pub mod clock;
pub mod conversations;
pub mod lorem;
pub mod policy;
pub mod schema;
pub mod sentiment;
pub mod serve;
pub mod web;

use crate::{
    backend::{caller::Caller, clock::Clock, http::Guarded, hub::Hub, store::Store},
    wire::{
        id::ConversationId,
        limits,
        tool::{Annotations, ToolCall, ToolOutcome, ToolSpec},
    },
};
use futures::{FutureExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

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
    /// Its advertisement.
    fn spec(&self) -> &ToolSpec;
    /// Runs it. Never fails: a failure is an outcome the model reads. Dropping the future cancels it.
    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome>;
    /// Whether it reads what is its caller's alone, beyond the conversation it is called from.
    fn is_personal(&self) -> bool {
        false
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
    specs: Arc<Vec<ToolSpec>>,
    deadline: Option<Duration>,
}

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
            let spec = tool.spec().clone();
            admit(&spec)?;
            if by_name.insert(spec.name.clone(), tool).is_some() {
                return Err(RegistryError::Collision(spec.name));
            }
            specs.push(spec);
        }
        Ok(Self { tools: Arc::new(by_name), specs: Arc::new(specs), deadline: None })
    }

    /// The built-in toolsets. `http` visits websites; `hub` hears what a tool changed.
    ///
    /// # Errors
    /// As [`ToolRegistry::new`]; a test holds that it does not happen.
    pub fn builtin(http: Guarded, hub: Hub) -> Result<Self, RegistryError> {
        Self::new(
            [
                conversations::tools(hub),
                sentiment::tools(),
                arithmetic::tools(),
                clock::tools(),
                web::tools(http),
                lorem::tools(),
            ]
            .concat(),
        )
    }

    /// The same tools with another deadline per call than [`limits::TOOL_DEADLINE_MS`].
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The tools `caller` may use, in stable order. The built-in ones act with the caller's own rights, so everybody
    /// may use each; the list is the same for all and keeps a provider's prompt cache warm.
    #[expect(clippy::unused_async, reason = "tools of connected servers are listed over the network")]
    pub async fn list(&self, _caller: &Caller) -> Arc<Vec<ToolSpec>> {
        Arc::clone(&self.specs)
    }

    /// The tool of that name, for policy.
    pub fn spec(&self, name: &str) -> Option<ToolSpec> {
        self.tools.get(name).map(|tool| tool.spec().clone())
    }

    /// Whether the tool of that name reads what is its caller's alone, for policy.
    pub fn is_personal(&self, name: &str) -> bool {
        self.tools.get(name).is_some_and(|tool| tool.is_personal())
    }

    /// Runs a call: unknown tool, arguments off the schema, deadline passed and panics are outcomes too.
    pub async fn call(&self, cx: &ToolCx, call: &ToolCall) -> ToolOutcome {
        let Some(tool) = self.tools.get(&call.name) else { return self.unknown(&call.name) };
        let mut arguments =
            if call.arguments.is_null() { Value::Object(serde_json::Map::new()) } else { call.arguments.clone() };
        if let Err(problems) = schema::fit(&tool.spec().input_schema, &mut arguments) {
            return ToolOutcome::error(format!(
                "The arguments of `{}` do not fit its schema; nothing was run. {} Call it again with that mended.",
                call.name,
                problems.join(" ")
            ));
        }
        let deadline = self.deadline.unwrap_or(Duration::from_millis(limits::TOOL_DEADLINE_MS));
        // The future is made inside, so that a panic before its first await is caught too.
        let run = AssertUnwindSafe(async { tool.call(cx, arguments).await }).catch_unwind();
        let outcome = match tokio::time::timeout(deadline, run).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => {
                tracing::error!(tool = %call.name, "a tool panicked");
                ToolOutcome::error(format!("`{}` broke down: a fault of ours, now in the server's log.", call.name))
            }
            Err(_late) => ToolOutcome::error(format!(
                "`{}` was stopped: it took longer than {} seconds.",
                call.name,
                deadline.as_secs_f32()
            )),
        };
        bound(outcome)
    }

    fn unknown(&self, name: &str) -> ToolOutcome {
        let shown: String = name.chars().take(64).collect();
        let names: Vec<String> = self.specs.iter().map(|spec| format!("`{}`", spec.name)).collect();
        bound(ToolOutcome::error(format!("There is no tool «{shown}». There are: {}.", names.join(", "))))
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

/// Bytes a structured result may weigh, as a multiple of the text's cap: keys and quotes cost, runaway rows do not pass.
const STRUCTURED_MAX: usize = 4 * limits::TOOL_RESULT_MAX;

/// Takes NULs out (PostgreSQL stores none) and holds the outcome to the result cap.
fn bound(mut outcome: ToolOutcome) -> ToolOutcome {
    if outcome.text.contains('\0') {
        outcome.text.retain(|c| c != '\0');
    }
    if let Some(structured) = &mut outcome.structured {
        let weight = scrub(structured);
        if weight > STRUCTURED_MAX {
            return ToolOutcome::error(format!(
                "The result was too large: {weight} bytes, and at most {STRUCTURED_MAX} are kept. Ask for less of it."
            ));
        }
    }
    if outcome.text.len() > limits::TOOL_RESULT_MAX {
        let note = format!("\n\n[Cut here: the whole result has {} bytes.]", outcome.text.len());
        let end = outcome.text.floor_char_boundary(limits::TOOL_RESULT_MAX - note.len());
        outcome.text.truncate(end);
        outcome.text.push_str(&note);
        outcome.truncated = true;
    }
    outcome
}

/// Takes NULs out of every string; about how many bytes the value's JSON has.
fn scrub(value: &mut Value) -> usize {
    match value {
        Value::String(text) => {
            if text.contains('\0') {
                text.retain(|c| c != '\0');
            }
            text.len() + 2
        }
        Value::Array(items) => 2 + items.iter_mut().map(|item| 1 + scrub(item)).sum::<usize>(),
        Value::Object(fields) => 2 + fields.iter_mut().map(|(key, item)| key.len() + 4 + scrub(item)).sum::<usize>(),
        _ => 8,
    }
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
    }
}

/// A tool that answers from its arguments and the context at once.
pub struct Plain {
    spec: ToolSpec,
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
        Arc::new(Self { spec, answer })
    }
}

impl Tool for Plain {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        async move { (self.answer)(cx, arguments).unwrap_or_else(|failure| failure) }.boxed()
    }
}

#[cfg(test)]
mod tests;
