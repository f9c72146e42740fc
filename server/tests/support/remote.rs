//! An MCP server of a test's own, by rmcp over streamable HTTP: it can be held up, it works at tasks, and it counts. And
//! how any such server is served.

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, ContentBlock, CreateTaskResult,
        DetailedTask, ElicitRequest, GetTaskParams, GetTaskResult, Implementation, InputRequest, InputRequests,
        ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Task, TaskPayload, TaskStatus, Tool,
        ToolAnnotations, UpdateTaskParams,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{net::TcpListener, sync::watch};

/// What it counts, and what a test tells it.
#[derive(Debug)]
struct Inside {
    asked: AtomicUsize,
    begun: AtomicUsize,
    polls: AtomicUsize,
    cancelled: AtomicUsize,
    done: AtomicBool,
    away: AtomicBool,
    asks: AtomicBool,
    answers: Mutex<Vec<Value>>,
    open: watch::Sender<bool>,
}

/// The server.
#[derive(Clone, Debug)]
pub struct Remote {
    inside: Arc<Inside>,
    /// Where it is.
    pub url: String,
}

impl Remote {
    /// One that answers.
    pub async fn start() -> Self {
        Self::begin(true).await
    }

    /// One that takes requests and answers none until [`Remote::open`].
    pub async fn held() -> Self {
        Self::begin(false).await
    }

    async fn begin(open: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let inside = Arc::new(Inside {
            asked: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            polls: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
            done: AtomicBool::new(false),
            away: AtomicBool::new(false),
            asks: AtomicBool::new(false),
            answers: Mutex::default(),
            open: watch::Sender::new(open),
        });
        let remote = Self { inside, url };
        listen(listener, routes(remote.clone()).layer(from_fn_with_state(Arc::clone(&remote.inside), hold)));
        remote
    }

    /// Lets it answer.
    pub fn open(&self) {
        self.inside.open.send_replace(true);
    }

    /// It has trouble of its own, or has none any more.
    pub fn is_away(&self, away: bool) {
        self.inside.away.store(away, Ordering::SeqCst);
    }

    /// Its task asks for a name before it goes on.
    pub fn asks(&self) {
        self.inside.asks.store(true, Ordering::SeqCst);
    }

    /// What it was answered.
    pub fn answers(&self) -> Vec<Value> {
        self.inside.answers.lock().unwrap().clone()
    }

    /// Its task comes to its end.
    pub fn finish(&self) {
        self.inside.done.store(true, Ordering::SeqCst);
    }

    /// Requests of any kind that reached it.
    pub fn asked(&self) -> usize {
        self.inside.asked.load(Ordering::SeqCst)
    }

    /// Calls that reached it.
    pub fn begun(&self) -> usize {
        self.inside.begun.load(Ordering::SeqCst)
    }

    /// Looks at its task.
    pub fn polls(&self) -> usize {
        self.inside.polls.load(Ordering::SeqCst)
    }

    /// Tasks that were called off.
    pub fn cancelled(&self) -> usize {
        self.inside.cancelled.load(Ordering::SeqCst)
    }
}

/// A server at `/mcp`.
fn routes(server: impl ServerHandler + Clone) -> Router {
    let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
    let sessions = Arc::<LocalSessionManager>::default();
    Router::new().nest_service("/mcp", StreamableHttpService::new(move || Ok(server.clone()), sessions, config))
}

#[expect(clippy::disallowed_methods, reason = "a test's own task")]
fn listen(listener: TcpListener, routes: Router) {
    tokio::spawn(async move { axum::serve(listener, routes).await });
}

/// Serves a server on a free port; its address.
pub async fn serve(server: impl ServerHandler + Clone) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    listen(listener, routes(server));
    url
}

/// Waits until it is so.
pub async fn until(so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(super::socket::PATIENCE, wait).await.expect("it never comes so far");
}

async fn hold(State(inside): State<Arc<Inside>>, request: Request, next: Next) -> Response {
    inside.asked.fetch_add(1, Ordering::SeqCst);
    let mut opened = inside.open.subscribe();
    opened.wait_for(|open| *open).await.unwrap();
    if inside.away.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    next.run(request).await
}

fn task(note: &str, status: TaskStatus) -> Task {
    let now = "2026-11-25T00:00:00Z";
    Task::new("task-of-the-test", status, now, now).with_status_message(note).with_poll_interval_ms(100)
}

impl ServerHandler for Remote {
    fn get_info(&self) -> ServerConfig {
        let has = ServerCapabilities::builder().enable_tools().enable_tasks().build();
        ServerConfig::new(has).with_server_info(Implementation::new("remote", "1.0.0"))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({"type": "object", "properties": {"text": {"type": "string"}}});
        let tools = ["echo", "work"].map(|name| {
            let mut tool = Tool::new(name, format!("Does {name}."), schema.as_object().unwrap().clone());
            tool.annotations = Some(ToolAnnotations::new().read_only(true).open_world(false));
            tool
        });
        Ok(ListToolsResult::with_all_items(tools.into()).with_ttl_ms(3_600_000))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.inside.begun.fetch_add(1, Ordering::SeqCst);
        if call.name == "work" {
            return Ok(CreateTaskResult::new(task("begun", TaskStatus::Working)).into());
        }
        let arguments = Value::Object(call.arguments.unwrap_or_default());
        let text = arguments["text"].as_str().unwrap_or("nothing");
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }

    async fn get_task(
        &self,
        asked: GetTaskParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        if asked.task_id != "task-of-the-test" {
            return Err(ErrorData::invalid_params("no such task", None));
        }
        self.inside.polls.fetch_add(1, Ordering::SeqCst);
        let payload = if self.inside.asks.load(Ordering::SeqCst) && self.answers().is_empty() {
            let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
            let asked = json!({"mode": "form", "message": "What is your name?", "requestedSchema": schema});
            let asked = ElicitRequest::new(serde_json::from_value(asked).unwrap());
            let input_requests = InputRequests::from([("name".to_owned(), InputRequest::Elicitation(asked))]);
            TaskPayload::InputRequired { input_requests }
        } else if self.inside.done.load(Ordering::SeqCst) {
            let result = json!({"content": [{"type": "text", "text": "the work is done"}]});
            TaskPayload::Completed { result: result.as_object().unwrap().clone() }
        } else {
            TaskPayload::Working
        };
        Ok(GetTaskResult::new(DetailedTask::new(task("at it", TaskStatus::Working), payload)))
    }

    async fn update_task(&self, answer: UpdateTaskParams, _cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.inside.answers.lock().unwrap().push(answer.input_responses["name"].clone());
        Ok(())
    }

    async fn cancel_task(&self, _asked: CancelTaskParams, _cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.inside.cancelled.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}
