//! An authorization server and the server it guards, on one port, that counts what it is asked and misbehaves as told.

use super::super::peer::Fixture;
use crate::backend::tools::remote::oauth::Answer;
use axum::{
    Form, Json, Router,
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use url::Url;

type Params = HashMap<String, String>;

/// How it behaves.
#[derive(Clone, Debug)]
pub(super) struct Knobs {
    pub(super) pkce: Vec<String>,
    pub(super) calls_itself: Option<String>,
    pub(super) resource: Option<String>,
    pub(super) issuers: Vec<String>,
    pub(super) token: Option<String>,
    pub(super) padding: usize,
    pub(super) elsewhere: bool,
    pub(super) registers: bool,
    /// The scope that calls need.
    pub(super) wants: String,
    /// Whether that scope does.
    pub(super) content: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            pkce: vec!["S256".to_owned()],
            calls_itself: None,
            resource: None,
            issuers: vec![String::new()],
            token: None,
            padding: 0,
            elsewhere: false,
            registers: true,
            wants: "read".to_owned(),
            content: true,
        }
    }
}

/// What it was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) registered: usize,
    pub(super) redeemed: usize,
    pub(super) refreshed: usize,
    pub(super) revoked: usize,
    pub(super) scope: Option<String>,
    pub(super) resources: Vec<String>,
    pub(super) basic: Option<String>,
    codes: HashMap<String, Params>,
    /// Access tokens and their scopes.
    access: HashMap<String, String>,
    refresh: HashSet<String>,
    given: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Guardian {
    pub(super) at: SocketAddr,
    knobs: Arc<Mutex<Knobs>>,
    seen: Arc<Mutex<Seen>>,
}

impl Guardian {
    #[expect(clippy::disallowed_methods, reason = "a test's server needs a task beside the test")]
    pub(super) async fn serve() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let guardian = Self { at, knobs: Arc::default(), seen: Arc::default() };
        let guarded = Fixture::new(false).routes().layer(from_fn_with_state(guardian.clone(), guard));
        let routes = Router::new()
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/register", post(register))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/revoke", post(revoke))
            .with_state(guardian.clone())
            .merge(guarded);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        guardian
    }

    pub(super) fn issuer(&self) -> String {
        format!("http://{}", self.at)
    }

    pub(super) fn mcp(&self) -> String {
        format!("http://{}/mcp", self.at)
    }

    pub(super) fn turn(&self, turn: impl FnOnce(&mut Knobs)) {
        turn(&mut self.knobs.lock().unwrap());
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn forget_access(&self) {
        self.seen.lock().unwrap().access.clear();
    }

    pub(super) fn forget_all(&self) {
        let mut seen = self.seen.lock().unwrap();
        seen.access.clear();
        seen.refresh.clear();
    }

    /// Goes where a browser is sent, and brings back the answer.
    pub(super) async fn browse(&self, url: &str) -> Answer {
        let client = crate::backend::http::own().unwrap();
        let answer = client.get(url).send().await.unwrap();
        let back = Url::parse(answer.headers()[header::LOCATION].to_str().unwrap()).unwrap();
        assert_eq!(back.path(), "/connections/callback");
        let told: Params = back.query_pairs().into_owned().collect();
        let of = |name: &str| told.get(name).cloned();
        Answer { state: of("state").unwrap(), code: of("code"), iss: of("iss"), error: None, description: None }
    }

    fn give(&self, scope: String) -> Json<Value> {
        let mut seen = self.seen.lock().unwrap();
        seen.given += 1;
        let (access, refresh) = (format!("access-{}", seen.given), format!("refresh-{}", seen.given));
        seen.access.insert(access.clone(), scope);
        seen.refresh.insert(refresh.clone());
        Json(json!({"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": 3600}))
    }
}

async fn guard(State(guardian): State<Guardian>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scope = shown
        .and_then(|shown| shown.strip_prefix("Bearer "))
        .and_then(|token| guardian.seen.lock().unwrap().access.get(token).cloned());
    let knobs = guardian.knobs.lock().unwrap().clone();
    let about = format!(
        "Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", scope=\"{}\"",
        guardian.issuer(),
        knobs.wants
    );
    match scope {
        None => (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, about)]).into_response(),
        Some(scope) if !knobs.content || !scope.split(' ').any(|scope| scope == knobs.wants) => {
            let about = format!("{about}, error=\"insufficient_scope\"");
            (StatusCode::FORBIDDEN, [(header::WWW_AUTHENTICATE, about)]).into_response()
        }
        Some(_) => next.run(request).await,
    }
}

