//! [`Watched`]: the server with somebody who writes down each request: which client, method and tool, for whom, how it
//! ended and when. One line in the log, one count in the metrics, one word to a client that asked for a log.
//!
//! Invariant: what a client calls itself is its own text, so it is shortened and bare of control characters; arguments
//! and results are never written. A request whose answer nobody waits for any more is written too.
//!
//! The work is boxed: rmcp gives each request a task of its own and moves it there whole, more than once, and the largest
//! handler's kilobytes would be every request's.

#![expect(deprecated, reason = "older clients still use what newer revisions of the protocol took away")]

use super::{McpServer, log::Ear, setup::Offer};
use crate::backend::{
    caller::{Caller, Via},
    metrics,
};
use futures::{FutureExt, future::BoxFuture};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams, CompleteResult,
        DiscoverResult, GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult, Implementation,
        InitializeRequestParams, InitializeResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
        ListToolsResult, LoggingLevel, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
        ServerConfig, SetLevelRequestParams, SubscribeRequestParams, SubscriptionFilter, Tool,
        UnsubscribeRequestParams, UpdateTaskParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde_json::json;
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Level;

/// Characters of what a client calls itself that are written.
const CLIENT_MAX: usize = 60;

/// A server whose requests are written down.
#[derive(Clone, Debug)]
pub struct Watched(pub McpServer);

/// Whether a request has got as far as being written down here; clones of it are about the same request.
#[derive(Clone, Debug, Default)]
pub struct Written(Arc<AtomicBool>);

impl Written {
    /// Whether it has.
    pub fn is_so(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A request on its way; written when it ends, or when nobody waits for it any more. What the end needs of the request is
/// kept here: a copy of all of it would be one of its headers too.
struct Entry {
    /// Cancelled when the client calls it off.
    called_off: CancellationToken,
    /// Whoever asked, if it is to be told.
    ear: Ear,
    method: &'static str,
    tool: Option<String>,
    /// As it said it.
    client: Option<Implementation>,
    caller: Option<Caller>,
    offer: Arc<Offer>,
    begun: Instant,
    outcome: Option<&'static str>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or("cancelled");
        let elapsed = self.begun.elapsed();
        metrics::mcp_request(self.method, outcome, elapsed);
        // Its texts are made for whoever reads them only.
        if !tracing::enabled!(Level::INFO) {
            return;
        }
        let token = match self.caller.as_ref().map(|caller| caller.via) {
            Some(Via::Token(id, _)) => id.to_string(),
            _ => String::new(),
        };
        let user = self.caller.as_ref().map(|caller| caller.user.to_string()).unwrap_or_default();
        let client = shown(self.client.take());
        let (method, endpoint) = (self.method, &*self.offer.path);
        let tool = self.tool.as_deref().unwrap_or_default();
        let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(client, method, tool, endpoint, user, token, outcome, duration_ms, "mcp");
    }
}

/// What an error is counted as.
fn kind(error: &ErrorData) -> &'static str {
    match error.code.0 {
        -32603 => "fault",
        _ => "refused",
    }
}

impl Entry {
    /// Keeps how the request ended; one that answered, as `ending` has it.
    fn ends<T>(&mut self, result: &Result<T, ErrorData>, ending: impl FnOnce(&T) -> &'static str) -> &'static str {
        let outcome = match result {
            // Called off: that it has no answer is nobody's fault.
            Err(_) if self.called_off.is_cancelled() => "cancelled",
            result => result.as_ref().map_or_else(kind, ending),
        };
        self.outcome = Some(outcome);
        outcome
    }

    /// Waits for an answer and writes it down.
    async fn watch<T>(mut self, work: BoxFuture<'_, Result<T, ErrorData>>) -> Result<T, ErrorData> {
        let result = answer(work).await;
        self.ends(&result, |_| "ok");
        result
    }
}

/// The answer. A request must have one whatever breaks: while it has none, its session does not end.
async fn answer<T>(work: BoxFuture<'_, Result<T, ErrorData>>) -> Result<T, ErrorData> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a request of a program panicked");
        Err(ErrorData::internal_error("Something went wrong on our side.", None))
    })
}

/// How a call ended.
fn ending(response: &CallToolResponse) -> &'static str {
    match response {
        CallToolResponse::Complete(result) if result.is_error == Some(true) => "tool_error",
        CallToolResponse::Complete(_) => "ok",
        CallToolResponse::InputRequired(_) => "input_required",
        _ => "task",
    }
}

fn shown(client: Option<Implementation>) -> String {
    client.map(|client| client_shown(&client.name, &client.version)).unwrap_or_default()
}

/// What a client calls itself, as it is written.
pub fn client_shown(name: &str, version: &str) -> String {
    let text = format!("{name} {version}");
    text.chars().filter(|c| !c.is_control()).take(CLIENT_MAX).collect()
}

