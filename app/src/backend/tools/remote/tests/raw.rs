//! A server of revision 2025-11-25 written by hand: it ends the streams of its answers before they come, or wants
//! something done elsewhere first, and notes every request in the order of their coming.

use super::serving::listen;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::channel::mpsc;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

/// The server: the tools of `slow` and their first words, how `GET` goes on, and what it heard.
#[derive(Debug, Default)]
pub(super) struct Raw {
    seen: Mutex<Vec<String>>,
    /// By the name of a tool: the id of the request that called it last.
    asked: Mutex<HashMap<String, Value>>,
    own: Mutex<Option<mpsc::UnboundedSender<Result<String, Infallible>>>>,
}

/// Tools that answer with a stream, and the milliseconds that they name.
const STREAMED: [(&str, u64); 7] =
    [("polled", 0), ("later", 500), ("gone", 0), ("deaf", 0), ("empty", 0), ("away", 0), ("big", 0)];
/// Tools that want something done first.
const ERRANDS: [&str; 4] = ["once", "told", "always", "lure"];

impl Raw {
    /// Serves on a free port; its address.
    pub(super) async fn serve(self: &Arc<Self>) -> String {
        let delete = || async { StatusCode::OK };
        let routes = Router::new().route("/mcp", get(again).post(asked).delete(delete)).with_state(Arc::clone(self));
        format!("http://{}/mcp", listen(routes).await)
    }

    /// The calls, what was asked for behind an event, and the cancellations so far.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many of those begin so.
    pub(super) fn count(&self, begin: &str) -> usize {
        self.seen().iter().filter(|seen| seen.starts_with(begin)).count()
    }

    fn note(&self, seen: String) -> usize {
        self.seen.lock().unwrap().push(seen.clone());
        self.seen().iter().filter(|other| **other == seen).count()
    }

    /// Says something by itself.
    fn say(&self, news: &Value) {
        let own = self.own.lock().unwrap();
        own.as_ref().unwrap().unbounded_send(Ok(format!("data: {news}\n\n"))).unwrap();
    }

    fn result(&self, tool: &str, text: &str) -> String {
        let id = self.asked.lock().unwrap()[tool].clone();
        json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": text}]}}).to_string()
    }

    fn called(&self, tool: &str, id: &Value) -> Response {
        self.asked.lock().unwrap().insert(tool.to_owned(), id.clone());
        let times = self.note(format!("POST {tool}"));
        if let Some((_, ms)) = STREAMED.iter().find(|(streamed, _)| *streamed == tool) {
            return events(format!("id: {tool}-1\nretry: {ms}\ndata: \n\n"));
        }
        if !ERRANDS.contains(&tool) || (times > 1 && tool != "always") {
            return message(self.result(tool, &format!("{tool} after {times}")));
        }
        let url = if tool == "lure" { "javascript:alert(1)" } else { "https://pay.example/secret?x=1" };
        let errand = json!({"mode": "url", "elicitationId": tool, "url": url, "message": "Allow it there."});
        if tool == "told" {
            let about = json!({"elicitationId": tool});
            self.say(&json!({"jsonrpc": "2.0", "method": "notifications/elicitation/complete", "params": about}));
        }
        let error = json!({"code": -32042, "message": "Do it first.", "data": {"elicitations": [errand]}});
        message(json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string())
    }
}

fn events(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "text/event-stream")], body.into()).into_response()
}

fn message(json: String) -> Response {
    ([(CONTENT_TYPE.as_str(), "application/json"), ("mcp-session-id", "s-1")], json).into_response()
}

async fn asked(State(server): State<Arc<Raw>>, body: String) -> Response {
    let asked: Value = serde_json::from_str(&body).unwrap();
    let id = &asked["id"];
    let result = match asked["method"].as_str().unwrap() {
        "initialize" => json!({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "raw", "version": "1"},
        }),
        "tools/list" => {
            let tools = STREAMED.iter().map(|(tool, _)| *tool).chain(ERRANDS).chain(["plain"]);
            json!({"tools": tools.map(|tool| json!({"name": tool, "inputSchema": {"type": "object"}})).collect::<Vec<_>>()})
        }
        "tools/call" => return server.called(asked["params"]["name"].as_str().unwrap(), id),
        "notifications/cancelled" => {
            server.note("cancelled".to_owned());
            return StatusCode::ACCEPTED.into_response();
        }
        notice if notice.starts_with("notifications/") => return StatusCode::ACCEPTED.into_response(),
        "ping" => json!({}),
        _ => {
            let error = json!({"code": -32601, "message": "there is no such method"});
            return message(json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string());
        }
    };
    message(json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string())
}

async fn again(State(server): State<Arc<Raw>>, headers: HeaderMap) -> Response {
    let header = |name: &str| headers.get(name).map_or("none", |value| value.to_str().unwrap());
    let last = header("last-event-id");
    if last == "none" {
        let (say, said) = mpsc::unbounded();
        *server.own.lock().unwrap() = Some(say);
        return events(Body::from_stream(said));
    }
    let times = server.note(format!("GET {last} {} {}", header("mcp-session-id"), header("x-key")));
    match last {
        "polled-1" => events("id: polled-2\nretry: 10\ndata: \n\n"),
        "away-1" if times == 1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "gone-1" => StatusCode::NOT_FOUND.into_response(),
        "deaf-1" => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        "empty-1" => events(""),
        "later-1" => {
            // The rest comes when the other call has.
            while server.count("POST plain") == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            events(format!("data: {}\n\n", server.result("later", "the rest")))
        }
        _ => {
            let tool = last.split('-').next().unwrap();
            let text = if tool == "big" { "x".repeat(1024 * 1024) } else { "the rest".to_owned() };
            events(format!("event: message\nid: {tool}-9\ndata: {}\n\n", server.result(tool, &text)))
        }
    }
}
