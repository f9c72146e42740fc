//! A vendor's server on loopback, and what it sees.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::backend::{
    llm::{
        ChatRequest, Delta, Provider,
        retry::{Retrying, Sleep},
        sse::tests::shown,
    },
    task::Tasks,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::IntoResponse,
};
use bytes::Bytes;
use futures::{FutureExt, Stream};
use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tokio::sync::oneshot;

/// What was asked.
#[derive(Clone, Debug)]
pub(in super::super) struct Seen {
    pub(in super::super) path: String,
    pub(in super::super) headers: http::HeaderMap,
    pub(in super::super) body: serde_json::Value,
}

/// One response.
pub(in super::super) struct Canned {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

impl Canned {
    pub(in super::super) fn new(status: u16, kind: &str, body: impl Into<Body>) -> Self {
        Self { status, headers: vec![("content-type", kind.to_owned())], body: body.into() }
    }

    pub(in super::super) fn failing(status: u16, body: &'static str) -> Self {
        Self::new(status, "application/json", body)
    }

    pub(in super::super) fn recorded(name: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llm").join(name);
        Self::new(200, "text/event-stream", std::fs::read(path).unwrap())
    }

    /// The recorded stream, each byte in a write of its own.
    pub(in super::super) fn byte_by_byte(name: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llm").join(name);
        let bytes = stream::iter(std::fs::read(path).unwrap());
        Self::streaming(bytes.then(|byte| async move {
            // The connection is polled in between, and sends what it has.
            tokio::task::yield_now().await;
            Bytes::from(vec![byte])
        }))
    }

    fn streaming(body: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::new(200, "text/event-stream", Body::from_stream(body.map(Ok::<_, Infallible>)))
    }

    pub(in super::super) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

#[derive(Clone, Default)]
struct Shared {
    canned: Arc<Mutex<VecDeque<Canned>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A server that answers each request with the next canned response.
pub(in super::super) struct Server {
    pub(in super::super) url: String,
    shared: Shared,
    _tasks: Tasks,
}

impl Server {
    pub(in super::super) async fn start(canned: Vec<Canned>) -> Self {
        let shared = Shared { canned: Arc::new(Mutex::new(canned.into())), ..Shared::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let tasks = Tasks::default();
        tasks.spawn("vendor", async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared, _tasks: tasks }
    }

    pub(in super::super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap();
    shared.seen.lock().unwrap().push(Seen { path: parts.uri.path().to_owned(), headers: parts.headers, body });
    let canned = shared.canned.lock().unwrap().pop_front().unwrap();
    let mut response = http::Response::builder().status(canned.status);
    for (name, value) in canned.headers {
        response = response.header(name, value);
    }
    response.body(canned.body).unwrap()
}

/// A client as the binary has it.
pub(in super::super) fn client() -> reqwest::Client {
    crate::backend::http::client().unwrap()
}

/// The reply of a provider that is retried without waiting, and the waits there would have been.
pub(in super::super) async fn ask_again(
    api: impl Provider + 'static,
    request: ChatRequest,
) -> (Vec<Result<Delta, ProviderError>>, Vec<Duration>) {
    let slept = Arc::new(Mutex::new(Vec::new()));
    let note = slept.clone();
    let sleep: Sleep = Arc::new(move |time| {
        note.lock().unwrap().push(time);
        std::future::ready(()).boxed()
    });
    let all = Retrying::with_sleep(Arc::new(api), sleep).stream(request).collect().await;
    let slept = slept.lock().unwrap().clone();
    (all, slept)
}

/// Says every event's data, and is never satisfied.
struct Parrot;

impl Mapper for Parrot {
    fn event(&mut self, data: &str) -> Result<Vec<Delta>, ProviderError> {
        Ok(vec![Delta::Text(data.to_owned())])
    }
    fn end(&mut self) -> Result<Vec<Delta>, ProviderError> {
        Err(ProviderError::new(Category::Cut, "no end"))
    }
    fn settled(&self) -> bool {
        false
    }
    fn over(&self) -> bool {
        false
    }
}

/// The deltas of a recorded stream that a server sends byte by byte.
pub(in super::super) async fn over_the_wire(name: &str, mapper: impl Mapper) -> Vec<Result<Delta, ProviderError>> {
    let server = Server::start(vec![Canned::byte_by_byte(name)]).await;
    let request = client().post(&server.url).json(&serde_json::json!({}));
    reply(request, mapper, Patience::default()).collect().await
}

fn parrot(server: &Server, patience: Patience) -> DeltaStream {
    reply(client().post(&server.url).json(&serde_json::json!({})), Parrot, patience)
}

async fn heard(canned: Canned) -> (String, Vec<Result<Delta, ProviderError>>) {
    let server = Server::start(vec![canned]).await;
    let patience = Patience { head: Duration::from_secs(5), idle: Duration::from_millis(200) };
    let all: Vec<_> = parrot(&server, patience).collect().await;
    (shown(&all), all)
}

#[tokio::test]
async fn a_slow_stream_is_read_as_it_comes() {
    let slow = stream::iter(["data: one\n", "\ndata: t", "wo\n\n"]).then(|piece| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Bytes::from(piece)
    });
    assert_eq!(heard(Canned::streaming(slow)).await.0, "text \"one\"\ntext \"two\"\nerror Cut: no end");
}

#[tokio::test]
async fn a_silent_stream_is_given_up() {
    let silent = stream::iter([Bytes::from("data: one\n\n")]).chain(stream::pending());
    assert!(heard(Canned::streaming(silent)).await.0.starts_with("text \"one\"\nerror Cut: nothing came"));
}

#[tokio::test]
async fn a_connection_cut_in_the_middle_is_told() {
    let pieces = stream::iter([Ok(Bytes::from("data: one\n\n")), Err(std::io::Error::other("gone"))]);
    let broken = pieces.then(|piece| async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        piece
    });
    let body = Body::from_stream(broken);
    let (shown, _) = heard(Canned::new(200, "text/event-stream", body)).await;
    assert!(shown.starts_with("text \"one\"\nerror Cut: the connection broke"), "{shown}");
}

#[tokio::test]
async fn a_huge_error_is_read_to_its_cap() {
    let endless = stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from(vec![b'x'; 16 * 1024])));
    let (_, all) = heard(Canned::new(500, "text/plain", Body::from_stream(endless))).await;
    let error = all[0].as_ref().unwrap_err();
    assert_eq!((error.category, error.status), (Category::Unreachable, Some(500)));
    assert!(error.message.len() < 1000);
}

#[tokio::test]
async fn nobody_listening_is_unreachable_and_the_address_stays_private() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/?key=secret", listener.local_addr().unwrap());
    drop(listener);
    let all: Vec<_> = reply(client().post(url), Parrot, Patience::default()).collect().await;
    let error = all[0].as_ref().unwrap_err();
    assert_eq!(error.category, Category::Unreachable);
    assert!(!error.message.contains("secret"), "{}", error.message);
}

