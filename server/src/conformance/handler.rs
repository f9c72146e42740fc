//! [`Fixtures`]: our server with what the suite's fixtures need besides. Whatever is not here is [`McpServer`]'s.
#![expect(deprecated, reason = "the suite tests what the protocol still has")]

use super::{content, prompts, resources, rounds, tools::ONLY_AS_TASKS};
use app::backend::{
    hub::{Change, Hub},
    tools::{
        policy::digest,
        serve::{McpServer, sessions::Sessions, tasks::Work},
    },
};
use axum::http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, ClientCapabilities,
        CompleteRequestParams, CompleteResult, ContentBlock, CreateMessageRequestParams, GetPromptRequestParams,
        GetPromptResponse, GetTaskParams, GetTaskResult, InitializeRequestParams, InitializeResult, JsonObject,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, LoggingLevel,
        LoggingMessageNotificationParam, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
        SamplingMessage, ServerCapabilities, ServerConfig, SetLevelRequestParams, SubscribeRequestParams,
        SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext, SubscriptionSink},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, time::sleep};

/// Streams that hear of changes of the list of tools, by their number: ours never changes, so nothing of ours tells them.
#[derive(Default)]
struct Streams {
    next: u64,
    open: HashMap<u64, SubscriptionSink>,
}

/// Our server with the suite's fixtures.
#[derive(Clone)]
pub(super) struct Fixtures {
    inner: McpServer,
    sessions: Arc<Sessions>,
    streams: Arc<Mutex<Streams>>,
    hub: Hub,
}

impl Fixtures {
    pub(super) fn around(inner: McpServer, sessions: Arc<Sessions>, hub: Hub) -> Self {
        Self { inner, sessions, streams: Arc::default(), hub }
    }

    /// Ends the request's stream before its answer, which the client then fetches by another (SEP-1699).
    async fn end_stream(&self, cx: &RequestContext<RoleServer>) {
        let parts = cx.extensions.get::<Parts>();
        let session = parts.and_then(|parts| parts.headers.get("mcp-session-id")?.to_str().ok());
        let Some(session) = session else { return };
        let Some(session) = self.sessions.alive().sessions.read().await.get(session).cloned() else { return };
        // A session numbers its streams, and tells no handler which is its own; a fresh session's is among the first.
        for stream in 0..8 {
            let _none_of_that_number = session.close_sse_stream(stream, Some(Duration::from_millis(100))).await;
        }
    }

    /// The same with a memory of its own: for one more client.
    pub(super) fn fresh(&self) -> Self {
        Self { inner: self.inner.fresh(), ..self.clone() }
    }

    fn sinks(&self) -> Vec<SubscriptionSink> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).open.values().cloned().collect()
    }

    /// A call that ends in an error of the protocol: none of our tools has such an end.
    async fn protocol_error(&self, cx: &RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let error = ErrorData::internal_error("protocol_error_job: intentional failure", None);
        if !knows_tasks(cx) {
            return Err(error);
        }
        let (_tell, told) = mpsc::channel(1);
        let result = Box::pin(async move {
            sleep(Duration::from_millis(100)).await;
            Err(error)
        });
        let work = Work { shows: false, told, result };
        let by = self.inner.caller(cx)?.user;
        let digest = digest(&json!({}));
        Ok(self.inner.calls().long.begin(by, "protocol_error_job", &digest, None, work).await?.into())
    }
}

fn knows_tasks(cx: &RequestContext<RoleServer>) -> bool {
    cx.client_capabilities().is_some_and(|can| can.supports_tasks())
}

/// The tools that our registry does not have: their content, their schemas or what they send is beyond our tools.
fn extra(name: &str) -> Option<Tool> {
    EXTRA.contains(&name).then(|| {
        let schema = match name {
            "test_custom_header" => json!({
                "type": "object", "required": ["value"],
                "properties": { "value": { "type": "string", "description": "Echoed.", "x-mcp-header": "Value" } },
            }),
            "test_sampling" => json!({
                "type": "object", "required": ["prompt"],
                "properties": { "prompt": { "type": "string", "description": "What to say." } },
            }),
            "json_schema_2020_12_tool" => schema_2020_12(),
            _ => json!({ "type": "object", "properties": {} }),
        };
        let schema: JsonObject = schema.as_object().cloned().unwrap_or_default();
        let description = format!("A fixture of the conformance suite: {}.", name.replace('_', " "));
        Tool::new(name.to_owned(), description, schema)
    })
}

