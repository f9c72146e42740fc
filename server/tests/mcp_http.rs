//! `/mcp`: programs with a token, in both eras of the protocol, and everything that must not get in.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    PASSWORD, TestApp,
    mcp::{Client, Messages, at_the_page, challenge, message, token},
    path_of,
};
use app::{
    backend::clock::Clock,
    wire::{
        api_token::Scopes,
        id::{Millis, TokenId},
        policy::{CallEnd, CalledBy, Rule},
    },
};
use futures::StreamExt;
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_program_uses_its_persons_tools_in_both_eras() {
    let app = TestApp::scripted().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let (hers, foreign) = (ada.room().await, eve.room().await);
    ada.tab(hers).await.ask(hers, "script:\nsay An engine of brass.").await;
    eve.tab(foreign).await.ask(foreign, "script:\nsay A secret of brass.").await;
    let token = token(&app, "ada", "read write run").await;

    let mut lists = Vec::new();
    for client in [Client::modern(&app, &token), Client::legacy(&app, &token).await] {
        let tools = client.ask("tools/list", json!({})).await["result"]["tools"].clone();
        assert!(tools.as_array().unwrap().iter().any(|tool| tool["name"] == "sum"), "{tools}");
        lists.push(tools);
        let (failed, text) = client.call("sum", json!({"numbers": [2, 40]})).await;
        assert!(!failed && text.contains("42"), "{text}");
        let (failed, text) = client.call("search_conversations", json!({"query": "brass"})).await;
        assert!(!failed && text.contains("engine") && !text.contains("secret"), "{text}");
        let (failed, text) = client.call("get_conversation_history", json!({"conversation_id": foreign})).await;
        assert!(failed && !text.contains("secret"), "{text}");
        let (failed, text) =
            client.call("rename_conversation", json!({"conversation_id": hers, "title": "Engines"})).await;
        assert!(!failed, "{text}");
        assert_eq!(ada.conversations().await[0].title, "Engines");
        let unknown = client.ask("tools/call", json!({"name": "no_such_tool", "arguments": {}})).await;
        assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    }
    assert_eq!(lists[0], lists[1]);
    let used = app.backend.auth.api_tokens(&at_the_page(&app, "ada").await).await.unwrap();
    assert!(used[0].seen_at.is_some());
    app.stop().await;
}

#[tokio::test]
async fn only_a_token_that_lives_opens_it() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let caller = at_the_page(&app, "ada").await;
    let good = token(&app, "ada", "read").await;
    let auth = &app.backend.auth;
    let id = auth.api_tokens(&caller).await.unwrap()[0].id;

    let mut nobody = Client::modern(&app, "");
    nobody.token = None;
    let response = nobody.post("tools/list", json!({})).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let about = format!("resource_metadata=\"{}\"", app.backend.auth.oauth().site().resource_metadata("/mcp"));
    assert_eq!(challenge(&response), format!("Bearer realm=\"Parley\", {about}, scope=\"read write run\""));
    // Signed in, and yet nobody here.
    let cookie = nobody.request(Method::POST).header(header::COOKIE, ada.cookie().unwrap());
    let response = cookie.json(&message("tools/list", json!({}))).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);

    let lapsed = app::backend::auth::token::Token::generate().unwrap();
    app.backend.store.create_api_token(caller.user, "old", &lapsed.hash(), Scopes::ALL, Some(Millis(1))).await.unwrap();
    let session = ada.cookie().unwrap().split_once('=').unwrap().1.to_owned();
    let bad = [
        format!("{good}x"),
        good.trim_start_matches("parley_").to_owned(),
        format!("parley_{}", lapsed.expose()),
        format!("parley_{session}"),
        session,
        "parley_".to_owned(),
    ];
    for bad in bad {
        let response = Client::modern(&app, &bad).post("tools/list", json!({})).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{bad}");
        assert!(challenge(&response).ends_with("error=\"invalid_token\""));
        assert!(!response.text().await.unwrap().contains(&bad));
    }

    let client = Client::modern(&app, &good);
    assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::OK);
    let eve = {
        app.person("eve").await;
        at_the_page(&app, "eve").await
    };
    assert!(auth.revoke_api_token(&eve, id).await.is_err(), "not hers to end");
    assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::OK);
    auth.revoke_api_token(&caller, id).await.unwrap();
    assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::UNAUTHORIZED);
    app.stop().await;
}

