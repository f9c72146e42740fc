//! An authorization server for programs without people, an identity provider, and the server they guard, on one port. It
//! checks everything it is shown, counts what it is asked, and misbehaves as told.

use super::super::{
    peer::Fixture,
    proof::{self, Once, opened, public},
    serving::listen_on,
};
use crate::backend::{clock::Clock, jwt::Key};
use axum::{
    Form, Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

type Params = HashMap<String, String>;

const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How it behaves.
#[derive(Clone, Debug)]
pub(super) struct Knobs {
    pub(super) grants: Vec<&'static str>,
    pub(super) methods: Vec<&'static str>,
    pub(super) signing: Vec<&'static str>,
    pub(super) issuer: Option<String>,
    /// The secret it knows.
    pub(super) secret: &'static str,
    /// The public key it knows the client by.
    pub(super) client: Vec<u8>,
    /// The public key it trusts assertions of.
    pub(super) platform: Vec<u8>,
    /// The public key of people's identity provider.
    pub(super) provider: Vec<u8>,
    /// What the identity provider says that it gives.
    pub(super) gives: &'static str,
    /// The scope that calls need.
    pub(super) wants: &'static str,
    /// Scopes it never gives.
    pub(super) never: &'static str,
    /// Scopes of which it will not even hear.
    pub(super) refuses: &'static str,
    /// The scope that calls of «whoami» need besides.
    pub(super) wants_of_whoami: &'static str,
    pub(super) bound: bool,
    /// The nonce that proofs are to have; not even that is enough if it is «never».
    pub(super) nonce: Option<&'static str>,
    /// Whether tokens open nothing.
    pub(super) shut: bool,
    /// Whether the token endpoint is out of order.
    pub(super) broken: bool,
    /// Milliseconds that it takes to tell of itself, or to ask for a nonce.
    pub(super) slow: i64,
}

/// What it was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The forms that came to the token endpoint.
    pub(super) forms: Vec<Params>,
    /// The names and passwords that came with them.
    pub(super) basic: Vec<Option<String>>,
    /// The forms that came to the identity provider.
    pub(super) exchanges: Vec<Params>,
    pub(super) given: usize,
    pub(super) calls: usize,
    pub(super) nonces_wanted: usize,
    /// How often it told of itself.
    pub(super) told: usize,
    access: HashMap<String, (String, Option<String>)>,
}

#[derive(Clone, Debug)]
pub(super) struct Warden {
    pub(super) at: SocketAddr,
    knobs: Arc<Mutex<Knobs>>,
    seen: Arc<Mutex<Seen>>,
    once: Arc<Once>,
    /// The identity provider's key.
    provider: Key,
}

impl Warden {
    pub(super) async fn serve() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let provider = Key::generate().unwrap();
        let knobs = Knobs {
            grants: vec!["client_credentials", BEARER],
            methods: vec!["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
            signing: vec!["RS256", "ES256"],
            issuer: None,
            secret: "s: ecret",
            client: Vec::new(),
            platform: Vec::new(),
            provider: public(&provider),
            gives: "urn:ietf:params:oauth:token-type:id-jag",
            wants: "read",
            never: "",
            refuses: "",
            wants_of_whoami: "",
            bound: false,
            nonce: None,
            shut: false,
            broken: false,
            slow: 0,
        };
        let knobs = Arc::new(Mutex::new(knobs));
        let warden = Self { at, knobs, seen: Arc::default(), once: Arc::default(), provider };
        let guarded = Fixture::new(false).routes().layer(from_fn_with_state(warden.clone(), guard));
        let routes = Router::new()
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/token", post(token))
            .route("/idp/.well-known/openid-configuration", get(provider_metadata))
            .route("/idp/token", post(exchange))
            .with_state(warden.clone())
            .merge(guarded);
        listen_on(listener, routes);
        warden
    }

    /// Goes by that clock.
    pub(super) fn goes_by(&self, clock: &Clock) {
        self.once.goes_by(clock);
    }

    /// Takes its time.
    fn dawdle(&self) {
        match self.knobs().slow {
            0 => {}
            ms => self.once.pass(ms),
        }
    }

    pub(super) fn issuer(&self) -> String {
        format!("http://{}", self.at)
    }

    pub(super) fn provider(&self) -> String {
        format!("http://{}/idp", self.at)
    }

    pub(super) fn mcp(&self) -> String {
        format!("http://{}/mcp", self.at)
    }

    pub(super) fn turn(&self, turn: impl FnOnce(&mut Knobs)) {
        turn(&mut self.knobs.lock().unwrap());
    }

