//! One person never sees another's anything: through no tool, resource, prompt, completion, subscription or session.
//!
//! A new tool fails this test until it is in one of its tables.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::{
    attachments::keep,
    support::{
        TestApp, TestUser,
        mcp::{Client, token},
        path_of,
    },
};
use app::wire::{id::ConversationId, prompt::Prompt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// What only ada has written, and nobody else may read.
const SECRET: &str = "verdigris";
/// Of nobody.
const NOWHERE: &str = "01900000-0000-7000-8000-000000000000";

/// Ada, who has things, and eve, who shows her token.
struct Scene {
    app: TestApp,
    ada: TestUser,
    eve: TestUser,
    foreign: String,
    room: String,
    message: String,
    prompt: String,
    own: String,
}

async fn scene() -> Scene {
    let app = TestApp::scripted().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let room = ada.room().await;
    ada.call(&path_of("rename_conversation"), &[("id", &room.to_string()), ("title", "About verdigris")]).await;
    let reply = ada.tab(room).await.ask(room, &format!("script:\nsay On {SECRET}.")).await;
    let fields = [
        ("prompt_name", "patina"),
        ("prompt_body", "Explain verdigris {{how}}."),
        ("prompt_arguments", "how: How verdigris is explained [verdigris]"),
    ];
    assert_eq!(ada.call(&path_of("save_prompt"), &fields).await.status(), StatusCode::OK);
    let prompt = prompts(&ada).await[0].id.to_string();
    let own = eve.room().await;
    let foreign = token(&app, "eve", "read write run").await;
    let (room, message, own) = (room.to_string(), reply.id.to_string(), own.to_string());
    Scene { app, ada, eve, foreign, room, message, prompt, own }
}

async fn prompts(of: &TestUser) -> Vec<Prompt> {
    of.call(&path_of("saved_prompts"), &[]).await.json().await.unwrap()
}

/// What a program is told of a thing, with the id it named taken out: the same for «not yours» and «not there».
fn same(told: &Value, id: &str) -> String {
    told.to_string().replace(id, "ID")
}

/// What a tool is called with for a conversation, or for a prompt if it is about these; `None`: it takes none.
fn with(id: &str, name: &str) -> Option<Value> {
    match name {
        "get_conversation_history" | "export_conversation" | "delete_conversation" => {
            Some(json!({"conversation_id": id}))
        }
        "rename_conversation" => Some(json!({"conversation_id": id, "title": "Mine"})),
        "update_conversation" | "update_prompt" => Some(json!({"id": id, "title": "Mine"})),
        "delete_prompt" => Some(json!({"id": id})),
        "send_message" => Some(json!({"conversation_id": id, "text": "script:\nsay Me too."})),
        _ => None,
    }
}

/// Tools that take no id of anything of anybody's: what they find without one is looked through, and `read_attachment`
/// is tried by itself.
const WITHOUT: [&str; 13] = [
    "analyze_sentiment",
    "calculate",
    "create_conversation",
    "create_prompt",
    "current_time",
    "get_server_instructions",
    "list_conversations",
    "lorem",
    "query_data_collections",
    "read_attachment",
    "search_conversations",
    "sum",
    "website_status",
];

/// Whether a property of that name and schema names something that is somebody's.
fn names_a_thing(name: &str, schema: &Value) -> bool {
    name == "id" || name.ends_with("_id") || schema["format"] == "uuid"
}

/// Each tool is in exactly one table, and each that takes an id is tried with somebody else's.
fn all_known(tools: &Value) {
    let mut wrong = Vec::new();
    for tool in tools.as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let properties = tool["inputSchema"]["properties"].as_object().cloned().unwrap_or_default();
        let takes = properties.iter().any(|(name, schema)| names_a_thing(name, schema));
        let (with, without) = (with(NOWHERE, name).is_some(), WITHOUT.contains(&name));
        if with == without || (takes && !with && name != "read_attachment") {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "in no table, in both, or in the wrong one: {wrong:?}");
}

#[tokio::test]
async fn through_no_tool() {
    let Scene { app, ada, foreign, room, prompt, own, .. } = scene().await;
    let before = ada.messages(room.parse().unwrap()).await;
    ada.room().await;
    for client in Client::both(&app, &foreign).await {
        let tools = client.result("tools/list", json!({})).await["tools"].clone();
        all_known(&tools);
        for tool in tools.as_array().unwrap() {
            let name = tool["name"].as_str().unwrap();
            let hers = if name.ends_with("_prompt") { &prompt } else { &room };
            let (Some(theirs), Some(nothing)) = (with(hers, name), with(NOWHERE, name)) else { continue };
            let theirs = client.ask("tools/call", json!({"name": name, "arguments": theirs})).await;
            let nothing = client.ask("tools/call", json!({"name": name, "arguments": nothing})).await;
            assert_eq!(theirs["result"]["isError"], true, "{name}: {theirs}");
            assert_eq!(same(&theirs, hers), same(&nothing, NOWHERE), "{name}");
        }
        // A place in her list, shown by somebody else, is a place in theirs.
        let hers = Client::modern(&app, &token(&app, "ada", "read").await);
        let cursor = hers.done("list_conversations", json!({"limit": 1})).await["next_cursor"].clone();
        for (name, arguments) in [
            ("search_conversations", json!({"query": SECRET})),
            ("list_conversations", json!({})),
            ("list_conversations", json!({"cursor": cursor})),
            ("get_conversation_history", json!({"conversation_id": own})),
            ("export_conversation", json!({"conversation_id": own, "format": "json"})),
            ("query_data_collections", json!({"collection": "conversations"})),
            ("query_data_collections", json!({"collection": "messages"})),
            ("query_data_collections", json!({"collection": "prompts"})),
        ] {
            let told = client.done(name, arguments).await.to_string();
            assert!(!told.contains(SECRET) && !told.contains(&room), "{name}: {told}");
        }
    }
    // An attachment is named by its own id, and found by whose conversation it is in.
    let hers = keep(&app, "ada", room.parse().unwrap(), "text/plain", SECRET.as_bytes()).await;
    let hers = hers.trim_start_matches("/attachments/");
    for client in Client::both(&app, &foreign).await {
        let read = |id: &str| json!({"name": "read_attachment", "arguments": {"attachment_id": id}});
        let theirs = client.ask("tools/call", read(hers)).await;
        let nothing = client.ask("tools/call", read(NOWHERE)).await;
        assert_eq!(theirs["result"]["isError"], true, "{theirs}");
        assert_eq!(same(&theirs, hers), same(&nothing, NOWHERE));
    }
    let own = Client::modern(&app, &token(&app, "ada", "read").await);
    assert_eq!(own.done("read_attachment", json!({"attachment_id": hers})).await["text"], SECRET);
    assert_eq!(ada.messages(room.parse().unwrap()).await, before, "nothing was done to hers");
    let left = prompts(&ada).await;
    assert_eq!(left.iter().map(|p| (&*p.name, &*p.title)).collect::<Vec<_>>(), [("patina", "")]);
    assert!(ada.conversations().await.iter().any(|row| row.title == "About verdigris"));
    app.stop().await;
}

#[tokio::test]
async fn through_no_resource_and_no_completion() {
    let Scene { app, foreign, room, message, own, .. } = scene().await;
    let at = |id: &str| format!("parley://conversations/{id}");
    let of = |id: &str, message: &str| format!("parley://conversations/{id}/messages/{message}");
    for client in Client::both(&app, &foreign).await {
        for (theirs, nothing, id) in [
            (at(&room), at(NOWHERE), &room),
            (of(&room, &message), of(&room, NOWHERE), &message),
            (of(&own, &message), of(&own, NOWHERE), &message),
        ] {
            let methods: &[&str] = match client.session {
                Some(_) => &["resources/read", "resources/subscribe"],
                None => &["resources/read"],
            };
            for method in methods {
                let refused = client.ask(method, json!({"uri": theirs})).await;
                let missing = client.ask(method, json!({"uri": nothing})).await;
                assert!(refused["error"].is_object(), "{refused}");
                assert_eq!(same(&refused, id), same(&missing, NOWHERE));
            }
        }
        let listed = client.result("resources/list", json!({})).await.to_string();
        assert!(!listed.contains(&room) && !listed.contains(SECRET) && listed.contains(&own));
        for (argument, typed, given) in
            [("id", SECRET, json!({})), ("id", &room[..], json!({})), ("message", "", json!({"id": room}))]
        {
            let template = "parley://conversations/{id}/messages/{message}";
            let params = json!({"ref": {"type": "ref/resource", "uri": template},
                "argument": {"name": argument, "value": typed}, "context": {"arguments": given}});
            let completed = client.result("completion/complete", params).await;
            assert_eq!(completed["completion"]["values"], json!([]), "{argument}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn through_no_prompt() {
    let Scene { app, foreign, .. } = scene().await;
    for client in Client::both(&app, &foreign).await {
        assert_eq!(client.result("prompts/list", json!({})).await["prompts"], json!([]));
        let get = |name: &str| ("prompts/get", json!({"name": name, "arguments": {"how": "x"}}));
        let complete = |name: &str| {
            let reference = json!({"type": "ref/prompt", "name": name});
            ("completion/complete", json!({"ref": reference, "argument": {"name": "how", "value": ""}}))
        };
        for (theirs, nothing) in [(get("patina"), get("nothing")), (complete("patina"), complete("nothing"))] {
            let theirs = client.ask(theirs.0, theirs.1).await;
            let nothing = client.ask(nothing.0, nothing.1).await;
            assert!(theirs["error"].is_object(), "{theirs}");
            assert_eq!(same(&theirs, "patina"), same(&nothing, "nothing"));
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn through_no_subscription_and_no_session() {
    let Scene { app, ada, eve, foreign, room, own, .. } = scene().await;
    let client = Client::modern(&app, &foreign);
    let uris = [&room, &own].map(|id| format!("parley://conversations/{id}"));
    let filter = json!({"resourcesListChanged": true, "promptsListChanged": true, "resourceSubscriptions": uris});
    let mut stream = client.stream("subscriptions/listen", json!({"notifications": filter})).await;
    stream.until("notifications/subscriptions/acknowledged").await;
    let (theirs, hers): (ConversationId, ConversationId) = (room.parse().unwrap(), own.parse().unwrap());
    ada.tab(theirs).await.ask(theirs, "script:\nsay Two.").await;
    ada.call(&path_of("save_prompt"), &[("prompt_name", "more"), ("prompt_body", "x")]).await;
    ada.room().await;
    eve.tab(hers).await.ask(hers, "script:\nsay Mine.").await;
    // Of her own alone; her conversation's title may be told too, hers are not.
    loop {
        let heard = stream.next().await.unwrap();
        assert!(
            !heard.to_string().contains(&room) && heard["method"] != "notifications/prompts/list_changed",
            "{heard}"
        );
        if heard["method"] == "notifications/resources/updated" {
            break;
        }
    }

    let session = Client::legacy(&app, &token(&app, "ada", "read").await).await;
    let thief = session.showing(&foreign);
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let request = thief.request(method).json(&json!({"jsonrpc": "2.0", "id": 1, "method": "resources/list"}));
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    }
    app.stop().await;
}