#[tokio::test]
async fn a_token_does_what_it_was_made_for() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let (rename, visit) = (
        json!({"name": "rename_conversation", "arguments": {"conversation_id": room, "title": "Engines"}}),
        json!({"name": "website_status", "arguments": {"url": "http://127.0.0.1:1/"}}),
    );
    let reads = token(&app, "ada", "read").await;
    for client in [Client::modern(&app, &reads), Client::legacy(&app, &reads).await] {
        assert!(!client.call("sum", json!({"numbers": [1]})).await.0);
        let response = client.post("tools/call", rename.clone()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(challenge(&response).ends_with("scope=\"read write\", error=\"insufficient_scope\""));
        let response = client.post("tools/call", visit.clone()).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(challenge(&response).contains("scope=\"read run\""));
    }
    assert_ne!(ada.conversations().await[0].title, "Engines");
    // What was refused is on record as well as what ran, and who asked.
    let user = at_the_page(&app, "ada").await.user;
    // The record follows the answer.
    let rows = loop {
        let mut rows = app.backend.store.tool_calls(user, None, 100).await.unwrap().items;
        rows.retain(|row| row.via == CalledBy::Program && row.credential.is_some());
        if rows.len() >= 6 && rows.iter().all(|row| row.end != CallEnd::Begun) {
            break rows;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let count = |tool: &str, rule: Rule, end: CallEnd| {
        rows.iter().filter(|row| (row.tool.as_str(), row.rule, row.end) == (tool, rule, end)).count()
    };
    assert_eq!(count("sum", Rule::ReadOnly, CallEnd::Ok), 2, "{rows:?}");
    assert_eq!(count("rename_conversation", Rule::Scope, CallEnd::Denied), 2, "{rows:?}");
    assert_eq!(count("website_status", Rule::Scope, CallEnd::Denied), 2, "{rows:?}");

    let writes = token(&app, "ada", "write").await;
    let client = Client::modern(&app, &writes);
    assert_eq!(client.post("tools/call", rename).await.status(), StatusCode::OK);
    assert_eq!(ada.conversations().await[0].title, "Engines");
    assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::FORBIDDEN);

    // Nor does a program make itself a better token.
    let bearer = app.backend.auth.bearer(&writes, "/mcp").await.unwrap().unwrap();
    assert!(app.backend.auth.create_api_token(&bearer.caller, "more", Scopes::ALL, None).await.is_err());
    app.stop().await;
}

#[tokio::test]
async fn a_session_belongs_to_whoever_began_it_and_nobody_has_too_many() {
    let app = TestApp::start().await;
    app.person("ada").await;
    app.person("eve").await;
    let (hers, foreign) = (token(&app, "ada", "read").await, token(&app, "eve", "read").await);
    let first = Client::legacy(&app, &hers).await;
    let thief = first.clone().showing(&foreign);
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let request = thief.request(method.clone()).json(&message("tools/list", json!({})));
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_FOUND, "{method}");
    }
    assert_eq!(first.post("tools/list", json!({})).await.status(), StatusCode::OK);

    let mut others = Vec::new();
    for _ in 0..16 {
        others.push(Client::legacy(&app, &hers).await);
    }
    assert_eq!(first.post("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
    for client in [&others[0], &others[15]] {
        assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::OK);
    }
    let ended = others[3].request(Method::DELETE).send().await.unwrap();
    assert!(ended.status().is_success());
    assert_eq!(others[3].post("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
    app.stop().await;
}

#[tokio::test]
async fn a_revoked_token_takes_its_open_streams_with_it() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let caller = at_the_page(&app, "ada").await;
    let (ends, stays) = (token(&app, "ada", "read").await, token(&app, "ada", "read").await);
    let id: TokenId = app.backend.auth.bearer(&ends, "/mcp").await.unwrap().unwrap().token;
    let mut streams = Vec::new();
    for token in [&ends, &stays] {
        let client = Client::legacy(&app, token).await;
        let response = client.request(Method::GET).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        streams.push(response.bytes_stream());
    }
    app.backend.auth.revoke_api_token(&caller, id).await.unwrap();
    let [mut ended, mut open] = <[_; 2]>::try_from(streams).ok().unwrap();
    let to_the_end = async { while ended.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(10), to_the_end).await.unwrap();
    let more = async { while open.next().await.is_some() {} };
    assert!(tokio::time::timeout(Duration::from_millis(300), more).await.is_err(), "another token's stream ended too");
    app.stop().await;
}

/// A stream of changes of a client of today's, which has begun.
async fn listening(client: &Client<'_>) -> Messages {
    let filter = json!({"resourcesListChanged": true, "promptsListChanged": true});
    let mut stream = client.stream("subscriptions/listen", json!({"notifications": filter})).await;
    stream.until("notifications/subscriptions/acknowledged").await;
    stream
}

#[tokio::test]
async fn a_revoked_token_ends_what_newer_clients_listen_to_and_no_other_does() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let caller = at_the_page(&app, "ada").await;
    let (ends, stays) = (token(&app, "ada", "read").await, token(&app, "ada", "read").await);
    let id: TokenId = app.backend.auth.bearer(&ends, "/mcp").await.unwrap().unwrap().token;
    let (first, second) = (Client::modern(&app, &ends), Client::modern(&app, &stays));
    let (mut ended, mut open) = (listening(&first).await, listening(&second).await);
    app.backend.auth.revoke_api_token(&caller, id).await.unwrap();
    while ended.next().await.is_some() {}
    ada.room().await;
    open.until("notifications/resources/list_changed").await;
    app.stop().await;
}