    fn knobs(&self) -> Knobs {
        self.knobs.lock().unwrap().clone()
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn forget(&self) {
        self.seen.lock().unwrap().access.clear();
    }

    /// What the identity provider says of a person.
    pub(super) fn id_token(&self, claims: Value) -> String {
        use secrecy::ExposeSecret;
        self.provider.sign(&claims).unwrap().expose_secret().to_owned()
    }

    /// Who asks for tokens, if that is proven.
    fn client(&self, form: &Params, basic: Option<&str>) -> Option<String> {
        let knobs = self.knobs();
        if let Some(assertion) = form.get("client_assertion") {
            let claims = opened(assertion, &knobs.client)?;
            let lasts = claims["exp"].as_i64()? - claims["iat"].as_i64()?;
            let good = form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                && claims["iss"] == claims["sub"]
                && claims["aud"] == self.issuer()
                && (1..=300).contains(&lasts)
                && proof::fresh(&self.once, &claims)
                && proof::first(&self.once, &claims);
            return claims["sub"].as_str().filter(|_| good).map(str::to_owned);
        }
        let posted = form.get("client_id").map(|id| (id.clone(), form.get("client_secret").cloned()));
        let (id, secret) = match basic {
            Some(basic) => {
                let as_form = basic.replacen(':', "=", 1);
                let (id, secret) = url::form_urlencoded::parse(as_form.as_bytes()).next()?;
                (id.into_owned(), Some(secret.into_owned()))
            }
            None => posted?,
        };
        let public = secret.is_none() && form["grant_type"] == BEARER && form.contains_key("assertion");
        (public || secret.as_deref() == Some(knobs.secret)).then_some(id)
    }

    /// Whether an assertion is a good one: the platform's of a workload, or the provider's for this client.
    fn asserted(&self, form: &Params, client: &str) -> bool {
        let knobs = self.knobs();
        let Some(assertion) = form.get("assertion") else { return false };
        if let Some(claims) = opened(assertion, &knobs.platform) {
            return claims["aud"] == json!([self.issuer()]) && claims["sub"] == "workload";
        }
        opened(assertion, &knobs.provider).is_some_and(|claims| {
            claims["aud"] == self.issuer()
                && claims["client_id"] == client
                && claims["resource"] == self.mcp()
                && proof::first(&self.once, &claims)
        })
    }
}

async fn guard(State(warden): State<Warden>, request: Request, next: Next) -> Response {
    let knobs = warden.knobs();
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = shown.and_then(|shown| shown.split_once(' ')).unwrap_or_default();
    let found = warden.seen.lock().unwrap().access.get(token).cloned().filter(|_| !knobs.shut);
    let about = format!(
        "Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\", scope=\"{}\"",
        warden.issuer(),
        knobs.wants
    );
    let unauthorized = |about: String| (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, about)]).into_response();
    let Some((scope, key)) = found else { return unauthorized(about) };
    if scheme != if key.is_some() { "DPoP" } else { "Bearer" } {
        return unauthorized(about);
    }
    if let Some(key) = key {
        let checked =
            proof::check(&warden.once, request.headers(), request.method().as_str(), &warden.mcp(), Some(token));
        match checked {
            Err(wrong) => return unauthorized(format!("DPoP error=\"invalid_dpop_proof\", wrong=\"{wrong}\"")),
            Ok(proof) if proof.thumbprint != key => return unauthorized(about),
            Ok(proof) if knobs.nonce.is_some_and(|nonce| nonce == "never" || proof.nonce.as_deref() != Some(nonce)) => {
                warden.seen.lock().unwrap().nonces_wanted += 1;
                let about = [(header::WWW_AUTHENTICATE, "DPoP error=\"use_dpop_nonce\"")];
                return (StatusCode::UNAUTHORIZED, about, [("dpop-nonce", knobs.nonce.unwrap())]).into_response();
            }
            Ok(_) => {}
        }
    }
    let has = |wanted: &str| scope.split(' ').any(|scope| scope == wanted);
    let whoami = request.headers().get("mcp-name").is_some_and(|name| name == "whoami");
    if whoami && !knobs.wants_of_whoami.is_empty() && !has(knobs.wants_of_whoami) {
        let about = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", knobs.wants_of_whoami);
        return (StatusCode::FORBIDDEN, [(header::WWW_AUTHENTICATE, about)]).into_response();
    }
    if !has(knobs.wants) {
        let about = format!("{about}, error=\"insufficient_scope\"");
        return (StatusCode::FORBIDDEN, [(header::WWW_AUTHENTICATE, about)]).into_response();
    }
    warden.seen.lock().unwrap().calls += 1;
    next.run(request).await
}

async fn resource(State(warden): State<Warden>) -> Json<Value> {
    warden.dawdle();
    warden.seen.lock().unwrap().told += 1;
    let issuer = warden.knobs().issuer.unwrap_or_else(|| warden.issuer());
    Json(json!({"resource": warden.mcp(), "authorization_servers": [issuer], "scopes_supported": ["read", "write"]}))
}

