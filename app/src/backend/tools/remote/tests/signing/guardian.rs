//! An authorization server and the server it guards, on one port, that counts what it is asked and misbehaves as told.

use super::super::{
    peer::Fixture,
    proof::{self, Once},
    serving::listen_on,
};
use crate::backend::{clock::Clock, tools::remote::oauth::Answer};
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
#[expect(clippy::struct_excessive_bools, reason = "each is a way to misbehave")]
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
    /// How proofs of possession may be signed, if they are taken.
    pub(super) proofs: Option<Vec<String>>,
    /// Whether tokens are bound by them.
    pub(super) binds: bool,
    /// Whether calls need such tokens.
    pub(super) bound: bool,
    /// What proofs are to have in them: one nonce for tokens, another for calls.
    pub(super) nonces: Option<(String, String)>,
    /// Whether no nonce is ever good enough.
    pub(super) insatiable: bool,
    /// Whether no proof at a call is.
    pub(super) distrustful: bool,
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
            proofs: None,
            binds: true,
            bound: false,
            nonces: None,
            insatiable: false,
            distrustful: false,
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
    /// The key that a sign-in was begun with.
    pub(super) begun_with: Option<String>,
    /// Calls that were let in, by scheme.
    pub(super) schemes: Vec<String>,
    /// What was wrong with proofs.
    pub(super) unproven: Vec<&'static str>,
    /// How often a nonce was wanted: for tokens, for calls.
    pub(super) nonces_wanted: (usize, usize),
    /// The keys that tokens and refresh tokens are bound to.
    keys: HashMap<String, String>,
    codes: HashMap<String, Params>,
    /// Access tokens and their scopes.
    access: HashMap<String, String>,
    refresh: HashSet<String>,
    /// Refresh tokens that were used.
    spent: HashSet<String>,
    /// How often one was shown once more, and everything ended for that.
    pub(super) reused: usize,
    given: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Guardian {
    pub(super) at: SocketAddr,
    knobs: Arc<Mutex<Knobs>>,
    seen: Arc<Mutex<Seen>>,
    once: Arc<Once>,
}

impl Guardian {
    pub(super) async fn serve() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let guardian = Self { at, knobs: Arc::default(), seen: Arc::default(), once: Arc::default() };
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
        listen_on(listener, routes);
        guardian
    }

    /// Goes by that clock.
    pub(super) fn goes_by(&self, clock: &Clock) {
        self.once.goes_by(clock);
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

    fn give(&self, scope: String, key: Option<String>) -> Json<Value> {
        let mut seen = self.seen.lock().unwrap();
        seen.given += 1;
        let (access, refresh) = (format!("access-{}", seen.given), format!("refresh-{}", seen.given));
        seen.access.insert(access.clone(), scope);
        seen.refresh.insert(refresh.clone());
        let kind = if key.is_some() { "DPoP" } else { "Bearer" };
        if let Some(key) = key {
            seen.keys.insert(access.clone(), key.clone());
            seen.keys.insert(refresh.clone(), key);
        }
        Json(json!({"access_token": access, "refresh_token": refresh, "token_type": kind, "expires_in": 3600}))
    }

    /// The key that a request proves to hold; else the refusal. `token`: what it shows, at a call.
    #[expect(clippy::result_large_err, reason = "a refusal is sent as it is")]
    fn proven(&self, headers: &HeaderMap, method: &str, token: Option<&str>) -> Result<String, Response> {
        let knobs = self.knobs.lock().unwrap().clone();
        let url = if token.is_some() { self.mcp() } else { format!("{}/token", self.issuer()) };
        let refused = |error: &str, nonce: Option<String>| {
            let status = if token.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
            let challenge = [(header::WWW_AUTHENTICATE, format!("DPoP error=\"{error}\""))];
            let mut answer = (status, challenge, Json(json!({"error": error}))).into_response();
            if let Some(nonce) = nonce {
                answer.headers_mut().insert("dpop-nonce", nonce.parse().unwrap());
            }
            answer
        };
        let proof = proof::check(&self.once, headers, method, &url, token).map_err(|wrong| {
            self.seen.lock().unwrap().unproven.push(wrong);
            refused("invalid_dpop_proof", None)
        })?;
        if knobs.distrustful && token.is_some() {
            return Err(refused("invalid_dpop_proof", None));
        }
        let Some((for_tokens, for_calls)) = knobs.nonces else { return Ok(proof.thumbprint) };
        let wanted = if token.is_some() { for_calls } else { for_tokens };
        if !knobs.insatiable && proof.nonce.as_ref() == Some(&wanted) {
            return Ok(proof.thumbprint);
        }
        let mut seen = self.seen.lock().unwrap();
        if token.is_some() {
            seen.nonces_wanted.1 += 1;
        } else {
            seen.nonces_wanted.0 += 1;
        }
        Err(refused("use_dpop_nonce", Some(wanted)))
    }
}

