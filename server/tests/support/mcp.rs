//! An MCP client over HTTP, in both eras of the protocol, that shows what is on the wire.

use super::TestApp;
use app::{
    backend::caller::{Caller, Via},
    wire::account::Username,
};
use futures::{StreamExt, stream};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::pin::Pin;
use tokio::time::timeout;

/// The revision without sessions.
pub const MODERN: &str = "2026-07-28";
/// The last with them.
pub const LEGACY: &str = "2025-11-25";

/// As the settings page: a person with a signed-in browser.
pub async fn at_the_page(app: &TestApp, name: &str) -> Caller {
    let user = app.backend.store.user_by_name(&Username::parse(name).unwrap()).await.unwrap().unwrap();
    Caller { user: user.id, name: user.name, admin: user.admin, via: Via::Session(app.backend.clock.id()) }
}

/// A token of that person's for these scopes.
pub async fn token(app: &TestApp, name: &str, scopes: &str) -> String {
    let caller = at_the_page(app, name).await;
    let made = app.backend.auth.create_api_token(&caller, "a test", scopes.parse().unwrap(), Some(1)).await.unwrap();
    made.expose_secret().to_owned()
}

/// A client with a token; of the older era once it has a session.
#[derive(Clone)]
pub struct Client<'a> {
    app: &'a TestApp,
    path: String,
    /// What it shows.
    pub token: Option<String>,
    /// Its session.
    pub session: Option<String>,
    /// What it puts beside each request, besides what it must.
    pub meta: Value,
}

impl<'a> Client<'a> {
    /// One of today's protocol.
    pub fn modern(app: &'a TestApp, token: &str) -> Self {
        Self { app, path: "/mcp".to_owned(), token: Some(token.to_owned()), session: None, meta: json!({}) }
    }

    /// The same with another token.
    pub fn showing(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The same at another endpoint.
    pub fn at(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// One of the older era, which has begun a session.
    pub async fn legacy(app: &'a TestApp, token: &str) -> Self {
        Self::modern(app, token).begun().await
    }

    /// The same in the older era, with a session.
    pub async fn begun(mut self) -> Self {
        let response = self.request(Method::POST).json(&message("initialize", me())).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        self.session = Some(response.headers()["mcp-session-id"].to_str().unwrap().to_owned());
        let hello = answer(response).await;
        assert_eq!(hello["result"]["protocolVersion"], LEGACY, "{hello}");
        let told = self.request(Method::POST).json(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        assert_eq!(told.send().await.unwrap().status(), StatusCode::ACCEPTED);
        self
    }

    /// A client in each era.
    pub async fn both(app: &'a TestApp, token: &str) -> [Self; 2] {
        [Self::modern(app, token), Self::legacy(app, token).await]
    }

    /// A request with what every one of the client's has.
    pub fn request(&self, method: Method) -> RequestBuilder {
        let mut request = self.app.visitor().bare(method, &self.path);
        request = request.header(header::ACCEPT, "application/json, text/event-stream");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        match &self.session {
            Some(session) => request.header("mcp-session-id", session).header("mcp-protocol-version", LEGACY),
            None => request,
        }
    }

    /// Sends a message.
    pub async fn post(&self, method: &str, mut params: Value) -> Response {
        let mut request = self.request(Method::POST);
        if self.session.is_none() {
            request = request.header("mcp-protocol-version", MODERN).header("mcp-method", method);
            if let Some(name) = params["name"].as_str().or_else(|| params["uri"].as_str()) {
                request = request.header("mcp-name", name);
            }
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
            params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
        }
        for (key, value) in self.meta.as_object().unwrap() {
            params["_meta"][key] = value.clone();
        }
        request.json(&message(method, params)).send().await.unwrap()
    }

    /// Sends a request, and hears its answer.
    pub async fn ask(&self, method: &str, params: Value) -> Value {
        answer(self.post(method, params).await).await
    }

    /// The result of a request that succeeds.
    pub async fn result(&self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params).await;
        assert!(answer.get("result").is_some(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The error of a request that fails: its code and words.
    pub async fn error(&self, method: &str, params: Value) -> (i64, String) {
        let answer = self.ask(method, params).await;
        let error = &answer["error"];
        assert!(error.is_object(), "{method}: {answer}");
        (error["code"].as_i64().unwrap(), error["message"].as_str().unwrap().to_owned())
    }

    /// Calls a tool: whether it failed, and its text.
    pub async fn call(&self, tool: &str, arguments: Value) -> (bool, String) {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        let result = &answer["result"];
        assert_eq!(result["content"][0]["type"], "text", "{answer}");
        (result["isError"] == true, result["content"][0]["text"].as_str().unwrap().to_owned())
    }

    /// Calls a tool that succeeds: its structured content.
    pub async fn done(&self, tool: &str, arguments: Value) -> Value {
        let result = self.result("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert_ne!(result["isError"], true, "{tool}: {result}");
        result["structuredContent"].clone()
    }

    /// Sends a request and hears its messages one by one.
    pub async fn stream(&self, method: &str, params: Value) -> Messages {
        Messages::of(self.post(method, params).await)
    }

    /// Hears what a session says by itself.
    pub async fn listen(&self) -> Messages {
        let response = self.request(Method::GET).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        Messages::of(response)
    }
}

/// What an older client says of itself first.
pub fn me() -> Value {
    json!({"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
}

/// A request.
pub fn message(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

/// The answer, whether it came alone or as the last of a stream.
pub async fn answer(response: Response) -> Value {
    let text = response.text().await.unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).rfind(|data| !data.is_empty());
    serde_json::from_str(data.unwrap_or(&text)).unwrap_or_else(|_| panic!("no answer: {text}"))
}

/// What a refusal asks for.
pub fn challenge(response: &Response) -> String {
    response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned()
}

/// The messages of an open stream.
pub struct Messages {
    bytes: Pin<Box<dyn futures::Stream<Item = Result<bytes::Bytes, reqwest::Error>> + Send>>,
    rest: String,
}

impl Messages {
    /// Those of an answer that has begun; an answer that came alone is the only one.
    pub fn of(response: Response) -> Self {
        let alone = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
        let around = |text: &'static str| stream::iter(alone.then(|| Ok(bytes::Bytes::from_static(text.as_bytes()))));
        let bytes = around("data: ").chain(response.bytes_stream()).chain(around("\n\n"));
        Self { bytes: Box::pin(bytes), rest: String::new() }
    }

    /// The next message; `None` when the stream ends.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some(end) = self.rest.find('\n') {
                let line: String = self.rest.drain(..=end).collect();
                let data = line.strip_prefix("data:").map(str::trim).filter(|data| !data.is_empty());
                if let Some(data) = data {
                    return Some(serde_json::from_str(data).unwrap());
                }
            }
            let more = timeout(super::socket::PATIENCE, self.bytes.next()).await.expect("nothing more is said")?;
            self.rest.push_str(std::str::from_utf8(&more.ok()?).unwrap());
        }
    }

    /// The next message of that method.
    pub async fn until(&mut self, method: &str) -> Value {
        loop {
            let message = self.next().await.expect("the stream ended");
            if message["method"] == method {
                return message;
            }
        }
    }

    /// The next message that has an answer.
    pub async fn answer(&mut self) -> Value {
        loop {
            let message = self.next().await.expect("the stream ended");
            if message.get("result").is_some() || message.get("error").is_some() {
                return message;
            }
        }
    }
}
