//! A server of a test's own by rmcp, in one era or both, that counts what it is asked.

use super::serving;
use axum::Router;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, ContentBlock, CreateTaskResult,
        CustomNotification, DetailedTask, DiscoverResult, ElicitRequest, ElicitRequestParams, GetTaskParams,
        GetTaskResult, Implementation, InputRequest, InputRequests, InputRequiredResult, InputResponses,
        ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProtocolVersion, ReadResourceRequestParams,
        ReadResourceResponse, ServerCapabilities, ServerConfig, ServerNotification, ServerRequest, SubscriptionFilter,
        Task, TaskPayload, TaskStatus, Tool, ToolAnnotations,
    },
    service::{RequestContext, SubscriptionContext},
};
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// What the server counts and does.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) lists: AtomicUsize,
    pub(super) begun: AtomicUsize,
    pub(super) cancelled: AtomicUsize,
    pub(super) polls: AtomicUsize,
    pub(super) beats: AtomicUsize,
    /// Milliseconds that its list counts; 0: an hour.
    pub(super) ttl: AtomicU64,
    /// What it calls its version; 0 is the first.
    pub(super) version: AtomicUsize,
    pub(super) more: Mutex<Vec<String>>,
    /// What it says of «echo», if that is something else than at first.
    pub(super) says: Mutex<Option<String>>,
    pub(super) changed: Notify,
}

/// The server.
#[derive(Clone, Debug)]
pub(super) struct Fixture {
    pub(super) state: Arc<State>,
    legacy: bool,
}

const TOOLS: [&str; 8] = ["echo", "whoami", "big", "slow", "steps", "fail", "ask", "task"];

impl Fixture {
    pub(super) fn new(legacy: bool) -> Self {
        Self { state: Arc::default(), legacy }
    }

    /// Serves on a free port; its address.
    pub(super) async fn serve(&self) -> String {
        serving::serve(self.clone()).await
    }

    /// Its routes, for a server that has more.
    pub(super) fn routes(&self) -> Router {
        serving::routes(self.clone())
    }
}

/// What a tool asks: a name, an errand at an address, or one at an address that nobody should open.
fn question(tool: &str) -> ElicitRequestParams {
    let errand = |url| json!({"mode": "url", "message": "Do it there.", "url": url, "elicitationId": "e-1"});
    let asked = match tool {
        "errand" => errand("https://example.org/do?it=1"),
        "lure" => errand("javascript:alert(1)"),
        _ => json!({"mode": "form", "message": "What is your name?", "requestedSchema": {
            "type": "object", "properties": {"name": {"type": "string", "title": "Your name"}}, "required": ["name"],
        }}),
    };
    serde_json::from_value(asked).unwrap()
}

