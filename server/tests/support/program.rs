//! Programs that speak the Model Context Protocol to `/mcp`, in both eras, and answer what they are asked.

use super::{
    TestApp, TestUser,
    mcp::{LEGACY, MODERN},
};
use app::backend::{
    config::McpEndpoint,
    tools::{
        Tool, ToolRegistry,
        serve::{Setup, watched::Watched},
    },
};
use axum::{Router, middleware::from_fn_with_state};
use futures::StreamExt;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde_json::{Value, json};
use server::{middleware::peer, routes::mcp, state::AppState};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tokio::net::TcpListener;

/// A token of that person's for everything.
pub async fn token(app: &TestApp, name: &str) -> String {
    super::mcp::token(app, name, "read write run").await
}

/// Serves these tools at an address of their own, behind the same gate and with the same tasks as the app's `/mcp`.
pub async fn serve_tools(app: &TestApp, tools: Vec<Arc<dyn Tool>>) -> String {
    let backend = &app.backend;
    let programs = Setup { tools: ToolRegistry::of(vec![("test", tools)]).unwrap(), ..backend.programs.clone() };
    let server = programs.endpoint(&McpEndpoint::main()).unwrap();
    let state = AppState::new(Arc::clone(backend));
    let router = Router::new()
        .merge(mcp::serving(&state, &backend.mcp, backend.mcp.service_of(move || Watched(server.fresh()))))
        .layer(from_fn_with_state(state.clone(), peer::peer))
        .with_state(state);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    #[expect(clippy::disallowed_methods, reason = "a test's own task")]
    tokio::spawn(async move { axum::serve(listener, service).await });
    url
}

/// A client; of the older era if it has a session.
#[derive(Clone)]
pub struct Program {
    browser: TestUser,
    token: String,
    can: Value,
    session: Option<String>,
    next: Arc<AtomicI64>,
}

impl Program {
    /// One of the newer era, with these capabilities.
    pub fn modern(url: &str, token: &str, can: Value) -> Self {
        let (browser, token) = (TestUser::new(url), token.to_owned());
        Self { browser, token, can, session: None, next: Arc::new(AtomicI64::new(1)) }
    }

    /// One of the older era, with these capabilities.
    pub async fn legacy(url: &str, token: &str, can: Value) -> Self {
        let mut program = Self::modern(url, token, can);
        let me = json!({"name": "test", "version": "1"});
        let hello = json!({"protocolVersion": LEGACY, "capabilities": program.can, "clientInfo": me});
        let response = program.request().json(&message(0, "initialize", &hello)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        program.session = Some(response.headers()["mcp-session-id"].to_str().unwrap().to_owned());
        let answer = last(&response.text().await.unwrap());
        assert_eq!(answer["result"]["protocolVersion"], LEGACY, "{answer}");
        let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(program.request().json(&told).send().await.unwrap().status(), StatusCode::ACCEPTED);
        program
    }

    /// Both kinds, with the same capabilities.
    pub async fn both(url: &str, token: &str, can: Value) -> [Self; 2] {
        [Self::modern(url, token, can.clone()), Self::legacy(url, token, can).await]
    }

    fn request(&self) -> RequestBuilder {
        let request = self.browser.bare(Method::POST, "/mcp").bearer_auth(&self.token);
        let request = request.header(header::ACCEPT, "application/json, text/event-stream");
        match &self.session {
            Some(session) => request.header("mcp-session-id", session).header("mcp-protocol-version", LEGACY),
            None => request,
        }
    }

    async fn post(&self, id: i64, method: &str, mut params: Value) -> Response {
        let mut request = self.request();
        if self.session.is_none() {
            request = request.header("mcp-protocol-version", MODERN).header("mcp-method", method);
            if let Some(name) = params["name"].as_str().or(params["taskId"].as_str()) {
                request = request.header("mcp-name", name);
            }
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": self.can,
            });
        }
        request.json(&message(id, method, &params)).send().await.unwrap()
    }

    /// Asks and hears the answer.
    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        last(&self.post(id, method, params).await.text().await.unwrap())
    }

    /// Asks in a session, and answers each question of the server's with the next of `answers`; the questions' params
    /// and the answer.
    pub async fn ask_answering(&self, method: &str, params: Value, answers: &[Value]) -> (Vec<Value>, Value) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut stream = self.post(id, method, params).await.bytes_stream();
        let (mut heard, mut asked, mut answers) = (String::new(), Vec::new(), answers.iter());
        loop {
            heard.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
            while let Some((event, rest)) = heard.split_once("\n\n") {
                let data = event.lines().filter_map(|line| line.strip_prefix("data:")).collect::<String>();
                heard = rest.to_owned();
                let Ok(said) = serde_json::from_str::<Value>(&data) else { continue };
                if said["id"] == id && said.get("method").is_none() {
                    return (asked, said);
                }
                if said["method"] == "elicitation/create" {
                    let answer = json!({"jsonrpc": "2.0", "id": said["id"], "result": answers.next().unwrap()});
                    assert!(self.request().json(&answer).send().await.unwrap().status().is_success());
                    asked.push(said["params"].clone());
                }
            }
        }
    }

    /// Calls a tool: its result.
    pub async fn call(&self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert!(answer["result"].is_object(), "{answer}");
        answer["result"].clone()
    }

    /// Makes the same call again, as a client of the newer era does once it has the answers.
    pub async fn again(&self, tool: &str, arguments: Value, asked: &Value, responses: Value) -> Value {
        let state = &asked["requestState"];
        let params = json!({
            "name": tool, "arguments": arguments, "requestState": state, "inputResponses": responses,
        });
        self.ask("tools/call", params).await
    }

    /// A task, once it is as `status` says.
    pub async fn task(&self, id: &str, status: &str) -> Value {
        loop {
            let task = self.ask("tasks/get", json!({"taskId": id})).await["result"].clone();
            if task["status"] == status {
                return task;
            }
            assert!(["working", "input_required"].iter().any(|open| task["status"] == *open), "{task}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

fn message(id: i64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// The answer, whether it came alone or as the last of a stream.
fn last(text: &str) -> Value {
    let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).rfind(|data| !data.is_empty());
    serde_json::from_str(data.unwrap_or(text)).unwrap_or_else(|_| panic!("no answer: {text}"))
}
