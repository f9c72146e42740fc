//! Servers that are hung, dead, closed, mad, or come and go.

use super::{
    peer::Fixture,
    serving::{listen, listen_on},
    *,
};
use axum::{Router, http::StatusCode, response::IntoResponse, routing::any};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Serves these routes; its address.
async fn serve(routes: Router) -> String {
    format!("http://{}/mcp", listen(routes).await)
}

fn answering<R: IntoResponse + Clone + Send + Sync + 'static>(answer: R) -> Router {
    Router::new().route("/mcp", any(move || async move { answer }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_server_delays_nobody_and_says_so() {
    let hung = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", hung.local_addr().unwrap());
    let sound = Fixture::new(false).serve().await;
    let world = World::with(Options { connect: Duration::from_millis(500), ..quick() }, Vec::new()).await;
    let ann = world.person("ann").await;
    world.add(&ann, "hung", &url).await;
    world.add(&ann, "sound", &sound).await;
    // Nothing here waits for the hung one: with the paused answer this would never end.
    within(async {
        while world.names(&ann).await.len() < 8 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(world.names(&ann).await.iter().all(|name| name.starts_with("sound__")));
    let row = world.until(&ann, ConnectionState::Away).await;
    assert_eq!(row.error, "It did not answer within 0.5 seconds.");
    let outcome = world.call(&ann, "hung__anything", json!({})).await;
    assert!(outcome.is_error && outcome.text.starts_with("The tools of «hung» are away."), "{}", outcome.text);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_is_told_in_words() {
    let closed = {
        let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/mcp", gone.local_addr().unwrap())
    };
    let challenge = [("www-authenticate", "Bearer resource_metadata=\"https://x/\"")];
    for (url, state, words) in [
        (closed, ConnectionState::Away, "cannot be reached"),
        (
            serve(answering((StatusCode::UNAUTHORIZED, challenge))).await,
            ConnectionState::SignIn,
            "wants you to sign in",
        ),
        (serve(answering(StatusCode::UNAUTHORIZED)).await, ConnectionState::SignIn, "wants you to sign in"),
        (serve(answering(StatusCode::FORBIDDEN)).await, ConnectionState::Credentials, "does not accept"),
        (serve(answering(StatusCode::NOT_FOUND)).await, ConnectionState::Away, "HTTP 404"),
        (
            serve(answering(StatusCode::SERVICE_UNAVAILABLE)).await,
            ConnectionState::Away,
            "trouble of its own (HTTP 503)",
        ),
        (serve(answering(axum::response::Html("<p>Welcome</p>"))).await, ConnectionState::Away, "text/html"),
        (serve(answering(axum::Json(json!({"hello": "you"})))).await, ConnectionState::Away, "Model Context Protocol"),
    ] {
        let world = World::new().await;
        let ann = world.person("ann").await;
        world.add(&ann, "s", &url).await;
        let row = world.until(&ann, state).await;
        assert!(row.error.contains(words), "{words}: {}", row.error);
        assert!(!row.error.contains("127.0.0.1"), "{}", row.error);
        assert!(world.names(&ann).await.is_empty());
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_comes_and_goes_is_asked_ever_more_rarely() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let routes = Router::new().route(
        "/mcp",
        any(move || {
            count.fetch_add(1, Ordering::SeqCst);
            async { StatusCode::BAD_GATEWAY }
        }),
    );
    let url = serve(routes).await;
    let options = Options { retry: Duration::from_millis(5), probe: Duration::from_hours(1), ..quick() };
    let world = World::with(options, Vec::new()).await;
    let ann = world.person("ann").await;
    let id = world.add(&ann, "s", &url).await;
    eventually(|| asked.load(Ordering::SeqCst) == 7).await;
    for _ in 0..50 {
        world.names(&ann).await;
        world.row(&ann).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 7, "six tries, then the breaker is open: use and looks do not count");
    world.connections.reconnect(&ann, &id.to_string()).await.unwrap();
    eventually(|| asked.load(Ordering::SeqCst) > 7).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_returns_is_found_without_anybody_doing_anything() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let world = World::new().await;
    let ann = world.person("ann").await;
    world.add(&ann, "s", &format!("http://{at}/mcp")).await;
    world.until(&ann, ConnectionState::Away).await;
    let fixture = Fixture::new(false);
    listen_on(tokio::net::TcpListener::bind(at).await.unwrap(), fixture.routes());
    let row = world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(row.error, "");
    world.stop().await;
}