#[tokio::test]
async fn a_head_that_never_comes_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let patience = Patience { head: Duration::from_millis(50), idle: Duration::from_millis(50) };
    let all: Vec<_> = reply(client().post(url), Parrot, patience).collect().await;
    assert_eq!(all[0].as_ref().unwrap_err().category, Category::Unreachable);
}

#[tokio::test]
async fn dropping_the_reply_closes_the_connection() {
    struct Told(Option<oneshot::Sender<()>>);
    impl Drop for Told {
        fn drop(&mut self) {
            let _ = self.0.take().map(|tell| tell.send(()));
        }
    }
    let (tell, told) = oneshot::channel();
    let guard = Told(Some(tell));
    let body = stream::unfold(guard, |guard| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Bytes::from("data: more\n\n"), guard))
    });
    let server = Server::start(vec![Canned::streaming(body)]).await;
    let mut reply = parrot(&server, Patience::default());
    assert_eq!(reply.next().await.unwrap().unwrap(), Delta::Text("more".into()));
    drop(reply);
    tokio::time::timeout(Duration::from_secs(10), told).await.unwrap().unwrap();
}

#[test]
fn retry_after_as_seconds_milliseconds_or_date() {
    let of = |name: &'static str, value: &str| {
        let mut headers = header::HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        retry_after(&headers)
    };
    assert_eq!(of("retry-after", "7"), Some(Duration::from_secs(7)));
    assert_eq!(of("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
    assert_eq!(of("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
    assert!(of("retry-after", "Thu, 31 Dec 2099 23:59:59 GMT").unwrap() > Duration::from_secs(1000));
    for nonsense in ["soon", "-3", "NaN", "1e300"] {
        assert_eq!(of("retry-after", nonsense), None, "{nonsense}");
    }
}
