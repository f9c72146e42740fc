//! SIGTERM in the middle of a reply: tabs are told, the program ends well, and the reply is whole or kept as it was.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, PASSWORD,
    process::{Served, scripted},
    socket::NORMAL,
};
use app::wire::{
    event::{ByeReason, ChatEvent},
    message::{Message, Status},
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
