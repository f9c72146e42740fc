//! Resources over MCP in both eras: lists in pages, reading, templates, completion, and what is heard of changes.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    mcp::{Client, Messages, token},
    path_of,
};
use app::wire::id::ConversationId;
use reqwest::StatusCode;
use serde_json::{Value, json};

fn uri(room: ConversationId) -> String {
    format!("parley://conversations/{room}")
}

/// Begins to hear of changes, in the client's own way; returns when it is heard.
async fn follow(client: &Client<'_>, uris: &[&str]) -> Messages {
    if client.session.is_some() {
        for uri in uris {
            assert!(client.result("resources/subscribe", json!({"uri": uri})).await.is_object());
        }
        return client.listen().await;
    }
    let filter = json!({"resourcesListChanged": true, "promptsListChanged": true, "resourceSubscriptions": uris});
    let mut stream = client.stream("subscriptions/listen", json!({"notifications": filter})).await;
    let ack = stream.next().await.unwrap();
    assert_eq!(ack["method"], "notifications/subscriptions/acknowledged", "{ack}");
    stream
}

#[tokio::test]
async fn conversations_are_listed_in_pages_and_read() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let reply = ada.tab(room).await.ask(room, "script:\nsay An engine of *brass*.").await;
    for n in 0..60 {
        let user = app.backend.store.user_by_name(&app::wire::account::Username::parse("ada").unwrap()).await.unwrap();
        app.backend.store.create_conversation(user.unwrap().id, &format!("Room {n}")).await.unwrap();
    }
    let token = token(&app, "ada", "read").await;
    for client in Client::both(&app, &token).await {
        let first = client.result("resources/list", json!({})).await;
        let cursor = first["nextCursor"].as_str().unwrap();
        let second = client.result("resources/list", json!({"cursor": cursor})).await;
        assert!(second.get("nextCursor").is_none(), "{second}");
        let pages = [&first, &second].map(|page| page["resources"].as_array().unwrap().clone()).concat();
        let of_others = |r: &Value| !r["uri"].as_str().unwrap().starts_with("parley://conversations/");
        assert!(pages[61..].iter().all(of_others), "conversations come first");
        let uris: std::collections::BTreeSet<_> = pages.iter().map(|r| r["uri"].as_str().unwrap()).collect();
        assert!(uris.len() == pages.len() && uris.contains(uri(room).as_str()));
        assert!(pages[..61].iter().all(|r| r["mimeType"] == "text/markdown" && !of_others(r)));
        assert!(pages.iter().all(|r| r["mimeType"].is_string() && r["description"].is_string()));
        if client.session.is_none() {
            assert_eq!((&first["cacheScope"], first["ttlMs"].is_u64()), (&json!("private"), true));
        }
        for bad in ["x", "bm9uZQ", &"x".repeat(1_000)] {
            assert_eq!(client.error("resources/list", json!({"cursor": bad})).await.0, -32602);
            assert_eq!(client.error("tools/list", json!({"cursor": bad})).await.0, -32602);
            assert_eq!(client.error("prompts/list", json!({"cursor": bad})).await.0, -32602);
            assert_eq!(client.error("resources/templates/list", json!({"cursor": bad})).await.0, -32602);
        }

        let read = client.result("resources/read", json!({"uri": uri(room)})).await;
        let text = read["contents"][0]["text"].as_str().unwrap();
        assert!(
            text.starts_with("# ") && text.contains("## ada, ") && text.contains("An engine of *brass*."),
            "{text}"
        );
        let one = format!("{}/messages/{}", uri(room), reply.id);
        let read = client.result("resources/read", json!({"uri": one})).await;
        let wanted = json!([{"uri": one, "mimeType": "text/markdown", "text": "An engine of *brass*."}]);
        assert_eq!(read["contents"], wanted);

        let code = if client.session.is_some() { -32002 } else { -32602 };
        let nowhere = "01900000-0000-7000-8000-000000000000";
        for missing in [
            format!("parley://conversations/{nowhere}"),
            format!("{}/messages/{nowhere}", uri(room)),
            format!("parley://conversations/{nowhere}/messages/{}", reply.id),
            "parley://conversations/mine".to_owned(),
            "parley://conversations/".to_owned(),
            "parley://engines/1".to_owned(),
            format!("parley://{}", "x".repeat(2_000)),
            "https://example.org/".to_owned(),
        ] {
            let answer = client.ask("resources/read", json!({"uri": missing})).await;
            assert_eq!(answer["error"]["code"], code, "{missing}: {answer}");
            assert!(missing.starts_with(answer["error"]["data"]["uri"].as_str().unwrap()), "{answer}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn ids_are_completed_by_titles_and_words() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    ada.call(&path_of("rename_conversation"), &[("id", &room.to_string()), ("title", "Engines of Brass")]).await;
    let reply = ada.tab(room).await.ask(room, "script:\nsay A wheel.").await;
    let token = token(&app, "ada", "read").await;
    for client in Client::both(&app, &token).await {
        let templates = client.result("resources/templates/list", json!({})).await["resourceTemplates"].clone();
        let of_messages = templates[1]["uriTemplate"].clone();
        assert_eq!(of_messages, "parley://conversations/{id}/messages/{message}");
        let ask = async |argument: &str, typed: &str, given: Value| {
            let params = json!({
                "ref": {"type": "ref/resource", "uri": of_messages}, "argument": {"name": argument, "value": typed},
                "context": {"arguments": given},
            });
            client.result("completion/complete", params).await["completion"]["values"].clone()
        };
        assert_eq!(ask("id", "brass", json!({})).await, json!([room]));
        assert_eq!(ask("id", &room.to_string()[..20], json!({})).await, json!([room]));
        assert_eq!(ask("id", "iron", json!({})).await, json!([]));
        assert_eq!(ask("message", "wheel", json!({"id": room})).await[0], json!(reply.id));
        assert_eq!(ask("message", "wheel", json!({})).await, json!([]));
        let unknown =
            json!({"ref": {"type": "ref/resource", "uri": "parley://x/{y}"}, "argument": {"name": "y", "value": ""}});
        assert_eq!(client.error("completion/complete", unknown).await.0, -32602);
    }
    app.stop().await;
}

/// Fields of each collection, and of what type each is.
const COLLECTIONS: [(&str, &[(&str, &str)]); 3] = [
    ("conversations", &[("_id", "string"), ("title", "string"), ("pinned", "boolean"), ("members", "integer")]),
    ("messages", &[("_id", "string"), ("conversation", "string"), ("text", "string"), ("position", "integer")]),
    ("prompts", &[("_id", "string"), ("name", "string"), ("body", "string"), ("created_at", "string")]),
];

#[tokio::test]
async fn schemas_of_collections_are_listed_and_read_and_there_are_no_others() {
    let app = TestApp::start().await;
    let _ada = app.person("ada").await;
    let token = token(&app, "ada", "read").await;
    for client in Client::both(&app, &token).await {
        let listed = client.result("resources/list", json!({})).await["resources"].clone();
        for (name, fields) in COLLECTIONS {
            let at = format!("parley://collections/{name}");
            let entry = listed.as_array().unwrap().iter().find(|entry| entry["uri"] == at.as_str()).unwrap();
            assert_eq!(entry["mimeType"], "application/schema+json", "{entry}");

            let read = client.result("resources/read", json!({"uri": at})).await;
            let content = &read["contents"][0];
            assert_eq!((&content["uri"], &content["mimeType"]), (&json!(at), &entry["mimeType"]));
            let schema: Value = serde_json::from_str(content["text"].as_str().unwrap()).unwrap();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
            assert_eq!((&schema["title"], &schema["type"]), (&json!(name), &json!("object")));
            for (field, kind) in fields {
                assert_eq!(schema["properties"][field]["type"], *kind, "{name}.{field}: {schema}");
            }
            let required = schema["required"].as_array().unwrap();
            assert!(required.contains(&json!("_id")), "{name}: {required:?}");
        }

        let code = if client.session.is_some() { -32002 } else { -32602 };
        for missing in ["users", "Messages", "messages/_id", ""] {
            let (told, words) =
                client.error("resources/read", json!({"uri": format!("parley://collections/{missing}")})).await;
            assert!(told == code && words.contains("no such resource"), "«{missing}»: {told} {words}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn names_of_collections_are_completed() {
    let app = TestApp::start().await;
    let _ada = app.person("ada").await;
    let token = token(&app, "ada", "read").await;
    for client in Client::both(&app, &token).await {
        let templates = client.result("resources/templates/list", json!({})).await["resourceTemplates"].clone();
        let template = templates.as_array().unwrap().iter().find(|template| template["name"] == "collection").unwrap();
        assert_eq!(template["uriTemplate"], "parley://collections/{name}");
        assert_eq!(template["mimeType"], "application/schema+json");
        let params = |variable: &str, typed: &str| {
            json!({
                "ref": {"type": "ref/resource", "uri": template["uriTemplate"]},
                "argument": {"name": variable, "value": typed},
            })
        };
        for (typed, wanted) in [
            ("", json!(["conversations", "messages", "prompts"])),
            ("m", json!(["messages"])),
            (" prompts", json!(["prompts"])),
            ("users", json!([])),
        ] {
            let completion = client.result("completion/complete", params("name", typed)).await["completion"].clone();
            assert_eq!(completion["values"], wanted, "«{typed}»");
        }
        assert_eq!(client.error("completion/complete", params("title", "m")).await.0, -32602, "no such variable");
    }
    app.stop().await;
}

#[tokio::test]
async fn whoever_follows_a_conversation_hears_that_it_went_on_and_a_removed_member_hears_nothing() {
    let app = TestApp::scripted().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let token = token(&app, "eve", "read").await;
    for client in Client::both(&app, &token).await {
        let (room, own) = (ada.room().await, eve.room().await);
        let foreign = uri(room);
        if client.session.is_some() {
            assert_eq!(client.error("resources/subscribe", json!({"uri": foreign})).await.0, -32002, "not hers yet");
        }
        ada.invite(&eve, room).await;
        let mut stream = follow(&client, &[&foreign, &uri(own)]).await;
        let updated = async |stream: &mut Messages| {
            let message = stream.until("notifications/resources/updated").await;
            if client.session.is_none() {
                assert!(message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"].is_number(), "{message}");
            }
            message["params"]["uri"].as_str().unwrap().to_owned()
        };
        let mut tab = ada.tab(room).await;
        tab.ask(room, "script:\nsay One.").await;
        assert_eq!(updated(&mut stream).await, foreign);

        ada.remove("eve", room).await;
        assert_eq!(stream.until("notifications/resources/list_changed").await["params"]["uri"], Value::Null);
        tab.ask(room, "script:\nsay Two.").await;
        eve.tab(own).await.ask(own, "script:\nsay Mine.").await;
        // Of hers alone, though the other one went on before.
        loop {
            let next = stream.next().await.unwrap();
            if next["method"] == "notifications/resources/updated" {
                let at = next["params"]["uri"].as_str().unwrap().to_owned();
                // What was on its way before she was removed may still come; what came after must not.
                if at == foreign {
                    let text = client.error("resources/read", json!({"uri": foreign})).await.1;
                    assert!(text.contains("not yours"), "{text}");
                    continue;
                }
                assert_eq!(at, uri(own));
                break;
            }
        }
        if client.session.is_some() {
            assert!(client.result("resources/unsubscribe", json!({"uri": uri(own)})).await.is_object());
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn conversations_that_come_and_go_are_told() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let token = token(&app, "ada", "read").await;
    for client in Client::both(&app, &token).await {
        let mut stream = follow(&client, &[]).await;
        let room = ada.room().await;
        stream.until("notifications/resources/list_changed").await;
        ada.call(&path_of("rename_conversation"), &[("id", &room.to_string()), ("title", "Another")]).await;
        stream.until("notifications/resources/list_changed").await;
        ada.call(&path_of("delete_conversation"), &[("id", &room.to_string())]).await;
        stream.until("notifications/resources/list_changed").await;
    }
    app.stop().await;
}

#[tokio::test]
async fn nobody_follows_too_much() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let client = Client::modern(&app, &token(&app, "ada", "read").await);
    let many: Vec<String> = (0..150).map(|n| format!("{}/messages/{n}", uri(room))).collect();
    let filter = json!({"resourceSubscriptions": many, "toolsListChanged": true});
    let mut stream = client.stream("subscriptions/listen", json!({"notifications": filter})).await;
    let ack = stream.next().await.unwrap();
    let accepted = &ack["params"]["notifications"];
    assert_eq!(accepted["resourceSubscriptions"].as_array().unwrap().len(), 100);
    assert!(accepted.get("toolsListChanged").is_none(), "{accepted}");
    let mut open = vec![stream];
    while open.len() < 32 {
        let mut stream = client.stream("subscriptions/listen", json!({"notifications": {}})).await;
        assert_eq!(stream.next().await.unwrap()["method"], "notifications/subscriptions/acknowledged");
        open.push(stream);
    }
    let mut refused = client.stream("subscriptions/listen", json!({"notifications": {}})).await;
    assert!(refused.answer().await["error"]["message"].as_str().unwrap().contains("32 streams"), "one too many");
    drop(open);
    let response = client.post("tools/list", json!({})).await;
    assert_eq!(response.status(), StatusCode::OK);
    app.stop().await;
}
