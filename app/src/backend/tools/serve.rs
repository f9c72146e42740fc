//! [`McpServer`]: the registry's tools for other programs, by the Model Context Protocol (revisions up to 2026-07-28;
//! rmcp negotiates: `initialize` for older clients, stateless requests for newer ones, on the same pipe).
//!
//! Invariant: it acts for one [`Caller`], with that person's rights and never more: at the pipe for the one it was
//! started for, over HTTP for whoever the gate found behind each request. What the person has denied for good stays
//! denied, and so does what the credential was not made for. What Parley's own bot would ask about runs: an MCP client is bound to show its user what it calls and
//! to let them refuse (specification, «Tools», user interaction), and here that user is the caller.
//! It tells progress, stops when the client cancels, and answers a failed call with words (`isError`), not with a
//! protocol error, so that the model reads them.

pub mod http;

use super::{
    ToolCx, ToolRegistry,
    policy::{self, Decision},
};
use crate::{
    backend::{caller::Caller, clock::Clock, store::Store},
    wire::{
        api_token::Scope,
        id::CallId,
        tool::{ToolCall, ToolOutcome, ToolSpec},
    },
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject,
        ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ServerCapabilities, ServerConfig,
        ToolAnnotations,
    },
    service::RequestContext,
};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How long a client may keep the list of tools, in milliseconds: it changes only with the program.
const LIST_TTL_MS: u64 = 60_000;
/// Signs of progress that may wait for a slow client; more are left out.
const PROGRESS: usize = 16;
/// What a client's model is told about this server.
const INSTRUCTIONS: &str = "Parley is its user's own AI chat. These tools read and search the user's conversations \
    there, and calculate, tell the time, rate the sentiment of a text and check websites.";

/// The tools of one person, for an MCP client.
#[derive(Clone, Debug)]
pub struct McpServer {
    tools: ToolRegistry,
    who: Who,
    store: Store,
    clock: Clock,
}

/// Whom it acts for.
#[derive(Clone, Debug)]
enum Who {
    /// Always this person.
    One(Caller),
    /// Whom the gate put beside the HTTP request.
    OfRequest,
}

/// Why a client's connection ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The client's first message was none of the protocol's, or the pipe broke.
    #[error("the client does not speak the Model Context Protocol: {0}")]
    Begin(String),
    /// The task that served it broke down.
    #[error("serving broke down: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl McpServer {
    /// A server that acts for `caller`.
    pub fn new(tools: ToolRegistry, caller: Caller, store: Store, clock: Clock) -> Self {
        Self { tools, who: Who::One(caller), store, clock }
    }

    fn caller(&self, cx: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        let found = match &self.who {
            Who::One(caller) => Some(caller),
            Who::OfRequest => {
                cx.extensions.get::<::http::request::Parts>().and_then(|parts| parts.extensions.get::<Caller>())
            }
        };
        found.cloned().ok_or_else(|| ErrorData::internal_error("Nobody stands behind this request.", None))
    }

    /// Serves the client at the other end of this process's standard input and output, until it closes them. Nothing
    /// else may write to standard output meanwhile.
    ///
    /// # Errors
    /// The client does not speak the protocol.
    pub async fn serve_stdio(self) -> Result<(), ServeError> {
        let serving = self.serve(rmcp::transport::stdio()).await.map_err(|e| ServeError::Begin(e.to_string()))?;
        serving.waiting().await?;
        Ok(())
    }

    /// Runs a call, unless the person has denied the tool for good.
    async fn run(
        &self,
        caller: Caller,
        spec: &ToolSpec,
        call: ToolCall,
        progress: mpsc::Sender<Progress>,
    ) -> ToolOutcome {
        let scope = scope_of(spec);
        if !caller.may(scope) {
            return ToolOutcome::error(format!("`{}` needs the scope `{}`.", spec.name, scope.name()));
        }
        if let Decision::Deny(why) = policy::decide(&self.store, &caller, spec, false).await {
            return ToolOutcome::error(why);
        }
        let cx = ToolCx {
            caller,
            conversation: None,
            store: self.store.clone(),
            clock: self.clock.clone(),
            progress: Arc::new(move |share, note| {
                let _left_out_if_full = progress.try_send((share, note));
            }),
        };
        self.tools.call(&cx, &call).await
    }
}

/// Share done from 0 to 1, and a note.
type Progress = (Option<f32>, Option<String>);

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        let name = Implementation::new("parley", env!("CARGO_PKG_VERSION")).with_title("Parley");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(name)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.tools.list(&self.caller(&cx)?).await.iter().map(advertise).collect();
        Ok(ListToolsResult::with_all_items(tools).with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private))
    }

    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        self.tools.spec(name).as_ref().map(advertise)
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        // The specification's own answer to a name that is not listed («Tools», error handling).
        let unknown = || ErrorData::invalid_params(format!("Unknown tool: {}", call.name), None);
        let spec = self.tools.spec(&call.name).ok_or_else(unknown)?;
        let caller = self.caller(&cx)?;
        let (tell, mut told) = mpsc::channel(PROGRESS);
        let arguments = Value::Object(call.arguments.unwrap_or_default());
        let call = ToolCall::new(CallId(cx.id.to_string()), &*call.name, arguments);
        let mut run = std::pin::pin!(self.run(caller, &spec, call, tell));
        let mut done = 0.0;
        loop {
            tokio::select! {
                () = cx.ct.cancelled() => return Err(ErrorData::internal_error("The call was cancelled.", None)),
                outcome = &mut run => return Ok(answer(outcome).into()),
                Some((share, note)) = told.recv() => {
                    // The specification wants every number greater than the one before.
                    let (Some(token), Some(share)) = (cx.meta.get_progress_token(), share.map(f64::from)) else { continue };
                    if share <= done {
                        continue;
                    }
                    done = share;
                    let mut news = ProgressNotificationParam::new(token, done).with_total(1.0);
                    news.message = note;
                    // A client that is gone cancels the call by itself.
                    let _gone = cx.peer.notify_progress(news).await;
                }
            }
        }
    }
}

/// What a credential must have been made for to call that tool.
pub fn scope_of(spec: &ToolSpec) -> Scope {
    match spec.annotations {
        hints if hints.open_world_hint => Scope::Run,
        hints if hints.read_only_hint => Scope::Read,
        _ => Scope::Write,
    }
}

/// A tool as the protocol describes it.
fn advertise(spec: &ToolSpec) -> rmcp::model::Tool {
    let hints = spec.annotations;
    let annotations = ToolAnnotations::from_raw(
        Some(spec.title.clone()),
        Some(hints.read_only_hint),
        Some(hints.destructive_hint),
        Some(hints.idempotent_hint),
        Some(hints.open_world_hint),
    );
    let mut tool = rmcp::model::Tool::new(spec.name.clone(), spec.description.clone(), object(&spec.input_schema));
    tool.title = Some(spec.title.clone());
    tool.output_schema = Some(Arc::new(object(&spec.output_schema)));
    tool.annotations = Some(annotations);
    tool
}

/// A schema; the registry admits objects only.
fn object(schema: &Value) -> JsonObject {
    schema.as_object().cloned().unwrap_or_default()
}

/// An outcome as the protocol says it: text always, structured content where the tool has it.
fn answer(outcome: ToolOutcome) -> CallToolResult {
    let content = vec![ContentBlock::text(outcome.text)];
    if outcome.is_error {
        return CallToolResult::error(content);
    }
    let mut result = CallToolResult::success(content);
    result.structured_content = outcome.structured;
    result
}
