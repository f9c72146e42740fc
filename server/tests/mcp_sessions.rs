//! Sessions of older clients: how many there may be, and that nothing is left of one that ended.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    mcp::{Client, me, message, token},
    socket::PATIENCE,
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

#[tokio::test]
async fn an_unused_one_ends_and_nothing_of_it_is_left() {
    let app = TestApp::start_with(|settings| settings.mcp_session_idle = Some("2".to_owned())).await;
    app.person("ada").await;
    let client = Client::legacy(&app, &token(&app, "ada", "read").await).await;
    assert_eq!(app.backend.mcp.sessions().count(), 1);
    let over = async {
        while app.backend.mcp.sessions().count() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, over).await.unwrap();
    assert_eq!(alive(&app).await, 0);
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let request = client.request(method.clone()).json(&message("tools/list", json!({})));
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_FOUND, "{method}");
    }
    app.stop().await;
}
