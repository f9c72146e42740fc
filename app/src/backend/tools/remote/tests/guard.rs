//! Addresses that people chose: refused when saved, at every connection, and at every redirect.

use super::{peer::Fixture, serving::listen, *};
use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    middleware::map_response,
    response::Response,
    routing::any,
};
use futures::future::BoxFuture;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
};

/// Every name leads where the test says, until it says otherwise.
struct Told(Mutex<IpAddr>);

impl Told {
    fn to(ip: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(ip.parse().unwrap())))
    }

    fn turn(&self, ip: &str) {
        *lock(&self.0) = ip.parse().unwrap();
    }
}

impl Lookup for Told {
    fn lookup(&self, _name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let answer = *lock(&self.0);
        Box::pin(async move { Ok(vec![answer]) })
    }
}

/// Connections that reach the public and `also`, with names that lead where they are told.
async fn guarded(also: Vec<SocketAddr>, told: Arc<Told>) -> World {
    let (store, keys, tasks) = (test_store().await, Folder::new(), Tasks::default());
    let config = ServersConfig { operator: Vec::new(), private: Nearby::All, tools_share: 5 };
    let means = means(&store, &keys, &tasks, config, quick());
    let connections = Connections::with(means, Reach::and(also), told).unwrap();
    World { store, connections, tasks, keys }
}

#[tokio::test]
async fn private_addresses_and_plain_http_are_refused_when_they_are_saved() {
    let (store, keys, tasks) = (test_store().await, Folder::new(), Tasks::default());
    let config = ServersConfig { operator: Vec::new(), private: Nearby::None, tools_share: 5 };
    let connections = Connections::new(means(&store, &keys, &tasks, config, quick())).unwrap();
    let world = World { store, connections, tasks, keys };
    let ann = world.person("ann").await;
    for (url, words) in [
        ("http://127.0.0.1/mcp", "private"),
        ("https://0x7f.1/mcp", "private"),
        ("https://2130706433/", "private"),
        ("https://[::ffff:127.0.0.1]/", "private"),
        ("https://169.254.169.254/latest", "private"),
        ("https://localhost/mcp", "private"),
        ("https://db.internal/mcp", "private"),
        ("https://mcp.example:22/", "Port 22"),
        ("https://user:hunter2@mcp.example/", "user name"),
        ("ftp://mcp.example/", "http"),
        ("not an address", "not a web address"),
        ("http://mcp.example/mcp", "https://"),
    ] {
        let new = NewConnection { name: "s".to_owned(), url: url.to_owned(), headers: Vec::new() };
        let refused = world.connections.add(&ann, new).await.unwrap_err();
        let ConnectError::Invalid { field: "url", reason } = &refused else { panic!("{url}: {refused:?}") };
        assert!(reason.contains(words) && reason.ends_with('.'), "{url}: {reason}");
        assert!(!reason.contains("hunter2"));
    }
    for (name, value, words) in [
        ("Host", "x", "written by the protocol"),
        ("Mcp-Session-Id", "x", "written by the protocol"),
        ("b d", "x", "not a header's name"),
        ("X-Key", "a\nb", "cannot have"),
    ] {
        let headers = vec![(name.to_owned(), SecretString::from(value))];
        let new = NewConnection { name: "s".to_owned(), url: "https://mcp.example/".to_owned(), headers };
        let refused = world.connections.add(&ann, new).await.unwrap_err();
        assert!(
            matches!(&refused, ConnectError::Invalid { field: "headers", reason } if reason.contains(words)),
            "{refused:?}"
        );
    }
    assert!(world.connections.rows(&ann).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_to_a_private_address_is_refused_at_the_connection() {
    for ip in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1", "64:ff9b::7f00:1"] {
        let world = guarded(Vec::new(), Told::to(ip)).await;
        let ann = world.person("ann").await;
        world.add(&ann, "s", "https://mcp.example/mcp").await;
        let row = world.until(&ann, ConnectionState::Away).await;
        assert!(row.error.starts_with("This address is private and may not be visited"), "{ip}: {}", row.error);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_turns_private_is_refused_when_it_does() {
    // A server that closes after each answer: whoever asks again connects again, so looks the name up again.
    let close = (header::CONNECTION, HeaderValue::from_static("close"));
    let routes = Fixture::new(false).routes();
    let at =
        listen(routes.layer(map_response(move |answer: Response| std::future::ready(([close.clone()], answer))))).await;
    // The server's address stands for the public one; 127.0.0.2 is the private one it turns into.
    let told = Told::to("127.0.0.1");
    let world = guarded(vec![at], Arc::clone(&told)).await;
    let ann = world.person("ann").await;
    world.add(&ann, "s", &format!("http://mcp.example:{}/mcp", at.port())).await;
    world.until(&ann, ConnectionState::Connected).await;
    let before = world.call(&ann, "s__echo", json!({"text": "x"})).await;
    assert!(!before.is_error, "{before:?}");

    told.turn("127.0.0.2");
    let after = world.call(&ann, "s__echo", json!({"text": "x"})).await;
    assert!(after.is_error, "{after:?}");
    let row = world.until(&ann, ConnectionState::Away).await;
    assert!(row.error.starts_with("This address is private and may not be visited"), "{}", row.error);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirect_to_another_origin_is_never_followed_and_one_within_it_is() {
    let reached = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reached);
    let elsewhere = Router::new().fallback(any(move || {
        count.fetch_add(1, Ordering::SeqCst);
        async { StatusCode::NO_CONTENT }
    }));
    let other = format!("http://{}", listen(elsewhere).await);
    for target in [other, "http://169.254.169.254/latest/".to_owned(), "http://127.0.0.2/".to_owned()] {
        for status in [StatusCode::FOUND, StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT] {
            let to = target.clone();
            let answer = move || async move { (status, [(header::LOCATION, to)]) };
            let at = listen(Router::new().route("/mcp", any(answer))).await;
            let world = guarded(vec![at], Told::to("127.0.0.1")).await;
            let ann = world.person("ann").await;
            world.add_with(&ann, "s", &format!("http://{at}/mcp"), &[("X-Key", "hunter2")]).await;
            let row = world.until(&ann, ConnectionState::Away).await;
            assert!(row.error.contains("redirects elsewhere"), "{}", row.error);
            world.stop().await;
        }
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);

    let fixture = Fixture::new(false);
    let slash = fixture.serve().await + "/";
    let world = World::new().await;
    let ann = world.person("ann").await;
    world.add(&ann, "s", &slash).await;
    world.until(&ann, ConnectionState::Connected).await;
    world.stop().await;
}
