//! Sessions of older clients: how many there may be, what keeps one, and that nothing is left of one that ended.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    mcp::{Client, me, message, token},
    socket::PATIENCE,
};
use app::wire::{
    event::{ChatEvent, ClientEvent},
    message::Status,
    tool::{Approval, ToolState},
};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;

/// How many sessions rmcp has.
async fn alive(app: &TestApp) -> usize {
    app.backend.mcp.sessions().alive().sessions.read().await.len()
}

#[tokio::test]
async fn no_way_to_begin_one_escapes_the_count() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let client = Client::modern(&app, &token(&app, "ada", "read").await);
    for name in [json!(1), json!(["x"]), json!("x")] {
        let mut hello = me();
        hello["name"] = name;
        for _ in 0..17 {
            let request = client.request(Method::POST).json(&message("initialize", hello.clone()));
            assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
            assert!(alive(&app).await <= 16);
        }
    }
    assert_eq!((alive(&app).await, app.backend.mcp.sessions().count()), (16, 16));
    app.stop().await;
}

#[tokio::test]
async fn all_together_have_a_limit_and_whoever_has_most_gives_way() {
    let app = TestApp::start_with(|settings| settings.mcp_sessions_max = Some("3".to_owned())).await;
    let (_ada, _eve) = (app.person("ada").await, app.person("eve").await);
    let (hers, foreign) = (token(&app, "ada", "read").await, token(&app, "eve", "read").await);
    let first = Client::legacy(&app, &hers).await;
    let others = [Client::legacy(&app, &hers).await, Client::legacy(&app, &hers).await];
    let eves = Client::legacy(&app, &foreign).await;
    assert_eq!(first.post("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
    for client in others.iter().chain([&eves]) {
        assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::OK);
    }
    for _ in 0..5 {
        Client::legacy(&app, &hers).await;
    }
    assert_eq!(eves.post("tools/list", json!({})).await.status(), StatusCode::OK, "her many are not another's loss");
    assert_eq!((alive(&app).await, app.backend.mcp.sessions().count()), (3, 3));
    app.stop().await;
}

/// An app whose sessions end soon.
async fn soon() -> TestApp {
    TestApp::scripted_with(|settings| settings.mcp_session_idle = Some("1".to_owned())).await
}

/// Waits until the client's session has ended, without using it.
async fn ended(app: &TestApp, client: &Client<'_>) {
    let over = async {
        while lives(app, client).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, over).await.unwrap();
}

async fn lives(app: &TestApp, client: &Client<'_>) -> bool {
    let sessions = app.backend.mcp.sessions().alive().sessions.read().await;
    sessions.contains_key(client.session.as_deref().unwrap())
}

/// Waits for as long as a session lives that nothing keeps.
async fn idle(app: &TestApp, token: &str) {
    ended(app, &Client::legacy(app, token).await).await;
}

#[tokio::test]
async fn an_unused_one_ends_and_nothing_of_it_is_left() {
    let app = soon().await;
    app.person("ada").await;
    let client = Client::legacy(&app, &token(&app, "ada", "read").await).await;
    assert_eq!(app.backend.mcp.sessions().count(), 1);
    ended(&app, &client).await;
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let request = client.request(method.clone()).json(&message("tools/list", json!({})));
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_FOUND, "{method}");
    }
    assert_eq!((alive(&app).await, app.backend.mcp.sessions().count()), (0, 0));
    app.stop().await;
}

#[tokio::test]
async fn a_call_that_says_nothing_for_long_keeps_its_session_and_comes_to_its_end() {
    let app = soon().await;
    let ada = app.person("ada").await;
    let all = token(&app, "ada", "read write run").await;
    for hangs_up in [false, true] {
        let room = ada.room().await;
        let mut tab = ada.tab(room).await;
        let client = Client::legacy(&app, &all).await;
        let text = "script:\ntool rename_conversation {\"title\": \"Engines\"}\nsay Renamed.";
        let call = json!({"name": "send_message", "arguments": {"conversation_id": room, "text": text}});
        let stream = client.stream("tools/call", call).await;
        let asks = |event: &ChatEvent| matches!(event, ChatEvent::Tool { state: ToolState::Asked { .. }, .. });
        let ChatEvent::Tool { turn, call, .. } = tab.until(asks).await else { unreachable!() };
        // In the older era a client that hangs up has not called its call off.
        let stream = (!hangs_up).then_some(stream);
        idle(&app, &all).await;
        assert!(lives(&app, &client).await);
        tab.say(&ClientEvent::Decide { turn, call: call.id, approval: Approval::Once, arguments: None }).await;
        if let Some(mut stream) = stream {
            let answer = stream.answer().await;
            assert!(answer["result"]["structuredContent"]["text"].as_str().unwrap().contains("Renamed."), "{answer}");
        }
        let over = |event: &ChatEvent| matches!(event, ChatEvent::Message { message } if message.turn.is_some() && message.status != Status::Pending);
        let ChatEvent::Message { message } = tab.until(over).await else { unreachable!() };
        assert_eq!(message.status, Status::Complete);
        ended(&app, &client).await;
        assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
    }
    app.stop().await;
}

#[tokio::test]
async fn an_open_stream_keeps_its_session() {
    let app = soon().await;
    let ada = app.person("ada").await;
    let hers = token(&app, "ada", "read").await;
    let client = Client::legacy(&app, &hers).await;
    let mut stream = client.listen().await;
    idle(&app, &hers).await;
    assert!(lives(&app, &client).await);
    ada.room().await;
    stream.until("notifications/resources/list_changed").await;
    drop(stream);
    ended(&app, &client).await;
    assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
    app.stop().await;
}
