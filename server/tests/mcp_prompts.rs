//! Saved prompts: written on the settings page, with and without script, and offered over MCP in both eras.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp, TestUser,
    mcp::{Client, token},
    path_of,
};
use reqwest::{StatusCode, header};
use serde_json::json;

const FIELDS: [(&str, &str); 5] = [
    ("prompt_name", "explain"),
    ("prompt_title", "Explain it"),
    ("prompt_description", "Explains something to somebody."),
    ("prompt_body", "Explain {{topic}} {{tone}}, please."),
    ("prompt_arguments", "topic: What it is about\ntone?: How it sounds [kindly, sharply]"),
];

async fn save(person: &TestUser, fields: &[(&str, &str)]) -> StatusCode {
    person.call(&path_of("save_prompt"), fields).await.status()
}

async fn id_of(person: &TestUser, name: &str) -> String {
    let listed: serde_json::Value = person.call(&path_of("saved_prompts"), &[]).await.json().await.unwrap();
    let prompt = listed.as_array().unwrap().iter().find(|prompt| prompt["name"] == name).unwrap();
    prompt["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn prompts_are_offered_filled_in_and_completed() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    assert_eq!(save(&ada, &FIELDS).await, StatusCode::OK);
    let token = token(&app, "ada", "read").await;
    for client in Client::both(&app, &token).await {
        let listed = client.result("prompts/list", json!({})).await;
        let wanted = json!([{
            "name": "explain", "title": "Explain it", "description": "Explains something to somebody.",
            "arguments": [
                {"name": "topic", "description": "What it is about", "required": true},
                {"name": "tone", "description": "How it sounds", "required": false},
            ],
        }]);
        assert_eq!(listed["prompts"], wanted);
        let got = client
            .result("prompts/get", json!({"name": "explain", "arguments": {"topic": "brass", "tone": "kindly"}}))
            .await;
        let wanted = json!([{"role": "user", "content": {"type": "text", "text": "Explain brass kindly, please."}}]);
        assert_eq!(got["messages"], wanted);
        for (params, words) in [
            (json!({"name": "explain"}), "needs the argument «topic»"),
            (json!({"name": "explain", "arguments": {"topic": "x", "more": "y"}}), "has no argument «more»"),
            (json!({"name": "explain", "arguments": {"topic": 1}}), "is not a text"),
            (json!({"name": "nothing"}), "There is no prompt «nothing»"),
        ] {
            let (code, text) = client.error("prompts/get", params).await;
            assert!(code == -32602 && text.contains(words), "{code} {text}");
        }
        let complete = async |name: &str, argument: &str, typed: &str| {
            let params =
                json!({"ref": {"type": "ref/prompt", "name": name}, "argument": {"name": argument, "value": typed}});
            client.ask("completion/complete", params).await
        };
        assert_eq!(complete("explain", "tone", "K").await["result"]["completion"]["values"], json!(["kindly"]));
        assert_eq!(complete("explain", "topic", "").await["result"]["completion"]["values"], json!([]));
        assert_eq!(complete("explain", "more", "").await["error"]["code"], -32602);
        assert_eq!(complete("nothing", "tone", "").await["error"]["code"], -32602);
    }
    app.stop().await;
}

#[tokio::test]
async fn prompts_that_come_and_go_are_told() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let token = token(&app, "ada", "read write").await;
    for client in Client::both(&app, &token).await {
        let mut stream = if client.session.is_some() {
            client.listen().await
        } else {
            let filter = json!({"promptsListChanged": true});
            let mut stream = client.stream("subscriptions/listen", json!({"notifications": filter})).await;
            stream.until("notifications/subscriptions/acknowledged").await;
            stream
        };
        assert_eq!(save(&eve, &FIELDS).await.is_success(), client.session.is_none(), "hers is there the second time");
        assert_eq!(save(&ada, &FIELDS).await, StatusCode::OK);
        stream.until("notifications/prompts/list_changed").await;
        let id = id_of(&ada, "explain").await;
        assert_eq!(ada.call(&path_of("delete_prompt"), &[("id", &id)]).await.status(), StatusCode::OK);
        stream.until("notifications/prompts/list_changed").await;
        assert_eq!(client.result("prompts/list", json!({})).await["prompts"], json!([]));
        // A program that changes them by a tool is heard by all of them.
        let made = client.done("create_prompt", json!({"name": "explain", "body": "Explain engines."})).await;
        stream.until("notifications/prompts/list_changed").await;
        assert_eq!(client.result("prompts/list", json!({})).await["prompts"][0]["name"], "explain");
        // Deleting asks, which is another test's (`mcp_asking`).
        let made = made["_id"].as_str().unwrap();
        assert_eq!(ada.call(&path_of("delete_prompt"), &[("id", made)]).await.status(), StatusCode::OK);
        stream.until("notifications/prompts/list_changed").await;
    }
    app.stop().await;
}

#[tokio::test]
async fn the_form_works_without_script_and_says_what_is_wrong() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let saved = ada.form(&path_of("save_prompt"), &FIELDS).await;
    assert_eq!(saved.headers()[header::LOCATION], "/settings/prompts?saved=prompt");
    let page = ada.get("/settings/prompts?saved=prompt").await.text().await.unwrap();
    assert!(page.contains("The prompt is saved.") && page.contains("Explain it") && page.contains("Edit explain"));

    let id = id_of(&ada, "explain").await;
    let page = ada.get(&format!("/settings/prompts?prompt={id}")).await.text().await.unwrap();
    assert!(
        page.contains("Explain {{topic}} {{tone}}, please.") && page.contains("Name of the prompt"),
        "not filled in"
    );
    let foreign = eve.get(&format!("/settings/prompts?prompt={id}")).await.text().await.unwrap();
    assert!(!foreign.contains("Explain") && foreign.contains("Name of a new prompt"));

    let mut wrong = FIELDS.to_vec();
    wrong[3].1 = "Explain {{subject}} {{topic}} {{tone}}.";
    let refused = ada.form(&path_of("save_prompt"), &wrong).await;
    let back = refused.headers()[header::LOCATION].to_str().unwrap().to_owned();
    let page = ada.get(&back).await.text().await.unwrap();
    assert!(page.contains("but no line says what it is") && page.contains("Explain {{subject}}"), "{back}");
    assert_eq!(save(&ada, &wrong).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(save(&ada, &FIELDS).await, StatusCode::UNPROCESSABLE_ENTITY, "the name is taken");

    let mut theirs = FIELDS.to_vec();
    theirs.push(("prompt", &id));
    assert_eq!(save(&eve, &theirs).await, StatusCode::NOT_FOUND);
    assert_eq!(eve.call(&path_of("delete_prompt"), &[("id", &id)]).await.status(), StatusCode::NOT_FOUND);
    theirs[1].1 = "Another title";
    assert_eq!(save(&ada, &theirs).await, StatusCode::OK);
    let listed: serde_json::Value = ada.call(&path_of("saved_prompts"), &[]).await.json().await.unwrap();
    assert_eq!(listed[0]["title"], "Another title");
    assert_eq!(save(&app.visitor(), &FIELDS).await, StatusCode::UNAUTHORIZED);
    app.stop().await;
}
