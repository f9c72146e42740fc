//! Signing in to `/mcp` by OAuth, over real HTTP: every refusal in the order of the RFCs, and the way through.
#![expect(clippy::unwrap_used, reason = "tests")]

mod authorize;
mod check;
mod connected;
mod flow;
mod metadata;
mod register;
mod token;

use crate::support::{PASSWORD, TestApp, TestUser, encode};
use app::{backend::clock::Clock, wire::id::Millis};
use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

const AUTHORIZE: &str = "/oauth/authorize";
const TOKEN: &str = "/oauth/token";
const REVOKE: &str = "/oauth/revoke";
/// Where the test's programs wait for their answer.
const CALLBACK: &str = "http://127.0.0.1:51000/callback";
/// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A Parley whose public address is where it is, and its clock.
async fn start() -> (TestApp, Clock) {
    let clock = Clock::manual(Millis(1_800_000_000_000));
    let app = TestApp::start_at(clock.clone(), |settings, url| settings.public_url = Some(url.to_owned())).await;
    (app, clock)
}

/// Registers; the answer.
async fn register(app: &TestApp, metadata: Value) -> Response {
    app.visitor().bare(Method::POST, "/oauth/register").json(&metadata).send().await.unwrap()
}

/// A program that is known, and what it has of its own.
#[derive(Clone, Debug)]
struct Program {
    id: String,
    secret: Option<String>,
}

impl Program {
    /// One that proves itself by `method`.
    async fn known(app: &TestApp, method: &str) -> Self {
        let metadata = json!({
            "client_name": "Claude <b>Code</b>",
            "redirect_uris": ["http://127.0.0.1/callback"],
            "token_endpoint_auth_method": method,
        });
        let response = register(app, metadata).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let told: Value = response.json().await.unwrap();
        let text = |key: &str| told[key].as_str().map(str::to_owned);
        Self { id: text("client_id").unwrap(), secret: text("client_secret") }
    }

    async fn public(app: &TestApp) -> Self {
        Self::known(app, "none").await
    }

    /// What it asks for, with changes: a parameter that is empty is left out, one that is new is added.
    fn asks(&self, app: &TestApp, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let resource = format!("{}/mcp", app.url);
        let usual = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", CALLBACK),
            ("scope", "read write"),
            ("state", "a state"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("resource", &resource),
        ];
        changed(&usual, changes)
    }

    /// What it shows for a code, with changes.
    fn shows(&self, code: &str, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", VERIFIER),
            ("redirect_uri", CALLBACK),
            ("client_id", &self.id),
        ];
        changed(&usual, changes)
    }

    /// The person lets it in, for all it asks: its code.
    async fn code(&self, app: &TestApp, person: &TestUser) -> String {
        let answer = decide(person, &self.asks(app, &[]), "allow", &["read", "write", "run"]).await;
        answered(&answer, "code").unwrap()
    }

    /// The same up to its tokens.
    async fn tokens(&self, app: &TestApp, person: &TestUser) -> Value {
        let code = self.code(app, person).await;
        let (status, told) = post(app, TOKEN, &self.shows(&code, &[]), None).await;
        assert_eq!(status, StatusCode::OK, "{told}");
        told
    }

    /// Shows a refresh token.
    async fn renew(&self, app: &TestApp, refresh: &Value, changes: &[(&str, &str)]) -> (StatusCode, Value) {
        let refresh = refresh.as_str().unwrap();
        let usual = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", &*self.id)];
        post(app, TOKEN, &changed(&usual, changes), None).await
    }
}

fn changed(usual: &[(&str, &str)], changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let told = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
    let kept = usual.iter().filter(|(name, _)| !told(name));
    let all = kept.chain(changes).filter(|(_, value)| !value.is_empty());
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn query(params: &[(String, String)]) -> String {
    params.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}

/// Opens the consent page as a browser does.
async fn open(person: &TestUser, params: &[(String, String)]) -> Response {
    person.get(&format!("{AUTHORIZE}?{}", query(params))).await
}

/// Answers the consent page's form.
async fn decide(person: &TestUser, params: &[(String, String)], decision: &str, boxes: &[&str]) -> Response {
    let asked = params.iter().map(|(name, value)| (&**name, &**value));
    let boxes = boxes.iter().map(|name| ("allow", *name));
    person.form(AUTHORIZE, &asked.chain(boxes).chain([("decision", decision)]).collect::<Vec<_>>()).await
}

/// Where a response leads.
fn location(response: &Response) -> &str {
    response.headers().get(header::LOCATION).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// A parameter of the answer that a client gets by redirect.
fn answered(response: &Response, name: &str) -> Option<String> {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let (to, answer) = location(response).split_once('?').unwrap();
    assert_eq!(to, CALLBACK);
    let mut values = url::form_urlencoded::parse(answer.as_bytes()).filter(|(known, _)| known == name);
    let value = values.next().map(|(_, value)| value.into_owned());
    assert!(values.next().is_none(), "{name} is there twice");
    value
}

/// Posts a form as a program does; what came, as JSON.
async fn post(
    app: &TestApp,
    path: &str,
    form: &[(String, String)],
    basic: Option<(&str, &str)>,
) -> (StatusCode, Value) {
    let request = app
        .visitor()
        .bare(Method::POST, path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(query(form));
    let request = basic.into_iter().fold(request, |request, (id, secret)| request.basic_auth(id, Some(secret)));
    let response = request.send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Asks `/mcp` with a token for its tools, or calls one.
async fn mcp(app: &TestApp, token: &str, tool: Option<(&str, Value)>) -> Response {
    mcp_at(app, "/mcp", token, tool).await
}

async fn mcp_at(app: &TestApp, path: &str, token: &str, tool: Option<(&str, Value)>) -> Response {
    let method = if tool.is_some() { "tools/call" } else { "tools/list" };
    let mut request = app
        .visitor()
        .bare(Method::POST, path)
        .bearer_auth(token)
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", method);
    let mut params = json!({"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }});
    if let Some((name, arguments)) = tool {
        request = request.header("mcp-name", name);
        params["name"] = json!(name);
        params["arguments"] = arguments;
    }
    request.json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})).send().await.unwrap()
}

/// Whether a token opens `/mcp`.
async fn opens(app: &TestApp, told: &Value) -> bool {
    mcp(app, told["access_token"].as_str().unwrap(), None).await.status() == StatusCode::OK
}
