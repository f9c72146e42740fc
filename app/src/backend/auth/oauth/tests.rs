//! Metadata documents of clients, from real listeners on this machine that the guard is told to let through.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    backend::{
        config::{Rate, Rates},
        http::{self, Guarded, address::Reach, resolver::SystemLookup},
        test::TestStore,
    },
    wire::{id::UserId, limits::CLIENT_DOCUMENT_MAX, oauth::Outcome},
};
use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Status, headers and body.
type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// A server whose answer a test changes, and how often it was asked.
struct Host {
    at: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
}

impl Host {
    #[expect(clippy::disallowed_methods, reason = "a test's server needs a task beside the test")]
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let (answer, asked) = (Arc::<Mutex<Answer>>::default(), Arc::<AtomicUsize>::default());
        let (told, counted) = (Arc::clone(&answer), Arc::clone(&asked));
        let routes = Router::new().route(
            "/client.json",
            get(move || {
                counted.fetch_add(1, Ordering::SeqCst);
                let (status, headers, body) = told.lock().unwrap().clone();
                async move { respond(status, headers, body) }
            }),
        );
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { at, answer, asked }
    }

    fn id(&self) -> String {
        format!("http://{}/client.json", self.at)
    }

    fn says(&self, document: &Value) {
        self.answers(200, &[("content-type", "application/json")], document.to_string().into_bytes());
    }

    fn answers(&self, status: u16, headers: &[(&'static str, &str)], body: Vec<u8>) {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        *self.answer.lock().unwrap() = (status, headers, body);
    }

    fn good(&self) -> Value {
        json!({"client_id": self.id(), "client_name": "Claude", "redirect_uris": ["http://127.0.0.1/cb"]})
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn respond(status: u16, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// The authorization server, which may fetch from `host`.
fn server(store: &TestStore, host: &Host, rates: &Rates) -> OAuth {
    let guarded = Guarded::with(Reach::and(vec![host.at]), Arc::new(SystemLookup)).unwrap();
    OAuth::new(
        store.store.clone(),
        store.clock.clone(),
        Hub::default(),
        Limiter::new(rates, store.clock.clone()),
        Documents::unencrypted(guarded),
        Site::new("https://chat.example", []),
        http::own().unwrap(),
    )
}

async fn refusal(oauth: &OAuth, id: &str, by: UserId) -> String {
    match oauth.client(id, by).await {
        Err(OAuthError::Refused(Refusal { code: Code::InvalidClient, reason })) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_document_says_who_a_client_is_and_is_kept_as_long_as_it_may_be() {
    let (store, host) = (TestStore::sqlite().await, Host::start().await);
    let (oauth, ada) = (server(&store, &host, &Rates::OFF), store.person("ada").await);
    host.says(&host.good());
    let client = oauth.client(&host.id(), ada).await.unwrap();
    assert_eq!((&*client.name, &*client.redirect_uris), ("Claude", &["http://127.0.0.1/cb".to_owned()][..]));
    oauth.client(&host.id(), ada).await.unwrap();
    assert_eq!(host.asked(), 1);
    store.clock.advance(3600 * 1000);
    let body = json!({"client_id": host.id(), "redirect_uris": ["https://a.example/cb"]}).to_string().into_bytes();
    host.answers(200, &[("content-type", "application/x+json; v=1"), ("cache-control", "public, max-age=600")], body);
    let client = oauth.client(&host.id(), ada).await.unwrap();
    assert_eq!((client.name, host.asked()), (host.at.to_string(), 2), "without a name it goes by its host");
    for (later, asked) in [(599_999, 2), (1, 3)] {
        store.clock.advance(later);
        oauth.client(&host.id(), ada).await.unwrap();
        assert_eq!(host.asked(), asked);
    }
    // What cannot be read any more is not believed any more.
    store.clock.advance(600_000);
    host.answers(404, &[("content-type", "application/json")], b"{}".to_vec());
    assert!(refusal(&oauth, &host.id(), ada).await.contains("status 404"));
    store.discard().await;
}

#[tokio::test]
async fn a_program_with_a_document_is_let_in_and_the_person_reads_where_it_is_from() {
    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const CALLBACK: &str = "http://127.0.0.1:51000/cb";
    let (store, host) = (TestStore::sqlite().await, Host::start().await);
    let (oauth, user) = (server(&store, &host, &Rates::OFF), store.person("ada").await);
    let via = Via::Session(store.clock.id());
    let ada = Caller { user, name: "ada".to_owned(), admin: false, via };
    host.says(&host.good());
    let params = |fields: &[(&str, &str)]| {
        Params::read(&url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish())
    };
    let id = host.id();
    let asked = params(&[
        ("response_type", "code"),
        ("client_id", &id),
        ("redirect_uri", CALLBACK),
        ("scope", "read"),
        ("state", "s"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let proven = oauth.prove(&asked, user).await.unwrap();
    let request = oauth.request(&asked).unwrap();
    let consent = oauth.consent(&ada, &proven, &request, &asked);
    assert_eq!((&*consent.name, &consent.host), ("Claude", &Some(host.at.to_string())));
    assert!(consent.loopback_only, "it may be any program of that machine");
    let to = oauth.allow(&ada, &proven, &request, request.scopes).await.unwrap();
    let to = url::Url::parse(&to).unwrap();
    let answer: HashMap<_, _> = to.query_pairs().collect();
    assert_eq!((&*answer["state"], &*answer["iss"]), ("s", "https://chat.example"));
    let shown = params(&[
        ("grant_type", "authorization_code"),
        ("code", &answer["code"]),
        ("code_verifier", VERIFIER),
        ("redirect_uri", CALLBACK),
        ("client_id", &id),
    ]);
    let tokens = oauth.token(&shown, None).await.unwrap();
    assert_eq!(tokens["scope"], "read");
    let access = tokens["access_token"].as_str().unwrap().strip_prefix(ACCESS).unwrap();
    let bearer = oauth.bearer(&Token::parse(access).unwrap(), site::MCP).await.unwrap().unwrap();
    assert_eq!((bearer.caller.user, host.asked()), (user, 1));
    let [row] = &oauth.connected(&ada).await.unwrap()[..] else { panic!("one program") };
    assert_eq!((&row.id, &*row.name), (&id, "Claude"));
    store.discard().await;
}

#[tokio::test]
async fn the_self_test_says_what_is_odd_about_the_address() {
    let (store, host) = (TestStore::sqlite().await, Host::start().await);
    let oauth = |public: &str| {
        let OAuth { store, clock, hub, limiter, documents, own, .. } = server(&store, &host, &Rates::OFF);
        OAuth::new(store, clock, hub, limiter, documents, Site::new(public, []), own)
    };
    for (public, came_by, odd) in [
        ("https://chat.example", Some("chat.example"), None),
        ("http://127.0.0.1:3000", Some("127.0.0.1:3000"), None),
        ("http://127.0.0.1:3000", Some("localhost:3000"), Some("came by «localhost:3000»")),
        ("https://chat.example", None, Some("your browser did not say")),
        ("http://chat.example", Some("chat.example"), Some("reads along")),
    ] {
        match (oauth(public).at_home(came_by), odd) {
            (Outcome::Fine(_), None) => {}
            (Outcome::Odd(seen, _), Some(words)) => assert!(seen.contains(words), "{seen}"),
            (outcome, _) => panic!("{public} {came_by:?}: {outcome:?}"),
        }
    }
    store.discard().await;
}

#[tokio::test]
async fn a_document_that_does_not_fit_is_refused_with_its_fault() {
    let (store, host) = (TestStore::sqlite().await, Host::start().await);
    let (oauth, ada) = (server(&store, &host, &Rates::OFF), store.person("ada").await);
    let with = |key: &str, value: Value| {
        let mut document = host.good();
        document[key] = value;
        document
    };
    for (document, told) in [
        (with("client_id", json!("https://claude.ai/client.json")), "says that it is another's"),
        (with("client_id", json!(format!("{}?x", host.id()))), "says that it is another's"),
        (with("client_secret", json!("x")), "holds a secret"),
        (with("token_endpoint_auth_method", json!("private_key_jwt")), "asks for a way"),
        (with("token_endpoint_auth_method", json!("client_secret_basic")), "asks for a way"),
        (with("redirect_uris", json!([])), "1 to 20 redirect URIs"),
        (with("redirect_uris", json!(["javascript:alert(1)"])), "does not open a program"),
        (with("redirect_uris", json!("https://a.example")), "is not the JSON"),
        (json!([]), "is not the JSON"),
    ] {
        host.says(&document);
        let reason = refusal(&oauth, &host.id(), ada).await;
        assert!(reason.contains(told), "{document}: {reason}");
    }
    let json = [("content-type", "application/json")];
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(CLIENT_DOCUMENT_MAX)).into_bytes();
    let there = [json[0], ("location", "https://example.com/")];
    for (status, headers, body, told) in [
        (200, &json[..], large, "has more than 10240 bytes"),
        (200, &[("content-type", "text/html")][..], b"{}".to_vec(), "not JSON"),
        (200, &[][..], b"{}".to_vec(), "not JSON"),
        (302, &there[..], b"{}".to_vec(), "status 302"),
        (500, &json[..], b"{}".to_vec(), "status 500"),
    ] {
        host.answers(status, headers, body);
        let reason = refusal(&oauth, &host.id(), ada).await;
        assert!(reason.contains(told), "{status}: {reason}");
    }
    assert!(store.oauth_client(&host.id()).await.unwrap().is_none(), "nothing of it is kept");
    store.discard().await;
}

#[tokio::test]
async fn documents_are_fetched_from_public_addresses_only_and_not_too_often() {
    let (store, host) = (TestStore::sqlite().await, Host::start().await);
    let rates = Rates { client_document: Rate::new(20, Duration::from_hours(1)), ..Rates::OFF };
    let (oauth, ada, eve) = (server(&store, &host, &rates), store.person("ada").await, store.person("eve").await);
    for private in [
        "http://127.0.0.2/client.json",
        "http://10.0.0.1/client.json",
        "http://169.254.169.254/latest/meta-data",
        "http://192.168.1.1:8080/client.json",
        "http://[::1]/client.json",
        "http://[::ffff:7f00:1]/client.json",
        "http://[fd00::1]/client.json",
        "http://localhost/client.json",
        "http://printer.local/client.json",
    ] {
        let reason = refusal(&oauth, private, ada).await;
        assert!(reason.contains("is private and may not be visited"), "{private}: {reason}");
    }
    for odd in ["http://0x7f.1/client.json", "http://2130706433/client.json", "http://host.example/../x", "http://"] {
        refusal(&oauth, odd, ada).await;
    }
    assert!(refusal(&oauth, "http://example.com:22/client.json", ada).await.contains("port 22"));
    host.says(&host.good());
    for _ in 14..20 {
        host.answers(500, &[], Vec::new());
        refusal(&oauth, &host.id(), ada).await;
    }
    assert!(matches!(oauth.client(&host.id(), ada).await, Err(OAuthError::TooMany(_))));
    host.says(&host.good());
    oauth.client(&host.id(), eve).await.unwrap();
    oauth.client(&host.id(), ada).await.unwrap();
    store.discard().await;
}
