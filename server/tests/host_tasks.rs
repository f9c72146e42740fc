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
use app::wire::{
    event::{ChatEvent, ClientEvent},
    id::{ConversationId, TurnId},
    message::{Message, Part, Status},
    policy::{CallEnd, CallRow, Rule},
    tool::ToolState,
};
use serde_json::json;

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

async fn restarted_with(signal: &str) {
    let (folder, remote) = (Folder::new(), Remote::start().await);
    let servers = file(&folder, "remote", &json!({"url": remote.url, "trusted": true}));
    let parley = || {
        let mut command = scripted(&folder);
        // Nobody would wait that long for a drain.
        command.env("PARLEY_MCP_SERVERS", &servers).env("PARLEY_SHUTDOWN_GRACE", "600");
        command
    };
    let mut served = Served::start(&mut parley());
    let ada = served.visitor();
    assert!(ada.sign_up("ada", PASSWORD).await.status().is_redirection());
    let (room, _tab, _turn) = at_work(&ada, &remote).await;
    served.signal(signal);
    assert_eq!(served.code(), (signal == "TERM").then_some(0), "{signal}");
    let seen = remote.polls();

    let served = Served::start(&mut parley());
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
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_outlives_a_drain_of_parley() {
    restarted_with("TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_outlives_a_crash_of_parley() {
    restarted_with("KILL").await;
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
