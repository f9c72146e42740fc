//! The guarded client against real listeners on this machine, each allowed by name.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use axum::{Router, http::StatusCode as Code, response::Redirect, routing::get};
use futures::future::BoxFuture;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server of these routes; its task ends with the test's runtime.
#[expect(clippy::disallowed_methods, reason = "a test's server needs a task beside the test")]
async fn serve(routes: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((HERE, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    at
}

/// Names lead where the test says, one answer per look-up; the last answer stays.
struct Told(Mutex<Vec<Vec<IpAddr>>>, AtomicUsize);

impl Told {
    fn new(answers: Vec<Vec<IpAddr>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(answers), AtomicUsize::new(0)))
    }
}

impl Lookup for Told {
    fn lookup(&self, _name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.0.lock().unwrap();
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(answer) })
    }
}

fn allowing(at: SocketAddr) -> Guarded {
    Guarded::with(Reach::and(vec![at]), Told::new(vec![vec![HERE]])).unwrap()
}

fn refused(result: Result<Visit, HttpError>) -> Refused {
    match result {
        Err(HttpError::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn visits_a_page_and_reads_no_more_than_asked() {
    let page = || async { (Code::NOT_FOUND, axum::response::Html(format!("<title>T</title>{}", "x".repeat(90_000)))) };
    let agent = |headers: axum::http::HeaderMap| async move {
        axum::response::Html(headers["user-agent"].to_str().unwrap().to_owned())
    };
    let at = serve(Router::new().route("/", get(page)).route("/agent", get(agent))).await;
    let visit = allowing(at).visit(&format!("http://{at}/"), 1_000).await.unwrap();
    assert_eq!((visit.status.as_u16(), visit.body.len()), (404, 1_000));
    assert_eq!(visit.media_type.as_deref(), Some("text/html"));
    let visit = allowing(at).visit(&format!("http://{at}/agent"), 1_000).await.unwrap();
    assert_eq!(String::from_utf8(visit.body).unwrap(), format!("Parley/{}", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn follows_redirects_by_name_and_by_path() {
    let routes = Router::new()
        .route("/a", get(|| async { Redirect::permanent("b") }))
        .route("/b", get(|| async { Redirect::to("/c") }))
        .route("/c", get(|| async { "there" }));
    let at = serve(routes).await;
    let visit = allowing(at).visit(&format!("http://site.example:{}/a", at.port()), 100).await.unwrap();
    assert_eq!((visit.url.path(), visit.status.as_u16()), ("/c", 200));
    let hops: Vec<_> = visit.hops.iter().map(|(status, url)| (status.as_u16(), url.path())).collect();
    assert_eq!(hops, [(308, "/b"), (303, "/c")]);
    assert!(visit.body.is_empty(), "only HTML is read");
}

#[tokio::test]
async fn refuses_redirects_to_private_addresses_and_endless_ones() {
    let to = |target: &'static str| get(move || async move { (Code::FOUND, [(header::LOCATION, target)]) });
    let routes = Router::new()
        .route("/metadata", to("http://169.254.169.254/latest/meta-data/"))
        .route("/neighbour", to("http://127.0.0.2/"))
        .route("/hex", to("//0x7f.2/"))
        .route("/six", to("http://[::1]/"))
        .route("/name", to("http://localhost/"))
        .route("/file", to("file:///etc/passwd"))
        .route("/port", to("http://example.org:22/"))
        .route("/user", to("http://user@example.org/"))
        .route("/loop", to("/loop"))
        .route("/nowhere", to("http://["));
    let at = serve(routes).await;
    let http = allowing(at);
    for path in ["metadata", "neighbour", "hex", "six", "name", "file", "port", "user"] {
        let why = refused(http.visit(&format!("http://{at}/{path}"), 100).await);
        assert!(why.to_string().contains("may not be visited") || why.to_string().contains("may be visited"), "{why}");
    }
    assert!(matches!(http.visit(&format!("http://{at}/loop"), 100).await, Err(HttpError::Redirects)));
    assert!(matches!(http.visit(&format!("http://{at}/nowhere"), 100).await, Err(HttpError::Nowhere)));
}

#[tokio::test]
async fn a_name_that_leads_to_private_addresses_is_refused_at_connect() {
    for ip in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1", "64:ff9b::7f00:1"] {
        let ip: IpAddr = ip.parse().unwrap();
        let http = Guarded::with(Reach::default(), Told::new(vec![vec![ip]])).unwrap();
        let why = refused(http.visit("http://site.example/", 100).await);
        assert!(matches!(why, Refused::Private(found, _) if found == ip), "{why}");
    }
}

/// DNS rebinding: the name is public when first asked and private when asked again.
#[tokio::test]
async fn a_name_that_turns_private_is_refused_when_it_does() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let page = get(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { Redirect::to("/again") }
    });
    let at = serve(Router::new().route("/", page.clone()).route("/again", page)).await;
    // The server's address stands for the public one; 127.0.0.2 is the private one it turns into.
    let turned: IpAddr = "127.0.0.2".parse().unwrap();
    let lookup = Told::new(vec![vec![HERE], vec![turned]]);
    let http = Guarded::with(Reach::and(vec![at]), lookup.clone()).unwrap();
    let why = refused(http.visit(&format!("http://site.example:{}/", at.port()), 100).await);
    assert_eq!(why, Refused::Private(turned, "this machine"));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the second request was never made");
    assert_eq!(lookup.1.load(Ordering::SeqCst), 2, "one look-up per connection: what was checked was dialled");
}

#[tokio::test]
async fn of_a_mixed_answer_only_the_public_part_is_dialled() {
    let at = serve(Router::new().route("/", get(|| async { "here" }))).await;
    let mixed = vec!["127.0.0.2".parse().unwrap(), HERE, "::1".parse().unwrap()];
    let http = Guarded::with(Reach::and(vec![at]), Told::new(vec![mixed])).unwrap();
    let visit = http.visit(&format!("http://site.example:{}/", at.port()), 100).await.unwrap();
    assert_eq!(visit.status.as_u16(), 200);
}

#[tokio::test]
async fn tells_an_unreachable_server_from_one_that_talks_nonsense() {
    let listener = tokio::net::TcpListener::bind((HERE, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    let nonsense = async {
        use tokio::io::AsyncWriteExt;
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
        drop(socket);
        drop(listener);
    };
    let http = allowing(at);
    let url = format!("http://{at}/");
    let (answer, ()) = tokio::join!(http.visit(&url, 100), nonsense);
    assert!(matches!(answer, Err(HttpError::Broken(_))), "{answer:?}");
    let gone = http.visit(&url, 100).await;
    assert!(matches!(&gone, Err(HttpError::Unreachable(why)) if why == "Connection refused"), "{gone:?}");
}

#[tokio::test]
async fn a_plain_client_reaches_this_machine_and_follows_no_redirect() {
    let at = serve(Router::new().route("/", get(|| async { Redirect::to("/elsewhere") }))).await;
    let answer = client().unwrap().get(format!("http://{at}/")).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 303);
}
