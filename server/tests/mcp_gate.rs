//! The gate of `/mcp` and messages that are made to be read in two ways: what is served is what was judged.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    mcp::{Client, MODERN, at_the_page, me, message, token},
    socket::PATIENCE,
};
use reqwest::{Method, StatusCode, header};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

#[tokio::test]
async fn what_makes_work_is_counted_whatever_else_it_says() {
    let reading = json!({"uri": "parley://conversations/x", "name": 1});
    let completing = json!({
        "ref": {"type": "ref/resource", "uri": "parley://conversations/{id}"}, "name": ["x"],
        "argument": {"name": "id", "value": ""},
    });
    for (method, params) in [("resources/read", reading), ("completion/complete", completing)] {
        let app = TestApp::start_with(|settings| settings.rate_call = Some("1/1h".to_owned())).await;
        app.person("ada").await;
        let client = Client::modern(&app, &token(&app, "ada", "read").await);
        assert_ne!(client.post(method, params.clone()).await.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(client.post(method, params).await.status(), StatusCode::TOO_MANY_REQUESTS, "{method}");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_name_that_is_there_twice_is_the_one_that_was_judged() {
    let app = TestApp::start_with(|settings| settings.rate_call = Some("1/1h".to_owned())).await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let client = Client::modern(&app, &token(&app, "ada", "read").await);
    let send = async |body: String| {
        let request = client.request(Method::POST).header("mcp-protocol-version", "2025-11-25");
        request.header(header::CONTENT_TYPE, "application/json").body(body).send().await.unwrap()
    };
    let arguments = json!({"conversation_id": room, "title": "Engines", "numbers": [1]});
    for (first, last) in [("rename_conversation", "sum"), ("sum", "rename_conversation")] {
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call",
            "params":{{"name":"{first}","name":"{last}","arguments":{arguments}}}}}"#
        );
        let response = send(call).await;
        assert_eq!(response.status() == StatusCode::FORBIDDEN, last != "sum", "{first}, {last}");
    }
    assert_ne!(ada.conversations().await[0].title, "Engines");
    let twice =
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"sum","arguments":{}}}"#;
    assert_eq!(send(twice.to_owned()).await.status(), StatusCode::TOO_MANY_REQUESTS);
    app.stop().await;
}

#[tokio::test]
async fn beginning_sessions_has_a_rate_of_its_own() {
    let app = TestApp::start_with(|settings| settings.rate_mcp_session = Some("2/1h".to_owned())).await;
    let (_ada, _eve) = (app.person("ada").await, app.person("eve").await);
    let (hers, foreign) = (token(&app, "ada", "read").await, token(&app, "eve", "read").await);
    let client = Client::modern(&app, &hers);
    let mut hello = me();
    for (name, status) in [(json!("x"), 200), (json!(1), 200), (json!(1), 429), (json!("x"), 429)] {
        hello["name"] = name;
        let response = client.request(Method::POST).json(&message("initialize", hello.clone())).send().await.unwrap();
        assert_eq!(response.status(), status);
    }
    assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::OK);
    Client::legacy(&app, &foreign).await;
    app.stop().await;
}

#[tokio::test]
async fn a_token_that_ends_while_a_stream_is_begun_opens_none() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let caller = at_the_page(&app, "ada").await;
    let token = token(&app, "ada", "read").await;
    let id = app.backend.auth.bearer(&token, "/mcp").await.unwrap().unwrap().token;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    let params = json!({"notifications": {"promptsListChanged": true}, "_meta": meta});
    let body = message("subscriptions/listen", params).to_string();
    let authority = app.url.strip_prefix("http://").unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
         mcp-protocol-version: {MODERN}\r\nmcp-method: subscriptions/listen\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(authority).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The body is asked for: the token was looked up, and is not watched by anybody but this request.
    assert!(answered(&mut stream).await.starts_with("HTTP/1.1 100 "));
    app.backend.auth.revoke_api_token(&caller, id).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let head = answered(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 401 ") && head.contains("invalid_token"), "{head}");
    app.stop().await;
}

/// The head of an answer.
async fn answered(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.expect("no answer").unwrap());
    }
    String::from_utf8(head).unwrap()
}
