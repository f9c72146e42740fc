//! `/metrics`: what moves its numbers, whom it tells of nobody to, and that its labels stay few.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp, TestUser,
    mcp::{Client, challenge, token},
    socket::PATIENCE,
};
use app::{backend::config::Settings, wire::account::Username};
use reqwest::{Method, Response, StatusCode, header};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

const TOKEN: &str = "a-secret-of-the-operators";

fn open(settings: &mut Settings) {
    settings.metrics_token = Some(TOKEN.into());
}

async fn asked(person: &TestUser, token: &str) -> Response {
    person.bare(Method::GET, "/metrics").bearer_auth(token).send().await.unwrap()
}

async fn read(app: &TestApp) -> String {
    let response = asked(&app.visitor(), TOKEN).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

/// The lines of one metric: what is between the braces, and the number.
fn series<'a>(text: &'a str, name: &str) -> Vec<(&'a str, f64)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let parts = lines.filter_map(|rest| match rest.strip_prefix('{') {
        Some(rest) => rest.rsplit_once("} "),
        None => rest.strip_prefix(' ').map(|number| ("", number)),
    });
    parts.map(|(labels, number)| (labels, number.parse().unwrap())).collect()
}

/// What they come to, of the lines that have all these labels.
fn sum(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let wanted: Vec<_> = labels.iter().map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    let has = |told: &str| wanted.iter().all(|label| told.split(',').any(|one| one == label));
    series(text, name).into_iter().filter(|(told, _)| has(told)).map(|(_, number)| number).sum()
}

