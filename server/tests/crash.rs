//! `kill -9` of the real program while people send: what was acknowledged is there, once, and nothing stays half done.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, PASSWORD, TestUser,
    process::{Served, scripted},
    socket::{PATIENCE, message},
};
use app::{
    backend::{clock::Clock, test::TestStore},
    wire::{
        event::{ChatEvent, ClientEvent},
        id::{ClientId, ConversationId},
        message::{FaultKind, Message, Role, Status},
        tool::{Approval, ToolState},
    },
};
use futures::{future::join_all, join};
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};
use tokio::time::{sleep, timeout};

/// A script without its first line: the model is asked twice at once where the reply between was killed.
const SAYING: &str = "say a word or two";
/// Acknowledged messages after which it is killed.
const ENOUGH: usize = 40;

/// What one tab sent until the connection broke.
struct Sent {
    room: ConversationId,
    acknowledged: Vec<ClientId>,
    /// On its way when it broke.
    last: ClientId,
}

/// Sends one message after the other until the connection breaks.
async fn send_for_ever(user: &TestUser, room: ConversationId, count: &AtomicUsize) -> Sent {
    let mut tab = user.tab(room).await;
    let mut acknowledged = Vec::new();
    loop {
        let key = Clock::System.id();
        let alive = tab.say_if_alive(&message(room, key, SAYING)).await;
        let ours = |event: &ChatEvent| match event {
            ChatEvent::Message { message } => (message.client_id == Some(key)).then_some(true),
            // The queue is full.
            ChatEvent::Refused { reply_to, .. } => (*reply_to == Some(key)).then_some(false),
            _ => None,
        };
        let accepted = loop {
            match if alive { tab.next_if_alive().await } else { None } {
                None => return Sent { room, acknowledged, last: key },
                Some(event) => {
                    if let Some(accepted) = ours(&event) {
                        break accepted;
                    }
                }
            }
        };
        if accepted {
            acknowledged.push(key);
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Waits until a running turn's text is kept for after a crash, in the folder's database or the one at that address.
async fn checkpointed(folder: &Folder, url: Option<&str>, text: &str) {
    let kept = "SELECT COUNT(*) FROM turns WHERE checkpoint LIKE $1";
    let text = format!("%{text}%");
    let pause = || sleep(Duration::from_millis(20));
    if let Some(url) = url {
        let mut database = PgConnection::connect(url).await.unwrap();
        while sqlx::query_scalar::<_, i64>(kept).bind(&text).fetch_one(&mut database).await.unwrap() == 0 {
            pause().await;
        }
        return database.close().await.unwrap();
    }
    let file = SqliteConnectOptions::new().filename(folder.path().join("data/parley.db")).read_only(true);
    let mut database = SqliteConnection::connect_with(&file).await.unwrap();
    while sqlx::query_scalar::<_, i64>(kept).bind(&text).fetch_one(&mut database).await.unwrap() == 0 {
        pause().await;
    }
    database.close().await.unwrap();
}

/// Waits until no reply of the room waits or runs any more; its messages.
async fn settled(user: &TestUser, room: ConversationId) -> Vec<Message> {
    loop {
        let messages = user.messages(room).await;
        if messages.iter().all(|message| message.status != Status::Pending) {
            return messages;
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Ends the program in that way while a question is open; what became of the question.
async fn answered_after(signal: &str) -> (Message, String) {
    let folder = Folder::new();
    // Nobody would wait that long for a drain.
    let mut served = Served::start(scripted(&folder).env("PARLEY_SHUTDOWN_GRACE", "600"));
    let ada = served.visitor();
    assert!(ada.sign_up("ada", PASSWORD).await.status().is_redirection());
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    tab.send(room, "script:\nsay one\ntool rename_conversation {\"title\": \"Engines\"}\necho").await;
    let asks = |event: &ChatEvent| matches!(event, ChatEvent::Tool { state: ToolState::Asked { .. }, .. });
    let ChatEvent::Tool { turn, call, .. } = tab.until(asks).await else { unreachable!() };
    served.signal(signal);
    assert_eq!(served.code(), (signal == "TERM").then_some(0));

    let served = Served::start(&mut scripted(&folder));
    let ada = ada.at(&served.url);
    assert_eq!(ada.messages(room).await.pop().unwrap().status, Status::Pending);
    let mut tab = ada.tab(room).await;
    let arguments = Some(serde_json::json!({"title": "Brass"}));
    let decide = ClientEvent::Decide { turn, call: call.id, approval: Approval::Once, arguments };
    tab.say(&decide).await;
    tab.until(|event| matches!(event, ChatEvent::TurnEnded { .. })).await;
    let title = ada.conversations().await.remove(0).title;
    (ada.messages(room).await.pop().unwrap(), title)
}

#[tokio::test]
async fn a_question_that_is_open_when_it_ends_is_answered_after_the_restart() {
    for signal in ["KILL", "TERM"] {
        let (reply, title) = answered_after(signal).await;
        assert_eq!((reply.status, title.as_str()), (Status::Complete, "Brass"), "{signal}");
        let text = reply.text();
        assert!(text.starts_with("one") && text.contains("The person changed the arguments"), "{signal}: {text}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_exactly_once_on_sqlite() {
    what_was_acknowledged_survives_kill_9_exactly_once(None).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_exactly_once_on_postgres() {
    if let Some(database) = TestStore::postgres().await {
        // The server is the only one on it.
        database.store.close().await;
        what_was_acknowledged_survives_kill_9_exactly_once(Some(database.url.0.expose_secret())).await;
        database.discard().await;
    }
}

async fn what_was_acknowledged_survives_kill_9_exactly_once(url: Option<&str>) {
    let folder = Folder::new();
    let parley = || {
        let mut command: Command = scripted(&folder);
        command.envs(url.map(|url| ("PARLEY_DATABASE_URL", url)));
        command
    };
    let mut served = Served::start(&mut parley());
    let ada = served.visitor();
    assert!(ada.sign_up("ada", PASSWORD).await.status().is_redirection());
    let (shared, own, running) = (ada.room().await, ada.room().await, ada.room().await);
    let mut tab = ada.tab(running).await;
    tab.send(running, "script:\nput half of it\nhang").await;

    let count = AtomicUsize::new(0);
    let senders = join_all([shared, shared, shared, own].map(|room| send_for_ever(&ada, room, &count)));
    let kill = async {
        timeout(PATIENCE, checkpointed(&folder, url, "half of it")).await.expect("no checkpoint");
        let enough = async {
            while count.load(Ordering::SeqCst) < ENOUGH {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, enough).await.expect("too few messages are acknowledged");
        served.signal("KILL");
    };
    let (sent, ()) = join!(senders, kill);
    assert_eq!(served.code(), None, "it was killed");
    assert!(sent.iter().all(|sent| !sent.acknowledged.is_empty()));

    let served = Served::start(&mut parley());
    let ada = ada.at(&served.url);
    for Sent { room, last, .. } in &sent {
        // As the page does with what it does not know the fate of.
        let mut tab = ada.tab(*room).await;
        tab.say(&message(*room, *last, SAYING)).await;
        tab.until(|e| matches!(e, ChatEvent::Message { message } if message.client_id == Some(*last))).await;
    }
    for room in [shared, own] {
        let messages = timeout(PATIENCE, settled(&ada, room)).await.expect("a reply is never written");
        let there = |key: ClientId| messages.iter().filter(|message| message.client_id == Some(key)).count();
        for sent in sent.iter().filter(|sent| sent.room == room) {
            for key in sent.acknowledged.iter().chain([&sent.last]) {
                assert_eq!(there(*key), 1, "{key}");
            }
        }
        let of = |role: Role| messages.iter().filter(move |message| message.role == role);
        assert_eq!(of(Role::User).count(), of(Role::Assistant).count());
        let whole = |reply: &&Message| matches!(reply.status, Status::Complete | Status::Interrupted);
        assert_eq!(of(Role::Assistant).find(|reply| !whole(reply)), None);
        assert!(of(Role::Assistant).filter(|reply| reply.status == Status::Interrupted).count() <= 1, "one ran");
    }
    let interrupted = ada.messages(running).await.pop().unwrap();
    assert_eq!((interrupted.status, interrupted.text().as_str()), (Status::Interrupted, "half of it"));
    let fault = interrupted.fault.unwrap();
    assert!(fault.kind == FaultKind::Interrupted && fault.retry, "{fault:?}");
}