async fn resource(State(guardian): State<Guardian>) -> Json<Value> {
    let knobs = guardian.knobs.lock().unwrap().clone();
    let own = |issuer: String| if issuer.is_empty() { guardian.issuer() } else { issuer };
    Json(json!({
        "resource": knobs.resource.unwrap_or_else(|| guardian.mcp()),
        "authorization_servers": knobs.issuers.into_iter().map(own).collect::<Vec<_>>(),
        "scopes_supported": ["read", "write", "everything"],
        "padding": "x".repeat(knobs.padding),
    }))
}

async fn metadata(State(guardian): State<Guardian>) -> Response {
    let (knobs, at) = (guardian.knobs.lock().unwrap().clone(), guardian.issuer());
    if knobs.elsewhere {
        return Redirect::temporary("http://localhost:9/elsewhere").into_response();
    }
    let mut told = json!({
        "issuer": knobs.calls_itself.unwrap_or_else(|| at.clone()),
        "authorization_endpoint": format!("{at}/authorize?kept=1"),
        "token_endpoint": knobs.token.unwrap_or_else(|| format!("{at}/token")),
        "revocation_endpoint": format!("{at}/revoke"),
        "code_challenge_methods_supported": knobs.pkce,
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "authorization_response_iss_parameter_supported": true,
    });
    if knobs.registers {
        told["registration_endpoint"] = json!(format!("{at}/register"));
    }
    Json(told).into_response()
}

async fn register(State(guardian): State<Guardian>, Json(asked): Json<Value>) -> Response {
    assert_eq!(asked["application_type"], "native");
    assert_eq!(asked["grant_types"], json!(["authorization_code", "refresh_token"]));
    guardian.seen.lock().unwrap().registered += 1;
    (StatusCode::CREATED, Json(json!({"client_id": "a client", "client_secret": "a: secret"}))).into_response()
}

async fn authorize(State(guardian): State<Guardian>, Query(asked): Query<Params>) -> Redirect {
    assert_eq!((asked["response_type"].as_str(), asked["kept"].as_str()), ("code", "1"));
    assert_eq!(asked["code_challenge_method"], "S256");
    let mut seen = guardian.seen.lock().unwrap();
    let code = format!("code-{}", seen.codes.len());
    seen.scope = asked.get("scope").cloned();
    seen.resources.push(asked["resource"].clone());
    let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &asked["state"])
        .append_pair("iss", &guardian.issuer());
    seen.codes.insert(code, asked);
    Redirect::to(back.as_str())
}

async fn token(State(guardian): State<Guardian>, headers: HeaderMap, Form(form): Form<Params>) -> Response {
    use sha2::{Digest, Sha256};
    let refused = |code: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": code}))).into_response();
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let basic = basic.map(|basic| String::from_utf8(STANDARD.decode(basic).unwrap()).unwrap());
    let ours = matches!(basic.as_deref(), Some("a+client:a%3A+secret" | "mine:hunter2"));
    if !ours {
        return refused("invalid_client");
    }
    guardian.seen.lock().unwrap().basic = basic;
    if form["grant_type"] == "authorization_code" {
        let asked = {
            let mut seen = guardian.seen.lock().unwrap();
            seen.redeemed += 1;
            seen.resources.push(form["resource"].clone());
            seen.codes.remove(&form["code"])
        };
        let Some(asked) = asked else { return refused("invalid_grant") };
        let hashed =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_str()));
        if asked["code_challenge"] != hashed || asked["redirect_uri"] != form["redirect_uri"] {
            return refused("invalid_grant");
        }
        return guardian.give(asked.get("scope").cloned().unwrap_or_default()).into_response();
    }
    let scope = {
        let mut seen = guardian.seen.lock().unwrap();
        if !seen.refresh.remove(&form["refresh_token"]) {
            return refused("invalid_grant");
        }
        seen.refreshed += 1;
        seen.scope.clone().unwrap_or_default()
    };
    guardian.give(scope).into_response()
}

async fn revoke(State(guardian): State<Guardian>, Form(form): Form<Params>) -> StatusCode {
    let mut seen = guardian.seen.lock().unwrap();
    seen.revoked += 1;
    seen.refresh.remove(&form["token"]);
    seen.access.clear();
    StatusCode::OK
}
