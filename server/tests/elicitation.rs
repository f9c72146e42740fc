//! What another server asks, answered by the page's form: one Parley deletes something at another, which asks first.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{TestApp, TestUser, path_of, socket::Socket};
use app::{
    backend::caller::{Caller, Via},
    wire::{
        api_token::Scopes,
        elicitation::{FieldKind, ServerQuestion, Wants},
        event::{ChatEvent, ClientEvent},
        id::TurnId,
        message::{Message, Part},
        tool::{Approval, ToolCall, ToolState},
    },
};
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use std::time::Duration;

/// That person, at their page.
async fn account(app: &TestApp, name: &str) -> Caller {
    let via = Via::Session(app.backend.clock.id());
    Caller { via, ..app.backend.auth.account(name).await.unwrap() }
}

/// Connects the other side for somebody, and waits until its tools are there.
async fn connected(here: &TestApp, there: &TestApp, person: &TestUser) {
    let bot = account(there, "bot").await;
    let token = there.backend.auth.create_api_token(&bot, "a test", Scopes::ALL, None).await.unwrap();
    let (url, key) = (format!("{}/mcp", there.url), format!("Bearer {}", token.expose_secret()));
    let fields = [("name", "Other side"), ("url", &url), ("header", "Authorization"), ("value", &key)];
    assert_eq!(person.form(&path_of("add_connection"), &fields).await.status(), StatusCode::FOUND);
    let ada = account(here, "ada").await;
    while here.backend.connections.list(&ada).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Allows the call, and waits for what its server asks.
async fn asked(tab: &mut Socket) -> (TurnId, ToolCall, ServerQuestion) {
    loop {
        match tab.next().await.unwrap() {
            ChatEvent::Tool { turn, call, state: ToolState::Asked { .. }, .. } => {
                tab.say(&ClientEvent::Decide { turn, call: call.id, approval: Approval::Once, arguments: None }).await;
            }
            ChatEvent::Tool { turn, call, state: ToolState::Elicits { question, .. }, .. } => {
                return (turn, call, *question);
            }
            ChatEvent::TurnEnded { .. } => panic!("nobody asked"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_asks_is_answered_by_the_pages_form() {
    let there = TestApp::start().await;
    let bot = there.person("bot").await;
    let here = TestApp::scripted_with(|settings| settings.mcp_private = Some("allow".to_owned())).await;
    let (ada, eve) = (here.person("ada").await, here.person("eve").await);
    connected(&here, &there, &ada).await;
    let (room, doomed) = (ada.room().await, bot.room().await);
    let mut tab = ada.tab(room).await;
    for (action, field, words) in [
        ("decline", None, "they declined"),
        ("send", None, "the user said no"),
        ("send", Some("true"), "Deleted this untitled conversation"),
    ] {
        let call =
            format!("script:\ntool other_side__delete_conversation {{\"conversation_id\": \"{doomed}\"}}\nsay done");
        tab.send(room, &call).await;
        let (turn, call, question) = asked(&mut tab).await;
        assert_eq!(question.server, "Other side");
        assert!(question.message.starts_with("Delete this untitled conversation?"), "{}", question.message);
        let Wants::Form { fields } = &question.wants else { panic!("{question:?}") };
        assert!(matches!(fields[0].kind, FieldKind::Switch { default: false }) && fields[0].required);
        let (turn, number) = (turn.to_string(), question.number.to_string());
        let mut form = vec![("turn", &*turn), ("call", &*call.id.0), ("number", &*number), ("action", action)];
        form.extend(field.map(|field| ("fields[f0][v0]", field)));
        assert_eq!(eve.call(&path_of("answer_server"), &form).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(here.visitor().call(&path_of("answer_server"), &form).await.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(ada.call(&path_of("answer_server"), &form).await.status(), StatusCode::OK);
        tab.until(|event| matches!(event, ChatEvent::TurnEnded { .. })).await;
        let messages: Vec<Message> = ada.messages(room).await;
        let results = messages.iter().flat_map(|message| &message.parts);
        let mut results =
            results.filter_map(|part| if let Part::ToolResult(result) = part { Some(result) } else { None });
        let text = &results.next_back().unwrap().outcome.text;
        assert!(text.contains(words), "{text}");
        assert!(text.contains("[«Other side» asked the user something"), "{text}");
    }
    assert!(there.backend.store.conversation(account(&there, "bot").await.user, doomed).await.is_err());
    here.stop().await;
    there.stop().await;
}
