//! Tasks at other servers, from a conversation: looked after over a restart and over a server's bad minute, called off by
//! Stop.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, PASSWORD, TestUser,
    peers::{file, page_with, parley_with},
    process::{Served, scripted},
    remote::{Remote, until},
    socket::Socket,
};
use app::{
    backend::test::TestStore,
    wire::{
        event::{ChatEvent, ClientEvent},
        id::{ConversationId, TurnId},
        message::{Message, Part, Status},
        policy::{CallEnd, CallRow, Rule},
        tool::ToolState,
    },
};
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::process::Command;

/// What a model does with the result.
const WORKS: &str = "script:\nsay one\ntool remote__work {}\necho";

/// Says it in a new conversation, once the server is connected, and waits until it works at its task.
async fn at_work(ada: &TestUser, remote: &Remote) -> (ConversationId, Socket, TurnId) {
    page_with(ada, "remote__work").await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    tab.send(room, WORKS).await;
    let at_it = |event: &ChatEvent| matches!(event, ChatEvent::Tool { state: ToolState::Running { note: Some(note), .. }, .. } if note == "at it");
    let ChatEvent::Tool { turn, .. } = tab.until(at_it).await else { unreachable!() };
    assert_eq!(remote.begun(), 1);
    (room, tab, turn)
}

fn result(part: &Part) -> Option<&str> {
    match part {
        Part::ToolResult(result) => Some(&result.outcome.text),
        _ => None,
    }
}

fn results(reply: &Message) -> Vec<&str> {
    reply.parts.iter().filter_map(result).collect()
}

