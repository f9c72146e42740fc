//! SIGTERM in the middle of a reply: tabs are told, the program ends well, and the reply is whole or kept as it was.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, PASSWORD,
    process::{Served, scripted},
    socket::{NORMAL, PATIENCE},
};
use app::wire::{
    event::{ByeReason, ChatEvent},
    message::{Message, Status},
};
use axum::{Router, body::Body, routing::post};
use futures::{StreamExt, future::ready, stream};
use reqwest::header::CONTENT_TYPE;
use std::convert::Infallible;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

/// Tells it to stop as soon as the reply to `script` has begun; the reply after a restart.
async fn stopped_in_the_middle_of(script: &str, grace: &str) -> Message {
    let folder = Folder::new();
    let mut served = Served::start(scripted(&folder).env("PARLEY_SHUTDOWN_GRACE", grace));
    let ada = served.visitor();
    ada.sign_up("ada", PASSWORD).await;
    let room = ada.room().await;
    let (mut tab, elsewhere) = (ada.tab(room).await, ada.socket().await);
    tab.send(room, script).await;
    tab.until(|event| matches!(event, ChatEvent::Delta { .. })).await;
    served.signal("TERM");
    for socket in [tab, elsewhere] {
        assert_eq!(socket.ended().await, (Some(ByeReason::Draining), NORMAL, String::new()));
    }
    assert_eq!(served.code(), Some(0));
    let served = Served::start(&mut scripted(&folder));
    ada.at(&served.url).messages(room).await.pop().unwrap()
}

#[tokio::test]
async fn a_reply_that_ends_within_the_grace_is_whole() {
    let reply = stopped_in_the_middle_of("script:\nput begun and\nwait 300\nput \\sended", "30").await;
    assert_eq!((reply.status, reply.text().as_str()), (Status::Complete, "begun and ended"));
}

#[tokio::test]
async fn a_reply_that_does_not_is_kept_as_far_as_it_came() {
    let reply = stopped_in_the_middle_of("script:\nput begun\nhang", "1").await;
    assert_eq!((reply.status, reply.text().as_str()), (Status::Interrupted, "begun"));
    assert!(reply.fault.unwrap().retry);
}

/// A vendor of models (OpenAI's protocol) whose replies begin at once and go on when they are let.
async fn slow_vendor() -> (String, watch::Sender<bool>) {
    let (go, gate) = watch::channel(false);
    let answer = async move || {
        let mut gate = gate.clone();
        let said = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
        let begun = said("begun and");
        let rest =
            said(" ended") + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        let rest = async move {
            gate.wait_for(|go| *go).await.unwrap();
            rest
        };
        let body = stream::once(ready(begun)).chain(stream::once(rest)).map(Ok::<_, Infallible>);
        ([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(body))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/chat/completions", post(answer));
    #[expect(clippy::disallowed_methods, reason = "a test's own task")]
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, go)
}

// The vendor answers while a thread waits for the program's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_new_is_let_in_while_a_reply_comes_to_its_end() {
    let (vendor, go) = slow_vendor().await;
    let folder = Folder::new();
    let mut command = scripted(&folder);
    command.env("PARLEY_ENDPOINTS", format!("vendor={vendor};slow")).env("PARLEY_DEFAULT_MODEL", "vendor/slow");
    let mut served = Served::start(command.env("PARLEY_SHUTDOWN_GRACE", "600"));
    let ada = served.visitor();
    ada.sign_up("ada", PASSWORD).await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    tab.send(room, "hello").await;
    tab.until(|event| matches!(event, ChatEvent::Delta { .. })).await;
    served.signal("TERM");
    assert_eq!(tab.ended().await, (Some(ByeReason::Draining), NORMAL, String::new()));
    let address = served.url.trim_start_matches("http://").to_owned();
    let refused = async {
        while TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.expect("it goes on taking connections");
    assert!(served.runs(), "the reply is not whole yet");
    go.send(true).unwrap();
    assert_eq!(served.code(), Some(0));
    let served = Served::start(&mut scripted(&folder));
    let reply = ada.at(&served.url).messages(room).await.pop().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (Status::Complete, "begun and ended"));
}