#[tokio::test]
async fn an_open_stream_ends_when_its_token_does() {
    let clock = Clock::manual(Millis(1_800_000_000_000));
    let app = TestApp::start_at(clock.clone(), |_, _| {}).await;
    app.person("ada").await;
    let user = at_the_page(&app, "ada").await.user;
    let lives = async |ms: i64| {
        let token = app::backend::auth::token::Token::generate().unwrap();
        let until = Some(Millis(clock.now().0 + ms));
        app.backend.store.create_api_token(user, "short", &token.hash(), Scopes::ALL, until).await.unwrap();
        format!("parley_{}", token.expose())
    };
    // Its time runs from the opening: the clock itself stands still.
    let (short, long) = (lives(300).await, lives(3_600_000).await);
    let (short, long) = (Client::modern(&app, &short), Client::modern(&app, &long));
    let mut open = listening(&long).await;
    let mut ended = listening(&short).await;
    while ended.next().await.is_some() {}
    let session = Client::legacy(&app, short.token.as_deref().unwrap()).await;
    let mut ended = session.listen().await;
    while ended.next().await.is_some() {}
    let saved = [("prompt_name", "more"), ("prompt_body", "x")];
    let ada = app.visitor();
    ada.sign_in("ada", PASSWORD).await;
    assert!(ada.call(&path_of("save_prompt"), &saved).await.status().is_success());
    open.until("notifications/prompts/list_changed").await;
    app.stop().await;
}

#[tokio::test]
async fn no_strange_page_reaches_it() {
    let app = TestApp::start_with(|settings| settings.allowed_origins = Some("https://tools.example".to_owned())).await;
    app.person("ada").await;
    let client = Client::modern(&app, &token(&app, "ada", "read").await);
    let list = message("tools/list", json!({}));
    for (header, value, fits) in [
        (header::ORIGIN, "https://evil.example", false),
        (header::ORIGIN, "null", false),
        (header::ORIGIN, app.url.as_str(), true),
        (header::ORIGIN, "https://tools.example", true),
        (header::HOST, "evil.example", false),
        (header::HOST, "localhost:3000", true),
    ] {
        let response = client.request(Method::POST).header(&header, value).json(&list).send().await.unwrap();
        assert_eq!(response.status() != StatusCode::FORBIDDEN, fits, "{header}: {value}");
    }
    app.stop().await;
}

#[tokio::test]
async fn calls_are_limited_and_bad_messages_refused() {
    let app = TestApp::start_with(|settings| settings.rate_call = Some("2/1h".to_owned())).await;
    app.person("ada").await;
    let client = Client::modern(&app, &token(&app, "ada", "read").await);
    let sum = json!({"name": "sum", "arguments": {"numbers": [1]}});
    for _ in 0..2 {
        assert_eq!(client.post("tools/call", sum.clone()).await.status(), StatusCode::OK);
    }
    let response = client.post("tools/call", sum).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers()[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(client.post("tools/list", json!({})).await.status(), StatusCode::OK);

    for (body, code) in [("", -32_700), ("{", -32_700), ("\u{0}", -32_700), ("[]", -32_600), ("null", -32_600)] {
        let request = client.request(Method::POST).header(header::CONTENT_TYPE, "application/json").body(body);
        let refused = request.send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{body}");
        let told: Value = refused.json().await.unwrap();
        assert_eq!((&told["id"], &told["error"]["code"]), (&Value::Null, &json!(code)), "{body}: {told}");
    }
    let empty = client.request(Method::POST).json(&json!({"jsonrpc": "2.0"})).send().await.unwrap();
    assert!(empty.status().is_client_error());
    let large = client.request(Method::POST).header(header::CONTENT_TYPE, "application/json").body("x".repeat(300_000));
    assert_eq!(large.send().await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_as_structured_content_or_as_an_embedded_resource() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let ada = at_the_page(&app, "ada").await;
    let room = app.backend.store.create_conversation(ada.user, "Engines").await.unwrap().id;
    let token = token(&app, "ada", "read").await;
    for client in [Client::modern(&app, &token), Client::legacy(&app, &token).await] {
        let ask = async |arguments: Value| {
            client.ask("tools/call", json!({"name": "query_data_collections", "arguments": arguments})).await["result"]
                .clone()
        };
        let inline = ask(json!({"collection": "conversations", "search_pipeline": [{"$project": {"title": 1}}]})).await;
        assert_eq!(inline["structuredContent"]["rows"], json!([{"title": "Engines"}]), "{inline}");
        assert_eq!(inline["content"].as_array().unwrap().len(), 1);
        let document = ask(json!({"collection": "conversations", "format": "csv", "as_resource": true})).await;
        let resource = &document["content"][1]["resource"];
        assert_eq!((&document["content"][1]["type"], &resource["mimeType"]), (&json!("resource"), &json!("text/csv")));
        assert!(resource["text"].as_str().unwrap().contains(&format!("{room},Engines,false,true,1,")), "{document}");
        assert_eq!(document["structuredContent"]["resource"], resource["uri"]);
        let rename = json!({"name": "update_conversation", "arguments": {"id": room, "title": "Mine"}});
        assert_eq!(client.post("tools/call", rename).await.status(), StatusCode::FORBIDDEN, "reading changes nothing");
    }
    app.stop().await;
}