async fn guard(State(guardian): State<Guardian>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = shown.and_then(|shown| shown.split_once(' ')).unwrap_or_default();
    let (scope, key) = {
        let seen = guardian.seen.lock().unwrap();
        (seen.access.get(token).cloned(), seen.keys.get(token).cloned())
    };
    let knobs = guardian.knobs.lock().unwrap().clone();
    let about = format!(
        "Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", scope=\"{}\"",
        guardian.issuer(),
        knobs.wants
    );
    let scope = scope.filter(|_| scheme == if key.is_some() { "DPoP" } else { "Bearer" });
    match scope {
        None => (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, about)]).into_response(),
        Some(scope) if !knobs.content || !scope.split(' ').any(|scope| scope == knobs.wants) => {
            let about = format!("{about}, error=\"insufficient_scope\"");
            (StatusCode::FORBIDDEN, [(header::WWW_AUTHENTICATE, about)]).into_response()
        }
        Some(_) => {
            if let Some(key) = key {
                let proven = guardian.proven(request.headers(), request.method().as_str(), Some(token));
                match proven {
                    Err(refused) => return refused,
                    Ok(proven) if proven != key => return StatusCode::UNAUTHORIZED.into_response(),
                    Ok(_) => {}
                }
            }
            guardian.seen.lock().unwrap().schemes.push(scheme.to_owned());
            next.run(request).await
        }
    }
}

async fn resource(State(guardian): State<Guardian>) -> Json<Value> {
    let knobs = guardian.knobs.lock().unwrap().clone();
    let own = |issuer: String| if issuer.is_empty() { guardian.issuer() } else { issuer };
    Json(json!({
        "resource": knobs.resource.unwrap_or_else(|| guardian.mcp()),
        "authorization_servers": knobs.issuers.into_iter().map(own).collect::<Vec<_>>(),
        "scopes_supported": ["read", "write", "everything"],
        "dpop_bound_access_tokens_required": knobs.bound,
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
    if let Some(proofs) = knobs.proofs {
        told["dpop_signing_alg_values_supported"] = json!(proofs);
    }
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
    seen.begun_with = asked.get("dpop_jkt").cloned();
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
    let knobs = guardian.knobs.lock().unwrap().clone();
    let key = if knobs.proofs.is_some() {
        match guardian.proven(&headers, "POST", None) {
            Err(refused) => return refused,
            Ok(key) => Some(key).filter(|_| knobs.binds),
        }
    } else {
        None
    };
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
        if asked.get("dpop_jkt").is_some_and(|begun| key.as_ref().is_some_and(|key| key != begun)) {
            return refused("invalid_grant");
        }
        return guardian.give(asked.get("scope").cloned().unwrap_or_default(), key).into_response();
    }
    let scope = {
        let mut seen = guardian.seen.lock().unwrap();
        let same_key = seen.keys.get(&form["refresh_token"]) == key.as_ref();
        if seen.spent.contains(&form["refresh_token"]) {
            // Somebody has a copy: whoever that is, nobody is let in any more (RFC 9700 4.14).
            seen.reused += 1;
            seen.refresh.clear();
            seen.access.clear();
        }
        if !seen.refresh.remove(&form["refresh_token"]) || !same_key {
            return refused("invalid_grant");
        }
        seen.spent.insert(form["refresh_token"].clone());
        seen.refreshed += 1;
        seen.scope.clone().unwrap_or_default()
    };
    guardian.give(scope, key).into_response()
}

async fn revoke(State(guardian): State<Guardian>, Form(form): Form<Params>) -> StatusCode {
    let mut seen = guardian.seen.lock().unwrap();
    seen.revoked += 1;
    seen.refresh.remove(&form["token"]);
    seen.access.clear();
    StatusCode::OK
}