async fn metadata(State(warden): State<Warden>) -> Json<Value> {
    warden.dawdle();
    warden.seen.lock().unwrap().told += 1;
    let (knobs, at) = (warden.knobs(), warden.issuer());
    let mut told = json!({
        "issuer": at,
        "token_endpoint": format!("{at}/token"),
        "grant_types_supported": knobs.grants,
        "token_endpoint_auth_methods_supported": knobs.methods,
        "token_endpoint_auth_signing_alg_values_supported": knobs.signing,
    });
    if knobs.bound {
        told["dpop_signing_alg_values_supported"] = json!(["ES256"]);
    }
    Json(told)
}

async fn provider_metadata(State(warden): State<Warden>) -> Json<Value> {
    let at = warden.provider();
    Json(json!({"issuer": at, "token_endpoint": format!("{at}/token")}))
}

fn basic(headers: &HeaderMap) -> Option<String> {
    let shown = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    Some(String::from_utf8(STANDARD.decode(shown).unwrap()).unwrap())
}

fn refused(code: &str, why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": code, "error_description": why}))).into_response()
}

async fn token(State(warden): State<Warden>, headers: HeaderMap, Form(form): Form<Params>) -> Response {
    let (knobs, basic) = (warden.knobs(), basic(&headers));
    {
        let mut seen = warden.seen.lock().unwrap();
        seen.forms.push(form.clone());
        seen.basic.push(basic.clone());
    }
    if knobs.broken {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let mut key = None;
    if knobs.bound {
        let url = format!("{}/token", warden.issuer());
        let proof = match proof::check(&warden.once, &headers, "POST", &url, None) {
            Err(wrong) => return refused("invalid_dpop_proof", wrong),
            Ok(proof) => proof,
        };
        if let Some(nonce) = knobs.nonce.filter(|nonce| *nonce == "never" || proof.nonce.as_deref() != Some(nonce)) {
            warden.seen.lock().unwrap().nonces_wanted += 1;
            warden.dawdle();
            let mut answer = refused("use_dpop_nonce", "a nonce is wanted");
            answer.headers_mut().insert("dpop-nonce", nonce.parse().unwrap());
            return answer;
        }
        key = Some(proof.thumbprint);
    }
    let Some(client) = warden.client(&form, basic.as_deref()) else {
        return refused("invalid_client", "nobody knows you");
    };
    assert_eq!(form["resource"], warden.mcp());
    match form["grant_type"].as_str() {
        "client_credentials" => {}
        BEARER if warden.asserted(&form, &client) => {}
        BEARER => return refused("invalid_grant", "nobody vouches for you"),
        _ => return refused("unsupported_grant_type", "not so"),
    }
    let asked = form.get("scope").cloned().unwrap_or_default();
    if asked.split(' ').any(|scope| !scope.is_empty() && scope == knobs.refuses) {
        return refused("invalid_scope", "not that");
    }
    let scope: Vec<&str> = asked.split(' ').filter(|scope| *scope != knobs.never).collect();
    let mut seen = warden.seen.lock().unwrap();
    seen.given += 1;
    let access = format!("machine-{}", seen.given);
    let kind = if key.is_some() { "DPoP" } else { "bearer" };
    seen.access.insert(access.clone(), (scope.join(" "), key));
    Json(json!({"access_token": access, "token_type": kind, "expires_in": 3600})).into_response()
}

/// The identity provider's half of a sign-in that an enterprise manages.
async fn exchange(State(warden): State<Warden>, headers: HeaderMap, Form(form): Form<Params>) -> Response {
    let knobs = warden.knobs();
    warden.seen.lock().unwrap().exchanges.push(form.clone());
    let client = basic(&headers).and_then(|basic| Some(basic.split_once(':')?.0.to_owned()));
    let client = client.or_else(|| form.get("client_id").cloned());
    let subject = opened(&form["subject_token"], &knobs.provider);
    let Some(subject) = subject.filter(|subject| subject["aud"].as_str() == client.as_deref()) else {
        return refused("invalid_grant", "the id token is not good");
    };
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
    assert_eq!(form["requested_token_type"], "urn:ietf:params:oauth:token-type:id-jag");
    assert_eq!(form["subject_token_type"], "urn:ietf:params:oauth:token-type:id_token");
    let jag = warden.id_token(json!({
        "iss": warden.provider(), "sub": subject["sub"], "aud": form["audience"], "resource": form["resource"],
        "client_id": "parley", "jti": format!("jag-{}", warden.seen().exchanges.len()),
    }));
    Json(json!({"access_token": jag, "issued_token_type": knobs.gives, "token_type": "N_A"})).into_response()
}
