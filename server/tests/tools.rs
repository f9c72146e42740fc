//! Tools over the wire: questions answered by the page's form, floors, switches, and the record of calls.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{TestApp, TestUser, path_of, socket::Socket};
use app::wire::{
    conversation::Page,
    event::ChatEvent,
    id::TurnId,
    message::{Message, Part, Status},
    policy::{CallEnd, CallRow, CalledBy, Policy, Rule, ToolSettings, ToolSwitch},
    tool::{ToolCall, ToolState},
};
use reqwest::{Response, StatusCode};

const RENAME: &str = "script:\ntool rename_conversation {\"title\": \"Engines\"}\necho";

async fn asked(tab: &mut Socket) -> (TurnId, ToolCall) {
    let asks = |event: &ChatEvent| matches!(event, ChatEvent::Tool { state: ToolState::Asked { .. }, .. });
    match tab.until(asks).await {
        ChatEvent::Tool { turn, call, .. } => (turn, call),
        _ => unreachable!(),
    }
}

async fn ended(tab: &mut Socket) -> Message {
    let over = |event: &ChatEvent| matches!(event, ChatEvent::Message { message } if message.turn.is_some() && message.status != Status::Pending);
    match tab.until(over).await {
        ChatEvent::Message { message } => message,
        _ => unreachable!(),
    }
}

async fn decide(user: &TestUser, turn: TurnId, call: &ToolCall, approval: &str, arguments: &str) -> Response {
    let turn = turn.to_string();
    let fields = [("turn", &*turn), ("call", &*call.id.0), ("approval", approval), ("arguments", arguments)];
    user.call(&path_of("decide_call"), &fields).await
}

async fn calls(user: &TestUser, fields: &[(&str, &str)]) -> Vec<CallRow> {
    let answer = user.call(&path_of("tool_calls"), fields).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json::<Page<CallRow>>().await.unwrap().items
}

async fn settings(user: &TestUser) -> ToolSettings {
    user.call(&path_of("tool_settings"), &[]).await.json().await.unwrap()
}

#[tokio::test]
async fn a_question_is_answered_by_the_pages_form_with_other_arguments() {
    let app = TestApp::scripted().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    tab.send(room, RENAME).await;
    let (turn, call) = asked(&mut tab).await;
    assert_eq!(decide(&eve, turn, &call, "once", "").await.status(), StatusCode::NOT_FOUND);
    for (arguments, words) in [
        ("{\"title\": ", "The arguments are not JSON"),
        ("{\"title\": 1}", "`title` must be a string, not `1`."),
        ("{\"name\": \"x\"}", "There is no property `name`"),
    ] {
        let refused = decide(&ada, turn, &call, "once", arguments).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{arguments}");
        let said = refused.text().await.unwrap();
        assert!(said.contains(words), "{said}");
    }
    let said = decide(&ada, turn, &call, "perhaps", "").await;
    assert!(said.status().is_client_error() || said.status().is_server_error(), "{}", said.status());
    assert_eq!(decide(&ada, turn, &call, "once", "{\"title\": \"Brass\"}").await.status(), StatusCode::OK);
    let reply = ended(&mut tab).await;
    let Part::ToolCall(ran) = &reply.parts[0] else { panic!("{reply:?}") };
    assert_eq!(ran.edited.as_ref().map(|edited| edited.by.as_str()), Some("ada"));
    assert!(reply.text().contains("The person changed the arguments to {\"title\":\"Brass\"}."), "{}", reply.text());
    assert_eq!(ada.conversations().await[0].title, "Brass");
    assert_eq!(decide(&ada, turn, &call, "once", "").await.status(), StatusCode::NOT_FOUND, "it is answered");
    app.stop().await;
}

