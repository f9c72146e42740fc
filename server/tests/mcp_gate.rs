//! The gate of `/mcp` and messages that are made to be read in two ways: what is served is what was judged.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    mcp::{Client, MODERN, at_the_page, me, message, token},
    socket::PATIENCE,
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
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
async fn a_name_that_is_there_twice_is_refused_before_it_counts() {
    let app = TestApp::start_with(|settings| settings.rate_call = Some("1/1h".to_owned())).await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let client = Client::modern(&app, &token(&app, "ada", "read").await);
    let send = async |body: String| {
        let request = client.request(Method::POST).header("mcp-protocol-version", "2025-11-25");
        request.header(header::CONTENT_TYPE, "application/json").body(body).send().await.unwrap()
    };
    let arguments = json!({"conversation_id": room, "title": "Engines", "numbers": [1]});
    let call = |first: &str, last: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call",
            "params":{{"name":"{first}","name":"{last}","arguments":{arguments}}}}}"#
        )
    };
    let method =
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"sum","arguments":{}}}"#;
    for twice in [call("rename_conversation", "sum"), call("sum", "rename_conversation"), method.to_owned()] {
        let response = send(twice.clone()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{twice}");
        let told = response.text().await.unwrap();
        assert!(told.contains("-32600") && told.contains("duplicate field"), "{told}");
    }
    assert_ne!(ada.conversations().await[0].title, "Engines");
    let once = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sum","arguments":{"numbers":[1]}}}"#;
    assert_ne!(send(once.to_owned()).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(send(once.to_owned()).await.status(), StatusCode::TOO_MANY_REQUESTS);
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
async fn a_token_that_ends_while_a_request_comes_opens_nothing() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let arguments = json!({"conversation_id": room, "title": "Engines"});
    for (method, name, params) in [
        ("subscriptions/listen", None, json!({"notifications": {"promptsListChanged": true}})),
        ("tools/call", Some("rename_conversation"), json!({"name": "rename_conversation", "arguments": arguments})),
    ] {
        revoked_while_it_comes(&app, method, name, params).await;
    }
    assert_ne!(ada.conversations().await[0].title, "Engines");
    app.stop().await;
}

/// Revokes a token when its request's head has come, and sends the rest then.
async fn revoked_while_it_comes(app: &TestApp, method: &str, name: Option<&str>, mut params: Value) {
    let caller = at_the_page(app, "ada").await;
    let token = token(app, "ada", "read write").await;
    let id = app.backend.auth.bearer(&token, "/mcp").await.unwrap().unwrap().token;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    params["_meta"] = meta;
    let body = message(method, params).to_string();
    let name = name.map(|name| format!("mcp-name: {name}\r\n")).unwrap_or_default();
    let authority = app.url.strip_prefix("http://").unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {authority}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\naccept: application/json, text/event-stream\r\n\
         mcp-protocol-version: {MODERN}\r\nmcp-method: {method}\r\n{name}\
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
    assert!(head.starts_with("HTTP/1.1 401 ") && head.contains("invalid_token"), "{method}: {head}");
}

/// The head of an answer.
async fn answered(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(PATIENCE, stream.read_u8()).await.expect("no answer").unwrap());
    }
    String::from_utf8(head).unwrap()
}
