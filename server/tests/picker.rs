//! Taking up prompts and resources of another server, which is another Parley, from the page's functions to the reply.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp, TestUser, path_of,
    socket::{PATIENCE, Socket},
};
use app::{
    backend::caller::{Caller, Via},
    wire::{
        account::Username,
        api_token::Scopes,
        event::{ChatEvent, ClientEvent},
        id::{ClientId, ConversationId},
        message::{Message, Part},
        picker::{Filled, Group, OWN, Reference},
    },
};
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use std::time::Duration;

async fn caller(app: &TestApp, name: &str) -> Caller {
    let user = app.backend.store.user_by_name(&Username::parse(name).unwrap()).await.unwrap().unwrap();
    Caller { user: user.id, name: user.name, admin: user.admin, via: Via::Session(app.backend.clock.id()) }
}

/// Calls a function of the page; what it answers.
async fn ask<T: DeserializeOwned>(person: &TestUser, name: &str, fields: &[(&str, &str)]) -> T {
    let answer = person.call(&path_of(name), fields).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{name}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// A Parley whose person «bot» has a prompt and a conversation, and one of ours whose «ada» has it connected.
async fn two() -> (TestApp, TestApp, TestUser, String) {
    let there = TestApp::start().await;
    let bot = there.person("bot").await;
    let fields = [
        ("prompt_name", "review"),
        ("prompt_title", "Review it"),
        ("prompt_body", "Review {{topic}} \u{202e}well."),
        ("prompt_arguments", "topic: What it is about [brass, engines]"),
    ];
    assert!(bot.form(&path_of("save_prompt"), &fields).await.status().is_redirection());
    let by = caller(&there, "bot").await;
    there.backend.store.create_conversation(by.user, "The engine room").await.unwrap();
    let token = there.backend.auth.create_api_token(&by, "a test", Scopes::ALL, None).await.unwrap();
    let here = TestApp::scripted_with(|settings| settings.mcp_private = Some("allow".to_owned())).await;
    let ada = here.person("ada").await;
    let (url, key) = (format!("{}/mcp", there.url), format!("Bearer {}", token.expose_secret()));
    let fields = [("name", "Other side"), ("url", &url), ("header", "Authorization"), ("value", &key)];
    assert!(ada.form(&path_of("add_connection"), &fields).await.status().is_redirection());
    let server = loop {
        let groups: Vec<Group> = ask(&ada, "pick", &[("what", "prompts")]).await;
        match groups.into_iter().find(|group| !group.choices.is_empty()) {
            Some(group) => break group.server,
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    (there, here, ada, server)
}

fn send(room: ConversationId, key: ClientId, text: &str, references: Vec<Reference>) -> ClientEvent {
    let (parent, files, model) = (None, Vec::new(), None);
    ClientEvent::Send { client_id: key, conversation: room, parent, text: text.to_owned(), files, references, model }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prompts_and_resources_of_another_server() {
    let (there, here, ada, server) = two().await;
    let found: Vec<Group> = ask(&ada, "pick", &[("what", "prompts"), ("typed", "REVIEW")]).await;
    let [review] = &found[0].choices[..] else { panic!("{found:?}") };
    assert_eq!(
        (review.title.as_str(), review.blanks[0].required, found[0].name.as_str()),
        ("Review it", true, "Other side")
    );
    let of = [("server", server.as_str()), ("kind", "prompt"), ("key", "review"), ("blank", "topic"), ("typed", "b")];
    let values: Vec<String> = ask(&ada, "suggest", &of).await;
    assert_eq!(values, ["brass"]);
    let prompt = [("server", server.as_str()), ("prompt", "review")];
    let filled: Filled =
        ask(&ada, "fill_prompt", &[&prompt[..], &[("values", r#"{"topic": "brass"}"#)]].concat()).await;
    assert_eq!(filled.text, "Review brass well.", "without what cannot be seen");
    let refused = ada.call(&path_of("fill_prompt"), &prompt).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text().await.unwrap().contains("«Review it» needs «topic»."));

    let found: Vec<Group> = ask(&ada, "pick", &[("what", "resources"), ("typed", "engine room")]).await;
    let engine = found.iter().find(|group| group.server == server).unwrap().choices[0].clone();
    let template = "parley://conversations/{id}";
    let id = engine.key.rsplit('/').next().unwrap().to_owned();
    let of =
        [("server", server.as_str()), ("kind", "template"), ("key", template), ("blank", "id"), ("typed", "engine")];
    assert_eq!(ask::<Vec<String>>(&ada, "suggest", &of).await, std::slice::from_ref(&id));
    let values = format!(r#"{{"id": "{id}"}}"#);
    let fields = [("server", server.as_str()), ("template", template), ("values", values.as_str())];
    let reference: Reference = ask(&ada, "fill_template", &fields).await;
    assert_eq!((reference.uri.as_str(), reference.from.as_str()), (engine.key.as_str(), "Other side"));

    let room = ada.room().await;
    let mut tab: Socket = ada.tab(room).await;
    tab.say(&send(room, here.backend.clock.id(), "What is there?", vec![reference.clone()])).await;
    tab.until(|event| matches!(event, ChatEvent::TurnEnded { .. })).await;
    let messages: Vec<Message> = ada.messages(room).await;
    let Part::Resource(read) = &messages[0].parts[0] else { panic!("{messages:?}") };
    assert_eq!((read.server.as_str(), read.uri.as_str()), ("Other side", engine.key.as_str()));
    assert!(read.text.contains("# The engine room"), "{}", read.text);
    assert!(messages[1].text().contains("server=\"Other side\""), "{}", messages[1].text());
    let page = ada.get(&format!("/c/{room}")).await.text().await.unwrap();
    assert!(page.contains("The engine room from Other side") || page.contains(" from Other side"), "{page}");

    // Another person's server is not there, whoever asks for what.
    let eve = here.person("eve").await;
    assert!(ask::<Vec<Group>>(&eve, "pick", &[("what", "resources")]).await.iter().all(|group| group.server == OWN));
    let of = [("kind", "prompt"), ("key", "review"), ("blank", "topic"), ("prompt", "review"), ("template", template)];
    for name in ["suggest", "fill_prompt", "fill_template"] {
        let fields = [&[("server", server.as_str())][..], &of].concat();
        assert_eq!(eve.call(&path_of(name), &fields).await.status(), StatusCode::NOT_FOUND, "{name}");
        let fields = [&fields[..], &[("what", "prompts")]].concat();
        for name in [name, "pick"] {
            assert_eq!(here.visitor().call(&path_of(name), &fields).await.status(), StatusCode::UNAUTHORIZED, "{name}");
        }
    }
    let eves = eve.room().await;
    let mut tab: Socket = eve.tab(eves).await;
    let key = here.backend.clock.id();
    tab.say(&send(eves, key, "What is there?", vec![reference])).await;
    let refused = tab.until(|event| matches!(event, ChatEvent::Refused { .. })).await;
    let ChatEvent::Refused { reply_to, error } = refused else { unreachable!() };
    assert_eq!(reply_to, Some(key));
    assert!(error.to_string().contains("no such server, or it is not yours"), "{error}");
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_holds_up_nothing_else() {
    let here = TestApp::scripted_with(|settings| settings.mcp_private = Some("allow".to_owned())).await;
    let ada = here.person("ada").await;
    // It takes connections and says nothing.
    let deaf = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", deaf.local_addr().unwrap());
    assert!(ada.form(&path_of("add_connection"), &[("name", "Deaf"), ("url", &url)]).await.status().is_redirection());
    let groups: Vec<Group> = ask(&ada, "pick", &[("what", "resources")]).await;
    let deaf_server = groups.iter().find(|group| group.name == "Deaf").unwrap();
    assert!(deaf_server.coming && deaf_server.choices.is_empty(), "{groups:?}");
    let reference = Reference {
        server: deaf_server.server.clone(),
        uri: "a://b".to_owned(),
        name: "B".to_owned(),
        from: "Deaf".to_owned(),
    };
    let room = ada.room().await;
    let mut tab: Socket = ada.tab(room).await;
    tab.say(&send(room, here.backend.clock.id(), "What is there?", vec![reference])).await;
    tab.say(&ClientEvent::Ping).await;
    let heard = tokio::time::timeout(PATIENCE, tab.next()).await.unwrap().unwrap();
    assert!(matches!(heard, ChatEvent::Pong { .. }), "{heard:?}");
    drop((tab, deaf));
    here.stop().await;
}