#[tokio::test]
async fn floors_are_an_administrators_and_bind_everybody() {
    let app = TestApp::scripted().await;
    // Whoever is first is the administrator.
    let (admin, ada) = (app.person("root").await, app.person("ada").await);
    let floor = [("what", "tool:rename_conversation"), ("floor", "deny")];
    assert_eq!(ada.call(&path_of("set_tool_floor"), &floor).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(ada.call(&path_of("tool_calls"), &[("everybody", "true")]).await.status(), StatusCode::FORBIDDEN);
    for what in ["rename_conversation", "tool:", "person:ada"] {
        let refused = admin.call(&path_of("set_tool_floor"), &[("what", what), ("floor", "deny")]).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{what}");
    }
    assert_eq!(admin.call(&path_of("set_tool_floor"), &floor).await.status(), StatusCode::OK);
    let shown = settings(&ada).await;
    let rename = shown.tools.iter().find(|tool| tool.name == "rename_conversation").unwrap();
    assert_eq!((rename.floor, rename.said, shown.floors.len()), (Some(Policy::Deny), None, 0));
    assert_eq!(settings(&admin).await.floors.len(), 1);
    let allow = [("tool", "rename_conversation"), ("policy", "allow")];
    assert_eq!(ada.call(&path_of("set_tool_policy"), &allow).await.status(), StatusCode::OK);
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    let reply = tab.ask(room, RENAME).await;
    assert!(reply.text().contains("lets nobody use `rename_conversation`"), "{}", reply.text());
    let rows = calls(&admin, &[("everybody", "true")]).await;
    assert_eq!((rows.len(), rows[0].user.as_str(), rows[0].rule), (1, "ada", Rule::Floor));
    assert!(calls(&admin, &[]).await.is_empty(), "the administrator called nothing");
    let none = [("what", "tool:rename_conversation"), ("floor", "none")];
    assert_eq!(admin.call(&path_of("set_tool_floor"), &none).await.status(), StatusCode::OK);
    assert!(!tab.ask(room, RENAME).await.text().contains("lets nobody"));
    assert_eq!(ada.conversations().await[0].title, "Engines", "what she allowed counts again");
    let row = calls(&ada, &[]).await.remove(0);
    assert_eq!((row.rule, row.end, row.via), (Rule::Always, CallEnd::Ok, CalledBy::Model));
    assert_eq!(row.conversation, Some(room));
    app.stop().await;
}

#[tokio::test]
async fn only_the_owner_switches_a_conversations_tools() {
    let app = TestApp::scripted().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.room().await;
    ada.invite(&bob, room).await;
    let id = room.to_string();
    let off = [("id", &*id), ("tool", "sum"), ("on", "false")];
    assert_eq!(bob.call(&path_of("switch_tool"), &off).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(app.person("eve").await.call(&path_of("switch_tool"), &off).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ada.call(&path_of("switch_tool"), &off).await.status(), StatusCode::OK);
    let shown = bob.call(&path_of("conversation_tools"), &[("id", &id)]).await;
    let tools: Vec<ToolSwitch> = shown.json().await.unwrap();
    assert_eq!(tools.iter().filter(|tool| !tool.on).map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["sum"]);
    let own = ada.room().await;
    let off = [("id", &*own.to_string()), ("tool", "sum"), ("on", "false")];
    assert_eq!(ada.call(&path_of("switch_tool"), &off).await.status(), StatusCode::OK);
    let reply = ada.tab(own).await.ask(own, "script:\ntool sum {\"numbers\": [1, 2]}\necho").await;
    assert!(reply.text().contains("switched off in this conversation"), "{}", reply.text());
    app.stop().await;
}

#[tokio::test]
async fn the_settings_page_says_what_counts_and_what_was_called() {
    let app = TestApp::scripted().await;
    let admin = app.person("root").await;
    let room = admin.room().await;
    admin.tab(room).await.ask(room, "script:\ntool sum {\"numbers\": [40, 2]}\necho").await;
    let read = async |path: &str| admin.get(path).await.text().await.unwrap();
    let (tools, calls) = (read("/settings/tools").await, read("/settings/calls").await);
    for words in ["Tool permissions", "Permission of Sum", "Tool rules for everybody"] {
        assert!(tools.contains(words) && !calls.contains(words), "{words}");
    }
    assert!(calls.contains("Tool calls") && calls.contains("it changes nothing"));
    // The form of a browser without script comes back to its section.
    let saved = admin.form(&path_of("set_tool_policy"), &[("tool", "sum"), ("policy", "ask")]).await;
    assert_eq!(saved.status(), StatusCode::FOUND);
    assert_eq!(saved.headers()["location"], "/settings/tools");
    let sum = settings(&admin).await.tools.into_iter().find(|tool| tool.name == "sum").unwrap();
    assert_eq!((sum.default, sum.said), (Policy::Allow, Some(Policy::Ask)));
    let ada = app.person("ada").await;
    let page = ada.get("/settings/calls?whose=all").await.text().await.unwrap();
    assert!(page.contains("No tool was called."));
    let page = ada.get("/settings/tools").await.text().await.unwrap();
    assert!(page.contains("Tool permissions") && !page.contains("Tool rules for everybody"));
    app.stop().await;
}