/// The reply's end, in a tab that was opened late or early.
async fn ended(ada: &TestUser, room: ConversationId) -> Message {
    loop {
        let reply = ada.messages(room).await.pop().unwrap();
        if reply.status != Status::Pending {
            return reply;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A Parley that uses that server, on that database, in that folder.
fn parley(folder: &Folder, database: &TestStore, remote: &Remote) -> Command {
    let servers = file(folder, "remote", &json!({"url": remote.url, "trusted": true}));
    let mut command = scripted(folder);
    command.env("PARLEY_DATABASE_URL", database.url.0.expose_secret());
    // Nobody would wait that long for a drain.
    command.env("PARLEY_MCP_SERVERS", servers).env("PARLEY_SHUTDOWN_GRACE", "600");
    command
}

async fn signed_up(served: &Served) -> TestUser {
    let ada = served.visitor();
    assert!(ada.sign_up("ada", PASSWORD).await.status().is_redirection());
    ada
}

async fn restarted_with(signal: &str, database: TestStore) {
    // The server is the only one on it.
    database.store.close().await;
    let (folder, remote) = (Folder::new(), Remote::start().await);
    let mut served = Served::start(&mut parley(&folder, &database, &remote));
    let ada = signed_up(&served).await;
    let (room, _tab, _turn) = at_work(&ada, &remote).await;
    served.signal(signal);
    assert_eq!(served.code(), (signal == "TERM").then_some(0), "{signal}");
    let seen = remote.polls();

    let served = Served::start(&mut parley(&folder, &database, &remote));
    let ada = ada.at(&served.url);
    // Nobody opens the conversation: the turn is gone on with all the same.
    until(|| remote.polls() > seen).await;
    assert_eq!(ada.messages(room).await.pop().unwrap().status, Status::Pending, "{signal}");
    remote.finish();
    let reply = ended(&ada, room).await;
    assert_eq!((reply.status, results(&reply)), (Status::Complete, vec!["the work is done"]), "{signal}");
    assert!(reply.text().starts_with("one") && reply.text().ends_with("the work is done"), "{signal}: {reply:?}");
    assert_eq!((remote.begun(), remote.cancelled()), (1, 0), "{signal}: it is not called again, and not called off");

    let answer = ada.call(&crate::support::path_of("tool_calls"), &[]).await;
    let rows: Vec<CallRow> = answer.json::<app::wire::conversation::Page<CallRow>>().await.unwrap().items;
    let told: Vec<_> = rows.iter().map(|row| (row.tool.as_str(), row.rule, row.end)).collect();
    assert_eq!(told, [("remote__work", Rule::Trusted, CallEnd::Ok)], "{signal}: one call, one record");
    drop(served);
    database.discard().await;
}

/// What a task asks is not answered by a restart: it is asked again, and the answer reaches the task.
async fn asked_again_after(signal: &str, database: TestStore) {
    database.store.close().await;
    let (folder, remote) = (Folder::new(), Remote::start().await);
    remote.asks();
    let mut served = Served::start(&mut parley(&folder, &database, &remote));
    let ada = signed_up(&served).await;
    page_with(&ada, "remote__work").await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    tab.send(room, WORKS).await;
    let asks = |event: &ChatEvent| matches!(event, ChatEvent::Tool { state: ToolState::Elicits { .. }, .. });
    let ChatEvent::Tool { turn, call, .. } = tab.until(asks).await else { unreachable!() };
    served.signal(signal);
    assert_eq!(served.code(), (signal == "TERM").then_some(0), "{signal}");
    assert_eq!(remote.answers(), Vec::<Value>::new(), "{signal}: nobody answered for the person");

    let served = Served::start(&mut parley(&folder, &database, &remote));
    let ada = ada.at(&served.url);
    let turn = turn.to_string();
    let form =
        [("turn", &*turn), ("call", &*call.id.0), ("number", "0"), ("action", "send"), ("fields[f0][v0]", "Ada")];
    let answered = async {
        while ada.call(&crate::support::path_of("answer_server"), &form).await.status() != StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::support::socket::PATIENCE, answered).await.expect("it is not asked again");
    until(|| remote.answers().len() == 1).await;
    assert_eq!(remote.answers()[0]["content"], json!({"name": "Ada"}), "{signal}");
    remote.finish();
    let reply = ended(&ada, room).await;
    assert_eq!(reply.status, Status::Complete, "{signal}");
    assert!(matches!(&results(&reply)[..], [text] if text.starts_with("the work is done")), "{signal}: {reply:?}");
    assert_eq!((remote.begun(), remote.cancelled(), remote.answers().len()), (1, 0, 1), "{signal}");
    drop(served);
    database.discard().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_outlives_a_drain_and_a_crash_of_parley_on_sqlite() {
    for signal in ["TERM", "KILL"] {
        restarted_with(signal, TestStore::sqlite().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_outlives_a_drain_and_a_crash_of_parley_on_postgres() {
    for signal in ["TERM", "KILL"] {
        if let Some(database) = TestStore::postgres().await {
            restarted_with(signal, database).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tasks_question_outlives_a_drain_and_a_crash_of_parley_on_sqlite() {
    for signal in ["TERM", "KILL"] {
        asked_again_after(signal, TestStore::sqlite().await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tasks_question_outlives_a_drain_and_a_crash_of_parley_on_postgres() {
    for signal in ["TERM", "KILL"] {
        if let Some(database) = TestStore::postgres().await {
            asked_again_after(signal, database).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_calls_a_task_off_at_the_server() {
    let remote = Remote::start().await;
    let app = parley_with("remote", &json!({"url": remote.url, "trusted": true})).await;
    let ada = app.person("ada").await;
    let (room, mut tab, turn) = at_work(&ada, &remote).await;
    tab.say(&ClientEvent::Stop { turn }).await;
    until(|| remote.cancelled() == 1).await;
    let reply = ended(&ada, room).await;
    assert_eq!((reply.status, results(&reply)), (Status::Stopped, vec!["It was stopped before it finished."]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_outlives_its_servers_bad_minute() {
    let remote = Remote::start().await;
    let app = parley_with("remote", &json!({"url": remote.url, "trusted": true})).await;
    let ada = app.person("ada").await;
    let (room, mut tab, _turn) = at_work(&ada, &remote).await;
    remote.is_away(true);
    let waits = |event: &ChatEvent| {
        matches!(event, ChatEvent::Tool { state: ToolState::Running { note: Some(note), .. }, .. }
            if note.starts_with("Waiting for «remote» to come back."))
    };
    tab.until(waits).await;
    remote.is_away(false);
    remote.finish();
    let reply = ended(&ada, room).await;
    assert_eq!((reply.status, results(&reply)), (Status::Complete, vec!["the work is done"]));
    assert_eq!((remote.begun(), remote.cancelled()), (1, 0));
    app.stop().await;
}