impl Fixture {
    /// Asks what the tool of that name asks, and tells the answer.
    async fn asks(
        &self,
        tool: &str,
        given: Option<InputResponses>,
        cx: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let asked = ElicitRequest::new(question(tool));
        if self.legacy {
            let news =
                CustomNotification::new("notifications/elicitation/complete", Some(json!({"elicitationId": "e-1"})));
            let done = async {
                if tool == "errand" {
                    cx.peer.send_notification(ServerNotification::CustomNotification(news)).await.unwrap();
                }
            };
            let (answer, ()) = tokio::join!(cx.peer.send_request(ServerRequest::ElicitRequest(asked)), done);
            let answer = serde_json::to_value(answer.unwrap()).unwrap();
            return text(format!("{} {}", answer["action"].as_str().unwrap(), answer["content"]));
        }
        if let Some(answer) = given.and_then(|mut given| given.remove("q")) {
            return text(format!("{} {}", answer["action"].as_str().unwrap(), answer["content"]));
        }
        let requests = InputRequests::from([("q".to_owned(), InputRequest::Elicitation(asked))]);
        Ok(InputRequiredResult::from_input_requests(requests).into())
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the end of a call")]
fn text(text: impl Into<String>) -> Result<CallToolResponse, ErrorData> {
    Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
}

async fn tell(cx: &RequestContext<RoleServer>, done: f64, total: Option<f64>) {
    let mut news = ProgressNotificationParam::new(cx.meta.get_progress_token().unwrap(), done);
    news.total = total;
    news.message = Some(format!("step {done}"));
    cx.peer.notify_progress(news).await.unwrap();
}

impl ServerHandler for Fixture {
    fn get_info(&self) -> ServerConfig {
        let version = format!("1.2.{}", 3 + self.state.version.load(Ordering::SeqCst));
        let has = ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_tasks().build();
        ServerConfig::new(has).with_server_info(Implementation::new("fixture", version))
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        serving::revisions(self.legacy)
    }

    async fn ping(&self, _cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.state.beats.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn discover(&self, _cx: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        self.state.beats.fetch_add(1, Ordering::SeqCst);
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.state.lists.fetch_add(1, Ordering::SeqCst);
        let more = self.state.more.lock().unwrap().clone();
        let names = TOOLS.iter().map(|name| (*name).to_owned()).chain(more);
        let tools = names.map(|name| {
            let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
            let says = self.state.says.lock().unwrap().clone().filter(|_| name == "echo");
            let says = says.unwrap_or_else(|| format!("Does {name}."));
            let mut tool = Tool::new(name.clone(), says, schema.as_object().unwrap().clone());
            tool.meta = super::apps::meta(&name);
            tool.annotations = Some(ToolAnnotations::new().read_only(name == "echo").open_world(false));
            tool
        });
        if self.legacy {
            let (state, peer) = (Arc::clone(&self.state), cx.peer.clone());
            #[expect(clippy::disallowed_methods, reason = "a test's own task")]
            tokio::spawn(async move {
                state.changed.notified().await;
                peer.notify_tool_list_changed().await.unwrap();
            });
        }
        let ttl = match self.state.ttl.load(Ordering::SeqCst) {
            0 => 3_600_000,
            ttl => ttl,
        };
        Ok(ListToolsResult::with_all_items(tools.collect()).with_ttl_ms(ttl))
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, cx: SubscriptionContext) -> Result<(), ErrorData> {
        let sink = cx.sink().clone();
        loop {
            tokio::select! {
                () = cx.cancelled() => return Ok(()),
                () = self.state.changed.notified() => sink.notify_tool_list_changed().await.unwrap(),
            }
        }
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.state.begun.fetch_add(1, Ordering::SeqCst);
        let arguments = Value::Object(call.arguments.unwrap_or_default());
        match &*call.name {
            "echo" => text(arguments["text"].as_str().unwrap_or("nothing")),
            "whoami" => {
                let parts = cx.extensions.get::<http::request::Parts>();
                text(parts.and_then(|parts| parts.headers.get("x-key")?.to_str().ok()).unwrap_or("nobody"))
            }
            "big" => text("x".repeat(1024 * 1024)),
            "fail" => Ok(CallToolResult::error(vec![ContentBlock::text("it\0 broke")]).into()),
            "steps" => {
                for step in 1..=10 {
                    tell(&cx, f64::from(step), Some(10.0)).await;
                    tokio::time::sleep(Duration::from_millis(150)).await;
                }
                text("ten steps")
            }
            "slow" => {
                tell(&cx, 1.0, None).await;
                cx.ct.cancelled().await;
                self.state.cancelled.fetch_add(1, Ordering::SeqCst);
                Err(ErrorData::internal_error("cancelled", None))
            }
            "ask" | "errand" | "lure" => self.asks(&call.name, call.input_responses, &cx).await,
            "declared" => text(json!(cx.client_capabilities().unwrap_or_default().extensions).to_string()),
            "task" => Ok(CreateTaskResult::new(task("at it", TaskStatus::Working)).into()),
            other => text(format!("{other} was called")),
        }
    }

    async fn read_resource(
        &self,
        asked: ReadResourceRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let found = super::apps::read(&asked.uri);
        found.map(Into::into).ok_or_else(|| ErrorData::resource_not_found("there is no such resource", None))
    }

    async fn get_task(
        &self,
        asked: GetTaskParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        assert_eq!(asked.task_id, "t-1");
        let polls = self.state.polls.fetch_add(1, Ordering::SeqCst);
        let payload = if polls == 0 {
            TaskPayload::Working
        } else {
            let result = json!({"content": [{"type": "text", "text": "the task is done"}]});
            TaskPayload::Completed { result: result.as_object().unwrap().clone() }
        };
        Ok(GetTaskResult::new(DetailedTask::new(task("nearly there", TaskStatus::Working), payload)))
    }

    async fn cancel_task(&self, _asked: CancelTaskParams, _cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.state.cancelled.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn task(message: &str, status: TaskStatus) -> Task {
    let now = "2026-11-25T00:00:00Z";
    Task::new("t-1", status, now, now).with_status_message(message).with_poll_interval_ms(100)
}
