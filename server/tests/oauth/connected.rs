//! «Connected programs»: what one let in, and ending it.

use super::*;
use crate::support::{mcp::Client, path_of};
use app::wire::oauth::ConnectedClient;
use futures::StreamExt;
use std::time::Duration;

async fn connected(person: &TestUser) -> Vec<ConnectedClient> {
    person.call(&path_of("clients"), &[]).await.json().await.unwrap()
}

async fn end(person: &TestUser, id: &str) -> StatusCode {
    person.call(&path_of("revoke_client"), &[("id", id)]).await.status()
}

#[tokio::test]
async fn ones_programs_are_listed_with_what_they_may_and_when_they_came() {
    let (app, clock) = start().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let program = Program::public(&app).await;
    assert!(connected(&ada).await.is_empty());
    let told = program.tokens(&app, &ada).await;
    let began = clock.now();
    clock.advance(60_000);
    opens(&app, &told).await;
    program.tokens(&app, &ada).await;
    let rows = connected(&ada).await;
    let [row] = rows.as_slice() else { panic!("one program: {rows:?}") };
    assert_eq!((&*row.id, &*row.name, &*row.place), (&*program.id, "Claude <b>Code</b>", "this computer (127.0.0.1)"));
    assert_eq!((row.scopes.to_string().as_str(), row.sign_ins), ("read write", 2));
    assert_eq!((row.first_at, row.seen_at), (began, Some(clock.now())));
    let page = ada.get("/settings/programs").await.text().await.unwrap();
    assert!(page.contains("Connected programs") && page.contains("Claude &lt;b&gt;Code"), "{page}");
    assert!(page.contains("href=\"/settings/check\""));

    assert!(connected(&eve).await.is_empty());
    assert_eq!(end(&eve, &program.id).await, StatusCode::NOT_FOUND);
    assert_eq!(end(&app.visitor(), &program.id).await, StatusCode::UNAUTHORIZED);
    assert!(opens(&app, &told).await);
    app.stop().await;
}

#[tokio::test]
async fn ending_one_ends_its_tokens_and_open_streams_and_nobody_elses() {
    let (app, _) = start().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let program = Program::public(&app).await;
    let (hers, again, foreign) =
        (program.tokens(&app, &ada).await, program.tokens(&app, &ada).await, program.tokens(&app, &eve).await);
    let pending = program.code(&app, &ada).await;
    let mut streams = Vec::new();
    for told in [&hers, &foreign] {
        streams.push(stream(&app, told["access_token"].as_str().unwrap()).await.bytes_stream());
    }
    assert_eq!(end(&ada, &program.id).await, StatusCode::OK);
    let [mut ended, mut open] = <[_; 2]>::try_from(streams).ok().unwrap();
    let to_the_end = async { while ended.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), to_the_end).await.unwrap();
    let more = async { while open.next().await.is_some() {} };
    assert!(tokio::time::timeout(Duration::from_millis(300), more).await.is_err(), "another person's stream ended too");
    assert!(!opens(&app, &hers).await && !opens(&app, &again).await && opens(&app, &foreign).await);
    assert_eq!(program.renew(&app, &hers["refresh_token"], &[]).await.1["error"], "invalid_grant");
    assert_eq!(post(&app, TOKEN, &program.shows(&pending, &[]), None).await.1["error"], "invalid_grant");
    assert!(connected(&ada).await.is_empty());
    assert_eq!(end(&ada, &program.id).await, StatusCode::NOT_FOUND);
    assert!(!program.tokens(&app, &ada).await["access_token"].is_null(), "it may ask again");
    app.stop().await;
}

#[tokio::test]
async fn ending_one_ends_what_its_newer_clients_listen_to() {
    let (app, _) = start().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let program = Program::public(&app).await;
    let (hers, foreign) = (program.tokens(&app, &ada).await, program.tokens(&app, &eve).await);
    let clients = [&hers, &foreign].map(|told| Client::modern(&app, told["access_token"].as_str().unwrap()));
    let mut streams = Vec::new();
    for client in &clients {
        let asked = json!({"notifications": {"resourcesListChanged": true}});
        let mut stream = client.stream("subscriptions/listen", asked).await;
        stream.until("notifications/subscriptions/acknowledged").await;
        streams.push(stream);
    }
    let [mut ended, mut open] = <[_; 2]>::try_from(streams).ok().unwrap();
    assert_eq!(end(&ada, &program.id).await, StatusCode::OK);
    while ended.next().await.is_some() {}
    eve.room().await;
    open.until("notifications/resources/list_changed").await;
    app.stop().await;
}

#[tokio::test]
async fn a_new_password_ends_none() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let told = Program::public(&app).await.tokens(&app, &ada).await;
    let done = ada.call(&path_of("change_password"), &[("current", PASSWORD), ("new", "another password")]).await;
    assert!(done.status().is_success());
    assert!(opens(&app, &told).await);
    assert_eq!(connected(&ada).await.len(), 1);
    app.stop().await;
}

/// An older client's stream of news.
async fn stream(app: &TestApp, token: &str) -> Response {
    let request = |method: Method| {
        let request = app.visitor().bare(method, "/mcp").bearer_auth(token);
        request.header(header::ACCEPT, "application/json, text/event-stream")
    };
    let me =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    let begin = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": me});
    let response = request(Method::POST).json(&begin).send().await.unwrap();
    let session = response.headers()["mcp-session-id"].clone();
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let response = request(Method::POST).header("mcp-session-id", &session).json(&told).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let response = request(Method::GET).header("mcp-session-id", &session).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response
}
