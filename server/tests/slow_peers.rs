//! Peers that do not read, or do not answer: they are let go, and nobody else notices.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    PASSWORD, TestApp, TestUser, path_of,
    raw::{Heard, RawPeer},
    socket::{PATIENCE, Socket},
};
use app::{
    api::{
        chat::ChatSocket,
        socket::{Framing, Patience, accept},
    },
    backend::{
        caller::{Caller, Via},
        hub::Topic,
    },
    wire::{
        account::Viewer,
        error::ApiError,
        event::{ChatEvent, ClientEvent},
        id::{ConversationId, Seq, SessionId},
    },
};
use axum::{Router, extract::WebSocketUpgrade, routing::get};
use futures::stream::BoxStream;
use server_fn::{BoxedStream, ServerFn};
use std::{future::pending, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

/// Long before the server would tire of a peer by itself.
const SOON: Duration = Duration::from_secs(15);

/// Says so much in the room that no buffers between server and peer hold it.
async fn say_much(tab: &mut Socket, room: ConversationId) {
    let script = format!("script:\nrepeat 1000 {}", "x".repeat(1_000));
    for _ in 0..8 {
        assert!(tab.ask(room, &script).await.text().len() > 1_000_000);
    }
}

/// Waits until no more than so many listen to that, for as long as `patience`.
async fn left(app: &TestApp, topic: Topic, count: usize, patience: Duration) {
    let gone = async {
        while app.backend.hub.listeners(topic) > count {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(patience, gone).await.expect("its socket is still there");
}

fn hello(room: Option<ConversationId>) -> ClientEvent {
    ClientEvent::Hello { conversation: room, after: Seq(0) }
}

fn is_ready(event: &ChatEvent) -> bool {
    matches!(event, ChatEvent::Ready { .. })
}

#[tokio::test]
async fn a_session_that_ends_takes_the_sockets_with_it_that_nobody_reads() {
    let app = TestApp::scripted().await;
    let laptop = app.person("ada").await;
    let _lobby = laptop.guide("lobby").await;
    let room = laptop.conversations().await[0].id;
    for (path, way) in [(ChatSocket::PATH, "revoke_session"), ("/ws/chat/lobby/", "sign_out")] {
        let phone = app.visitor();
        phone.sign_in("ada", PASSWORD).await;
        let rows: Vec<serde_json::Value> = phone.call(&path_of("sessions"), &[]).await.json().await.unwrap();
        let session = rows.iter().find(|row| row["current"] == true).unwrap()["id"].as_str().unwrap().to_owned();
        let topic = Topic::Session(session.parse::<SessionId>().unwrap());
        let mut unread = phone.raw(path).await;
        if path == ChatSocket::PATH {
            unread.say(&hello(Some(room))).await;
            unread.until(is_ready).await;
        }
        say_much(&mut laptop.tab(room).await, room).await;
        assert!(app.backend.hub.listeners(topic) > 0, "{path}");
        let done = match way {
            "sign_out" => phone.call(&path_of(way), &[]).await,
            _ => laptop.call(&path_of(way), &[("id", &session)]).await,
        };
        assert!(done.status().is_success(), "{way}: {}", done.status());
        left(&app, topic, 0, SOON).await;
        // What it had not read when it was cut off: no goodbye is behind it.
        assert!(matches!(unread.last().await, Some(Heard::Data(_))), "{path}");
    }
}

/// The page's socket with other times, for that person, on a port of its own; a browser that finds it at `/`.
async fn socket_with(app: &TestApp, user: &TestUser, patience: Patience) -> TestUser {
    let Viewer { id, name, admin } = user.call(&path_of("viewer"), &[]).await.json().await.unwrap();
    let caller = Caller { user: id, name: name.as_str().to_owned(), admin, via: Via::Process };
    let (backend, tasks) = (Arc::clone(&app.backend), app.backend.tasks.clone());
    let upgrade = async move |upgrade: WebSocketUpgrade| {
        let talk = async |said: BoxedStream<ClientEvent, ApiError>| {
            let said: BoxStream<'static, _> = said.into();
            Ok(BoxedStream::from(backend.chat.converse(caller.clone(), said)))
        };
        accept(upgrade, Framing::Tagged, patience, &backend.tasks, pending(), talk).await.unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/", get(upgrade));
    tasks.spawn("socket", async move { axum::serve(listener, router).await.unwrap() });
    user.at(&url)
}

/// Answers the next ping.
async fn answer_ping(peer: &mut RawPeer) {
    while peer.next().await.expect("the socket ended") != Heard::Ping {}
    peer.pong().await;
}

#[tokio::test]
async fn who_answers_no_ping_is_let_go_and_who_answers_stays() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let (ping, goodbye) = (Duration::from_millis(100), Duration::from_millis(100));
    let here = socket_with(&app, &ada, Patience { ping, goodbye, ..Patience::default() }).await;
    let (mut silent, mut lively) = (here.raw("/").await, here.raw("/").await);
    for peer in [&mut silent, &mut lively] {
        peer.say(&hello(None)).await;
        peer.until(is_ready).await;
    }
    let silence = async {
        for _ in 0..Patience::default().silent_pings {
            assert_eq!(silent.next().await, Some(Heard::Ping));
        }
        assert_eq!(silent.next().await, Some(Heard::Close));
        assert_eq!(silent.next().await, None);
    };
    let life = async {
        for _ in 0..3 * Patience::default().silent_pings {
            answer_ping(&mut lively).await;
        }
        lively.say(&ClientEvent::Ping).await;
        lively.until(|event| matches!(event, ChatEvent::Pong { .. })).await;
    };
    tokio::join!(silence, life);
}

#[tokio::test]
async fn who_does_not_read_is_cut_off_and_the_room_goes_on() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    let (send, goodbye) = (Duration::from_millis(500), Duration::from_millis(100));
    let mut unread = socket_with(&app, &ada, Patience { send, goodbye, ..Patience::default() }).await.raw("/").await;
    unread.say(&hello(Some(room))).await;
    unread.until(is_ready).await;
    assert_eq!(app.backend.hub.listeners(Topic::Conversation(room)), 2);
    say_much(&mut tab, room).await;
    left(&app, Topic::Conversation(room), 1, PATIENCE).await;
    assert!(matches!(unread.last().await, Some(Heard::Data(_))));
    assert_eq!(tab.ask(room, "script:\nsay on").await.text(), "on");
}
