//! What is written down of requests to `/mcp`: who asked for what, by which token, and how it ended; never with what.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    log::listen,
    mcp::{Client, at_the_page, message, token},
};
use app::wire::limits::BODY_MAX;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn every_request_and_every_refusal_is_one_line_without_what_was_in_it() {
    let (log, _heard) = listen();
    let app = TestApp::start_with(|settings| settings.rate_call = Some("3/1h".to_owned())).await;
    let _ada = app.person("ada").await;
    let user = at_the_page(&app, "ada").await.user.to_string();
    let shown = token(&app, "ada", "read").await;
    let id = app.backend.auth.bearer(&shown, "/mcp").await.unwrap().unwrap().token.to_string();
    let legacy = Client::legacy(&app, &shown).await;
    let modern = Client::modern(&app, &shown);
    assert!(!modern.call("sum", json!({"numbers": [1, 41_000_001]})).await.0);
    assert!(legacy.call("sum", json!({"numbers": "forty-one"})).await.0);
    modern.error("tools/call", json!({"name": "forty-one", "arguments": {}})).await;
    modern.result("prompts/list", json!({})).await;
    let refused = |name: &str| json!({"name": name, "arguments": {"numbers": [41_000_001], "title": "forty-one"}});
    assert_eq!(modern.post("tools/call", refused("sum")).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(modern.post("tools/call", refused("forty-one")).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(modern.post("tools/call", refused("rename_conversation")).await.status(), StatusCode::FORBIDDEN);
    let broken = modern.request(Method::POST).header("content-type", "application/json").body("{forty-one");
    assert_eq!(broken.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    app.stop().await;

    let text = log.text();
    assert!(!text.contains("forty-one") && !text.contains("41000001") && !text.contains(&shown), "{text}");
    let lines = log.lines("mcp");
    let told: Vec<_> = lines
        .iter()
        .map(|f| (f["method"].as_str().unwrap(), f["tool"].as_str().unwrap(), f["outcome"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("initialize", "", "ok"),
        ("tools/call", "sum", "ok"),
        ("tools/call", "sum", "tool_error"),
        ("tools/call", "", "refused"),
        ("prompts/list", "", "ok"),
        ("tools/call", "sum", "refused"),
        ("tools/call", "", "refused"),
        ("tools/call", "rename_conversation", "refused"),
        ("other", "", "refused"),
    ];
    assert_eq!(told, wanted, "{text}");
    let (served, turned_away) = lines.split_at(5);
    for f in &lines {
        assert_eq!((&f["user"], &f["token"], &f["endpoint"]), (&json!(user), &json!(id), &json!("/mcp")), "{f}");
    }
    assert!(served.iter().all(|f| f["client"] == "test 1" && f["duration_ms"].is_u64()), "{text}");
    // A message that cannot be read says no name.
    let clients: Vec<_> = turned_away.iter().map(|f| f["client"].as_str().unwrap()).collect();
    assert_eq!(clients, ["test 1", "test 1", "test 1", ""], "{text}");
    assert!(turned_away.iter().all(|f| f["duration_ms"].is_u64()), "{text}");
    let statuses: Vec<_> = turned_away.iter().map(|f| f["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [429, 429, 403, 400], "{text}");
}

#[tokio::test]
async fn what_is_refused_before_it_is_read_is_one_line_too() {
    let (log, _heard) = listen();
    let app = TestApp::start().await;
    app.person("ada").await;
    let user = at_the_page(&app, "ada").await.user.to_string();
    let shown = token(&app, "ada", "read").await;
    let client = Client::modern(&app, &shown);
    let mut nobody = client.clone();
    nobody.token = None;
    let unknown = client.clone().showing("parley_forty-one");
    for client in [&nobody, &unknown] {
        assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::UNAUTHORIZED);
    }
    let mut ended = client.clone();
    ended.session = Some("forty-one".to_owned());
    assert_eq!(ended.post("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
    // Without a length, so that it is begun to be read.
    let large = futures::stream::iter(vec![Ok::<_, std::io::Error>("x".repeat(BODY_MAX)), Ok("x".to_owned())]);
    let large = client.request(Method::POST).body(reqwest::Body::wrap_stream(large)).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    // What the gate lets in and rmcp does not take.
    let list = message("tools/list", json!({}));
    let other = client.request(Method::POST).header("content-type", "text/plain").body(list.to_string());
    assert_eq!(other.send().await.unwrap().status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    // What is refused behind the gate was written there, once.
    assert_eq!(client.post("logging/setLevel", json!({"level": "info"})).await.status(), StatusCode::NOT_FOUND);
    app.stop().await;

    let text = log.text();
    assert!(!text.contains("forty-one") && !text.contains(&shown), "{text}");
    let lines = log.lines("mcp");
    let told: Vec<_> = lines.iter().map(|f| (f["method"].as_str().unwrap(), f["status"].as_u64())).collect();
    let wanted = [
        ("other", Some(401)),
        ("other", Some(401)),
        ("other", Some(404)),
        ("other", Some(413)),
        ("tools/list", Some(415)),
        ("logging/setLevel", None),
    ];
    assert_eq!(told, wanted, "{text}");
    assert!(lines.iter().all(|f| f["outcome"] == "refused" && f["endpoint"] == "/mcp" && f["duration_ms"].is_u64()));
    let (nobodys, hers) = lines.split_at(2);
    assert!(nobodys.iter().all(|f| f["user"] == "" && f["token"] == ""), "{text}");
    assert!(hers.iter().all(|f| f["user"] == user && f["token"] != ""), "{text}");
}

#[tokio::test]
async fn what_is_too_large_or_too_often_for_its_address_is_one_line_too() {
    let (log, _heard) = listen();
    let app = TestApp::start_with(|settings| settings.rate_request = Some("2/1h".to_owned())).await;
    let unknown = Client::modern(&app, "parley_forty-one");
    // It says its length: neither is it read nor its token looked up.
    let large = unknown.request(Method::POST).body("x".repeat(BODY_MAX + 1)).send().await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for status in [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS] {
        assert_eq!(unknown.post("tools/list", json!({})).await.status(), status);
    }
    app.stop().await;

    let (text, lines) = (log.text(), log.lines("mcp"));
    assert!(!text.contains("forty-one"), "{text}");
    assert_eq!(lines.iter().map(|f| f["status"].as_u64()).collect::<Vec<_>>(), [Some(413), Some(401), Some(429)]);
    assert!(lines.iter().all(|f| f["outcome"] == "refused" && f["endpoint"] == "/mcp" && f["user"] == ""), "{text}");
}
