//! Connected MCP servers from the form to the conversation: one Parley uses another's tools, by a token in a header.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{TestApp, TestUser, path_of, peers::page_with, process::parley, socket::Socket};
use app::{
    backend::caller::{Caller, Via},
    wire::{
        account::Username,
        api_token::Scopes,
        event::{ChatEvent, ClientEvent},
        message::{Message, Part},
        tool::{Approval, ToolOutcome, ToolState},
    },
};
use reqwest::{StatusCode, header};
use secrecy::ExposeSecret;

/// The page of one's servers.
pub(crate) const PAGE: &str = "/settings/connections";

/// That person at their page.
async fn at_the_page(app: &TestApp, name: &str) -> Caller {
    let user = app.backend.store.user_by_name(&Username::parse(name).unwrap()).await.unwrap().unwrap();
    Caller { user: user.id, name: user.name, admin: user.admin, via: Via::Session(app.backend.clock.id()) }
}

/// A token for everything of that person's.
pub(crate) async fn token(app: &TestApp, name: &str) -> String {
    let caller = at_the_page(app, name).await;
    let made = app.backend.auth.create_api_token(&caller, "a test", Scopes::ALL, None).await.unwrap();
    made.expose_secret().to_owned()
}

/// Posts the form as a browser without script does.
async fn connect(person: &TestUser, url: &str, key: &str) -> reqwest::Response {
    let fields = [("name", "Other side"), ("url", url), ("header", "Authorization"), ("value", key)];
    person.form(&path_of("add_connection"), &fields).await
}

/// Says something and allows what is asked; the reply's tool results.
async fn played(person: &TestUser, script: &str) -> Vec<ToolOutcome> {
    let room = person.room().await;
    let mut tab: Socket = person.tab(room).await;
    tab.send(room, script).await;
    loop {
        match tab.next().await.unwrap() {
            ChatEvent::Tool { turn, call, state: ToolState::Asked { .. }, .. } => {
                tab.say(&ClientEvent::Decide { turn, call: call.id, approval: Approval::Once, arguments: None }).await;
            }
            ChatEvent::TurnEnded { .. } => break,
            ChatEvent::Refused { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    let messages: Vec<Message> = person.messages(room).await;
    let parts = messages.into_iter().flat_map(|message| message.parts);
    parts.filter_map(|part| if let Part::ToolResult(result) = part { Some(result.outcome) } else { None }).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_parley_uses_the_tools_of_another() {
    let there = TestApp::start().await;
    there.person("bot").await;
    let key = format!("Bearer {}", token(&there, "bot").await);
    let here = TestApp::scripted_with(|settings| settings.mcp_private = Some("allow".to_owned())).await;
    let (ada, eve) = (here.person("ada").await, here.person("eve").await);

    let answer = connect(&ada, &format!("{}/mcp", there.url), &key).await;
    assert_eq!((answer.status(), &answer.headers()[header::LOCATION]), (StatusCode::FOUND, &PAGE.parse().unwrap()));
    let page = page_with(&ada, "Connected").await;
    assert!(page.contains("other_side__sum") && page.contains("2026-07-28"), "{page}");
    assert!(!page.contains(&key), "a secret is never shown again");
    assert!(!eve.get(PAGE).await.text().await.unwrap().contains("other_side__sum"));

    let script = "script:\ntool other_side__sum {\"numbers\": [2, 40]}\nsay done";
    let outcomes = played(&ada, script).await;
    let [sum] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert!(!sum.is_error && sum.structured.as_ref().is_some_and(|found| found["sum"] == 42.0), "{sum:?}");
    let refused = played(&eve, script).await;
    assert!(refused[0].is_error && refused[0].text.contains("There is no tool «other_side__sum»"), "{refused:?}");

    // The tools of her servers are the bot's: a program with her token gets Parley's own.
    let names = here.backend.tools.list(&at_the_page(&here, "ada").await).await;
    assert!(names.iter().all(|spec| spec.server.is_none()));
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_server_comes_back_without_its_secrets() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let answer = connect(&ada, "https://127.0.0.1/mcp?key=hunter2", "Bearer hunter2").await;
    let back = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert!(back.starts_with(PAGE) && !back.contains("hunter2"), "{back}");
    let page = ada.get(&back).await.text().await.unwrap();
    assert!(page.contains("this machine") && !page.contains("hunter2"), "{page}");
    let answer = ada.call(&path_of("add_connection"), &[("name", "x"), ("url", "http://mcp.example/")]).await;
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    for path in ["connections", "add_connection", "turn_connection", "choose_tool"] {
        let fields = [("name", "x"), ("url", "https://mcp.example/"), ("id", "x"), ("to", "on")];
        let more = [("server", "x"), ("tool", "x"), ("choice", "on")];
        let answer = app.visitor().call(&path_of(path), &[&fields[..], &more[..]].concat()).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    app.stop().await;
}

#[test]
fn the_operators_file_is_checked_with_everything_else() {
    let folder = crate::support::Folder::new();
    let file = folder.path().join("mcp.json");
    let text = r#"{"mcpServers": {"files": {"command": "no-such-program"}, "web": {"url": "hunter2"},
        "key": {"url": "https://mcp.example/", "auth": {"grant_type": "client_credentials", "client_id": "parley",
                "private_key": "hunter2"}}}}"#;
    std::fs::write(&file, text).unwrap();
    let check = || {
        let mut command = parley(&folder);
        command.arg("check-config").env("PARLEY_MCP_SERVERS", &file).env("PARLEY_MCP_PRIVATE", "maybe");
        command.env("PARLEY_SECRET_KEYS", "hunter2");
        command.output().unwrap()
    };
    let output = check();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    for words in [
        "PARLEY_MCP_SERVERS: server «files»: there is no program «no-such-program» in PATH.",
        "PARLEY_MCP_SERVERS: server «web»: «url» is not an http:// or https:// address.",
        "PARLEY_MCP_SERVERS: server «key»: the private key of «auth» cannot be used: it is no private key in PEM",
        "PARLEY_MCP_PRIVATE: «maybe» is neither deny nor loopback nor allow.",
        "PARLEY_SECRET_KEYS: a key ",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
    std::fs::remove_file(&file).unwrap();
    assert!(String::from_utf8_lossy(&check().stderr).contains("cannot be read"));
}