/// Reads until it is so: what is counted at the end of something may come after its answer.
async fn until(app: &TestApp, so: impl Fn(&str) -> bool) -> String {
    let wait = async {
        loop {
            let text = read(app).await;
            if so(&text) {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the numbers do not move so far")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_a_tool_a_socket_and_a_program_are_counted() {
    const FIRST: &[(&str, &[(&str, &str)])] = &[
        ("parley_turns_started_total", &[]),
        ("parley_turns_ended_total", &[("end", "complete")]),
        ("parley_turn_seconds_count", &[]),
        ("parley_first_delta_seconds_count", &[]),
        ("parley_tool_calls_total", &[("tool", "sum"), ("outcome", "ok")]),
        ("parley_tokens_total", &[("direction", "output")]),
        ("parley_http_requests_total", &[("method", "GET"), ("status", "1xx")]),
    ];
    const THEN: &[(&str, &[(&str, &str)])] = &[
        ("parley_mcp_requests_total", &[("method", "tools/call"), ("outcome", "ok")]),
        ("parley_mcp_request_seconds_count", &[("method", "tools/call")]),
        ("parley_http_requests_total", &[("route", "/mcp"), ("method", "POST"), ("status", "2xx")]),
        ("parley_http_request_seconds_count", &[("route", "/mcp"), ("method", "POST")]),
    ];
    let app = TestApp::scripted_with(open).await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let before = read(&app).await;
    assert!(series(&before, "parley_turns_started_total").len() == 1, "it is there before it happens: {before}");
    let moved = |text: &str, these: &[(&str, &[(&str, &str)])]| {
        these.iter().all(|(name, labels)| sum(text, name, labels) > sum(&before, name, labels))
    };

    let mut tab = ada.tab(room).await;
    let reply = tab.ask(room, "script:\ntool sum {\"numbers\": [40, 2]}\necho").await;
    assert!(reply.text().contains("42"), "{}", reply.text());
    let text = until(&app, |text| moved(text, FIRST)).await;
    // The socket is still open, and was answered long ago.
    assert!(sum(&text, "parley_sockets", &[]) > sum(&before, "parley_sockets", &[]), "{text}");
    assert!(!moved(&text, THEN));
    drop(tab);
    until(&app, |text| sum(text, "parley_sockets", &[]) <= sum(&before, "parley_sockets", &[])).await;

    let key = token(&app, "ada", "read write run").await;
    Client::modern(&app, &key).done("sum", json!({"numbers": [40, 2]})).await;
    until(&app, |text| moved(text, THEN)).await;
    let listens = [("route", "/mcp"), ("method", "GET"), ("status", "2xx")];
    let stream = Client::legacy(&app, &key).await.listen().await;
    until(&app, |text| sum(text, "parley_http_requests_total", &listens) > 0.0).await;
    drop(stream);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_what_each_is_and_nothing_of_anybody() {
    let app = TestApp::scripted_with(open).await;
    let zebedee = app.person("zebedee").await;
    let room = zebedee.room().await;
    let mut tab = zebedee.tab(room).await;
    tab.ask(room, "script:\ntool xyzzy_by_name {\"secret\": 1}\nsay quetzalcoatl").await;
    assert_eq!(zebedee.get(&format!("/c/{room}")).await.status(), StatusCode::OK);
    let key = token(&app, "zebedee", "read write run").await;
    Client::modern(&app, &key).done("get_conversation_history", json!({"conversation_id": room})).await;
    let text = until(&app, |text| sum(text, "parley_turns_ended_total", &[]) > 0.0).await;

    let user = app.backend.store.user_by_name(&Username::parse("zebedee").unwrap()).await.unwrap().unwrap().id;
    for theirs in ["zebedee", "quetzalcoatl", "xyzzy", "127.0.0.1", &room.to_string(), &user.to_string(), &key, TOKEN] {
        assert!(!text.contains(theirs), "{theirs}: {text}");
    }
    assert!(sum(&text, "parley_tool_calls_total", &[("tool", "unknown"), ("outcome", "error")]) > 0.0, "{text}");

    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let kinds: Vec<_> = kinds.collect();
    assert!(kinds.len() >= 12, "{kinds:?}");
    for (name, kind) in kinds {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
        // Histograms add up over processes and time; summaries do not.
        assert!(["counter", "gauge", "histogram"].contains(&kind), "{name} is a {kind}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
    }
    let build = format!("parley_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&build), "{text}");
    assert!(sum(&text, "process_resident_memory_bytes", &[]) > 1_000_000.0);
    let now = Duration::from_millis(app.backend.clock.now().0.unsigned_abs()).as_secs_f64();
    let began = sum(&text, "process_start_time_seconds", &[]);
    assert!((1.0e9..=now).contains(&began), "{began}");
    app.stop().await;
}

#[tokio::test]
async fn the_operators_secret_opens_it_and_nothing_else_does() {
    let closed = TestApp::start().await;
    let admin = closed.person("root").await;
    for person in [&admin, &closed.visitor()] {
        assert_eq!(person.get("/metrics").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(asked(person, TOKEN).await.status(), StatusCode::NOT_FOUND);
    }
    closed.stop().await;

    let app = TestApp::start_with(|settings| {
        open(settings);
        settings.rate_sign_in_address = Some("3/1h".to_owned());
    })
    .await;
    let admin = app.person("root").await;
    let with_cookie = admin.get("/metrics").await;
    assert_eq!(with_cookie.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(challenge(&with_cookie), "Bearer realm=\"Parley metrics\"");
    let hers = token(&app, "root", "read write run").await;
    for wrong in [&*hers, "a-secret-of-the-operator", "A-SECRET-OF-THE-OPERATORS"] {
        let refused = asked(&app.visitor(), wrong).await;
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(challenge(&refused).contains("invalid_token"), "{wrong}");
        assert!(!refused.text().await.unwrap().contains("parley_"));
    }
    let refused = asked(&app.visitor(), "guess").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    let query = app.visitor().get(&format!("/metrics?token={TOKEN}")).await;
    assert_eq!(query.status(), StatusCode::UNAUTHORIZED, "a secret in an address is in logs");

    let opened = asked(&app.visitor(), TOKEN).await;
    assert_eq!(opened.status(), StatusCode::OK, "who guesses locks nobody out");
    assert_eq!(opened.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(opened.headers()[header::CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    app.stop().await;
}

#[tokio::test]
async fn whatever_is_asked_for_labels_are_few() {
    let app = TestApp::start_with(open).await;
    app.site_file("pkg/parley.js", b"1");
    let ada = app.person("ada").await;
    let rooms = [ada.room().await, ada.room().await];
    let stranger = app.visitor();
    for n in 0..20 {
        assert_eq!(stranger.get(&format!("/nowhere-{n}/at-all?q={n}")).await.status(), StatusCode::NOT_FOUND);
        let method = Method::from_bytes(format!("BREW{n}").as_bytes()).unwrap();
        let brewed = stranger.bare(method, &format!("/pot-{n}")).send().await.unwrap();
        assert!(brewed.status().is_client_error(), "{}", brewed.status());
    }
    for room in rooms {
        assert_eq!(ada.get(&format!("/c/{room}")).await.status(), StatusCode::OK);
    }
    assert_eq!(ada.get("/pkg/parley.js").await.status(), StatusCode::OK);
    let text = read(&app).await;
    let requests = series(&text, "parley_http_requests_total");
    let nowhere: Vec<_> = requests.iter().filter(|(labels, _)| labels.contains("route=\"(none)\"")).collect();
    assert!((1..=6).contains(&nowhere.len()), "{nowhere:?}");
    assert!(nowhere.iter().map(|(_, number)| number).sum::<f64>() >= 40.0, "{nowhere:?}");
    assert!(sum(&text, "parley_http_requests_total", &[("route", "(none)"), ("method", "other")]) >= 20.0);
    assert!(sum(&text, "parley_http_requests_total", &[("route", "/pkg"), ("status", "2xx")]) >= 1.0);
    assert!(!text.contains("nowhere-") && !text.contains("BREW") && !text.contains("pot-"), "{text}");
    let of = |labels: &str| labels.split(',').find(|label| label.starts_with("route=")).unwrap().to_owned();
    let rooms: BTreeSet<_> = requests.iter().map(|(labels, _)| of(labels)).filter(|r| r.contains("/c/")).collect();
    assert_eq!(rooms.len(), 1, "two conversations are one route: {rooms:?}");
    app.stop().await;
}