impl Watched {
    fn entry(&self, method: &'static str, tool: Option<&str>, cx: &RequestContext<RoleServer>) -> Entry {
        let parts = cx.extensions.get::<::http::request::Parts>();
        if let Some(written) = parts.and_then(|parts| parts.extensions.get::<Written>()) {
            written.0.store(true, Ordering::Release);
        }
        Entry {
            called_off: cx.ct.clone(),
            ear: Ear::of(cx),
            method,
            // A name no tool has is the client's text.
            tool: tool.filter(|name| self.0.tools().spec(name).is_some()).map(str::to_owned),
            client: cx.meta.client_info().or_else(|| self.0.session.client()),
            caller: self.0.caller(cx).ok(),
            offer: Arc::clone(&self.0.offer),
            begun: Instant::now(),
            outcome: None,
        }
    }

    /// [`Entry::watch`], and a word to the client about it.
    async fn watch_aloud<T>(
        &self,
        mut entry: Entry,
        work: BoxFuture<'_, Result<T, ErrorData>>,
        ending: impl Fn(&T) -> &'static str,
    ) -> Result<T, ErrorData> {
        let result = answer(work).await;
        let outcome = entry.ends(&result, ending);
        let level = match outcome {
            "fault" => LoggingLevel::Error,
            "refused" | "tool_error" => LoggingLevel::Warning,
            _ => LoggingLevel::Info,
        };
        let told = || {
            let mut data = json!({
                "method": entry.method, "outcome": outcome,
                "duration_ms": u64::try_from(entry.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            });
            if let Some(tool) = &entry.tool {
                data["tool"] = json!(tool);
            }
            data
        };
        self.0.tell(&entry.ear, level, told).await;
        result
    }
}

impl ServerHandler for Watched {
    fn get_info(&self) -> ServerConfig {
        self.0.get_info()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.0.get_tool(name)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.0.accepted_subscription_filter(requested)
    }

    async fn initialize(
        &self,
        asked: InitializeRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut entry = self.entry("initialize", None, &cx);
        // It says its name now.
        entry.client = Some(asked.client_info.clone());
        entry.watch(self.0.initialize(asked, cx).boxed()).await
    }

    async fn on_initialized(&self, cx: NotificationContext<RoleServer>) {
        self.0.on_initialized(cx).await;
    }

    async fn discover(&self, cx: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        self.entry("server/discover", None, &cx).watch(self.0.discover(cx).boxed()).await
    }

    async fn ping(&self, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.entry("ping", None, &cx).watch(self.0.ping(cx).boxed()).await
    }

    async fn set_level(&self, asked: SetLevelRequestParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.entry("logging/setLevel", None, &cx).watch(self.0.set_level(asked, cx).boxed()).await
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.entry("tools/list", None, &cx).watch(self.0.list_tools(page, cx).boxed()).await
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let entry = self.entry("tools/call", Some(&call.name), &cx);
        self.watch_aloud(entry, self.0.call_tool(call, cx).boxed(), ending).await
    }

    async fn get_task(&self, task: GetTaskParams, cx: RequestContext<RoleServer>) -> Result<GetTaskResult, ErrorData> {
        self.entry("tasks/get", None, &cx).watch(self.0.get_task(task, cx).boxed()).await
    }

    async fn update_task(&self, task: UpdateTaskParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.entry("tasks/update", None, &cx).watch(self.0.update_task(task, cx).boxed()).await
    }

    async fn cancel_task(&self, task: CancelTaskParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.entry("tasks/cancel", None, &cx).watch(self.0.cancel_task(task, cx).boxed()).await
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.entry("resources/list", None, &cx).watch(self.0.list_resources(page, cx).boxed()).await
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.entry("resources/templates/list", None, &cx).watch(self.0.list_resource_templates(page, cx).boxed()).await
    }

    async fn read_resource(
        &self,
        asked: ReadResourceRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.watch_aloud(self.entry("resources/read", None, &cx), self.0.read_resource(asked, cx).boxed(), |_| "ok")
            .await
    }

    async fn subscribe(&self, asked: SubscribeRequestParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.entry("resources/subscribe", None, &cx).watch(self.0.subscribe(asked, cx).boxed()).await
    }

    async fn unsubscribe(
        &self,
        asked: UnsubscribeRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.entry("resources/unsubscribe", None, &cx).watch(self.0.unsubscribe(asked, cx).boxed()).await
    }

    async fn listen(&self, cx: SubscriptionContext) -> Result<(), ErrorData> {
        let entry = self.entry("subscriptions/listen", None, cx.request_context());
        entry.watch(self.0.listen(cx).boxed()).await
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.entry("prompts/list", None, &cx).watch(self.0.list_prompts(page, cx).boxed()).await
    }

    async fn get_prompt(
        &self,
        asked: GetPromptRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.watch_aloud(self.entry("prompts/get", None, &cx), self.0.get_prompt(asked, cx).boxed(), |_| "ok").await
    }

    async fn complete(
        &self,
        asked: CompleteRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.entry("completion/complete", None, &cx).watch(self.0.complete(asked, cx).boxed()).await
    }
}