const EXTRA: [&str; 18] = [
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_logging_tool",
    "test_sampling",
    "json_schema_2020_12_tool",
    "test_reconnection",
    "test_custom_header",
    "test_missing_capability",
    "test_trigger_tool_change",
    "test_trigger_prompt_change",
    "protocol_error_job",
    rounds::TOOLS[0],
    rounds::TOOLS[1],
    rounds::TOOLS[2],
    rounds::TOOLS[3],
];

/// What a schema may hold besides what our own tools' do (SEP-1613, SEP-2106).
fn schema_2020_12() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": { "address": {
            "$anchor": "addressDef", "type": "object",
            "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
        }},
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" },
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": { "properties": { "contactMethod": { "const": "phone" } }, "required": ["contactMethod"] },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false,
    })
}

fn text(words: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(words)])
}

async fn log(cx: &RequestContext<RoleServer>, level: LoggingLevel, words: &str) {
    let message = LoggingMessageNotificationParam::new(level, json!(words)).with_logger("conformance");
    let _gone = cx.peer.notify_logging_message(message).await;
}

async fn sample(call: &CallToolRequestParams, cx: &RequestContext<RoleServer>) -> CallToolResult {
    let prompt = call.arguments.as_ref().and_then(|given| given.get("prompt")?.as_str()).unwrap_or_default();
    let params = CreateMessageRequestParams::new(vec![SamplingMessage::user_text(prompt)], 100);
    match cx.peer.create_message(params).await {
        Ok(reply) => text(format!("LLM response: {:?}", reply.message)),
        Err(error) => CallToolResult::error(vec![ContentBlock::text(error.to_string())]),
    }
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let mut info = self.inner.get_info();
        let mut all = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_resources_list_changed()
            .enable_completions()
            .enable_logging()
            .build();
        all.extensions = info.capabilities.extensions.take();
        info.capabilities = all;
        info
    }

    async fn initialize(
        &self,
        asked: InitializeRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let mut result = self.inner.initialize(asked, cx).await?;
        result.capabilities = self.get_info().capabilities;
        Ok(result)
    }

    async fn on_initialized(&self, cx: NotificationContext<RoleServer>) {
        self.inner.on_initialized(cx).await;
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut list = self.inner.list_tools(page, cx).await?;
        list.tools.extend(EXTRA.into_iter().filter_map(extra));
        Ok(list)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        extra(name).or_else(|| self.inner.get_tool(name))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let result = match &*call.name {
            "test_image_content" => content::image(),
            "test_audio_content" => content::audio(),
            "test_embedded_resource" => content::embedded(),
            "test_multiple_content_types" => content::mixed(),
            "test_tool_with_logging" => {
                for words in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
                    log(&cx, LoggingLevel::Info, words).await;
                    sleep(Duration::from_millis(50)).await;
                }
                text("Logging test completed")
            }
            "test_logging_tool" => {
                if let Some(level) = cx.meta.log_level() {
                    log(&cx, level, "A log level was asked for.").await;
                }
                text("Logging tool completed")
            }
            "test_sampling" => sample(&call, &cx).await,
            "json_schema_2020_12_tool" => text("It fits."),
            "test_custom_header" => {
                let value = call.arguments.as_ref().and_then(|given| given.get("value")?.as_str());
                text(value.ok_or_else(|| ErrorData::invalid_params("value must be a string", None))?)
            }
            "test_reconnection" => {
                self.end_stream(&cx).await;
                sleep(Duration::from_millis(200)).await;
                text("Reconnection test completed")
            }
            "test_missing_capability" => {
                if cx.client_capabilities().is_none_or(|can| can.sampling.is_none()) {
                    let needed = ClientCapabilities::builder().enable_sampling().build();
                    return Err(ErrorData::missing_required_client_capability(needed));
                }
                text("The capability is there.")
            }
            "test_trigger_tool_change" => {
                for sink in self.sinks() {
                    let _not_for_it = sink.notify_tool_list_changed().await;
                }
                text("The list of tools changed.")
            }
            "test_trigger_prompt_change" => {
                self.hub.changed(Change::Prompts(self.inner.caller(&cx)?.user));
                text("The list of prompts changed.")
            }
            "protocol_error_job" => return self.protocol_error(&cx).await,
            name if rounds::TOOLS.contains(&name) => return rounds::call(&self.inner, call, &cx).await,
            name if ONLY_AS_TASKS.contains(&name) && !knows_tasks(&cx) => {
                let needed = ClientCapabilities::builder().enable_tasks().build();
                return Err(ErrorData::missing_required_client_capability(needed));
            }
            _ => return self.inner.call_tool(call, cx).await,
        };
        Ok(result.into())
    }

    async fn get_task(&self, task: GetTaskParams, cx: RequestContext<RoleServer>) -> Result<GetTaskResult, ErrorData> {
        self.inner.get_task(task, cx).await
    }

    async fn update_task(&self, task: UpdateTaskParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.inner.update_task(task, cx).await
    }

    async fn cancel_task(&self, task: CancelTaskParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.inner.cancel_task(task, cx).await
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.inner.list_resources(page, cx).await.map(resources::listed)
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.inner.list_resource_templates(page, cx).await.map(resources::templates)
    }

    async fn read_resource(
        &self,
        mut asked: ReadResourceRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        if let Some(picture) = resources::picture(&asked.uri) {
            return Ok(picture.into());
        }
        asked.uri = resources::ours(&asked.uri);
        self.inner.read_resource(asked, cx).await.map(resources::read).map_err(resources::failed)
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.inner.list_prompts(page, cx).await.map(prompts::listed)
    }

    async fn get_prompt(
        &self,
        asked: GetPromptRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        if asked.name == prompts::ASKING {
            return rounds::prompt(&self.inner, asked, &cx).await;
        }
        match prompts::get(&asked) {
            Some(prompt) => Ok(prompt.into()),
            None => self.inner.get_prompt(asked, cx).await,
        }
    }

    async fn complete(
        &self,
        asked: CompleteRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.inner.complete(asked, cx).await
    }

    async fn set_level(&self, level: SetLevelRequestParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.inner.set_level(level, cx).await
    }

    async fn subscribe(
        &self,
        mut asked: SubscribeRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        asked.uri = resources::ours(&asked.uri);
        self.inner.subscribe(asked, cx).await.map_err(resources::failed)
    }

    async fn unsubscribe(
        &self,
        mut asked: UnsubscribeRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        asked.uri = resources::ours(&asked.uri);
        self.inner.unsubscribe(asked, cx).await
    }

    fn accepted_subscription_filter(&self, asked: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut as_ours = asked.clone();
        as_ours.resource_subscriptions =
            asked.resource_subscriptions.as_ref().map(|uris| uris.iter().map(|uri| resources::ours(uri)).collect());
        let mut accepted = self.inner.accepted_subscription_filter(&as_ours)?;
        // What is of ours there, in the suite's words.
        let known = accepted.resource_subscriptions.take().unwrap_or_default();
        let kept = asked.resource_subscriptions.iter().flatten().filter(|uri| known.contains(&resources::ours(uri)));
        accepted.resource_subscriptions = Some(kept.cloned().collect());
        accepted.tools_list_changed = Some(true);
        Some(accepted)
    }

    async fn listen(&self, stream: SubscriptionContext) -> Result<(), ErrorData> {
        let number = {
            let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
            streams.next += 1;
            let number = streams.next;
            streams.open.insert(number, stream.sink().clone());
            number
        };
        let ended = self.inner.listen(stream).await;
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&number);
        ended
    }
}
