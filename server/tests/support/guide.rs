//! The guide's socket over the wire, as a page written against the guide opens it.

use super::{
    TestUser,
    socket::{Ear, PATIENCE, Sink},
};
use futures::SinkExt;
use serde::Deserialize;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// An open socket in a room. It fails its test if it breaks instead of saying goodbye.
#[derive(Debug)]
pub struct Guide {
    sink: Sink,
    ear: Ear,
}

/// What it hears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    pub message: String,
    pub sender: String,
    #[serde(default)]
    pub streaming: bool,
    #[serde(default)]
    pub done: bool,
    #[serde(default)]
    pub error: bool,
}

impl TestUser {
    /// Opens the guide's socket in a room.
    pub async fn guide(&self, room: &str) -> Guide {
        let (sink, ear) = self.connect(&format!("/ws/chat/{room}/"), Some(&self.url)).await.unwrap();
        Guide { sink, ear }
    }
}

impl Guide {
    /// Says something as the guide's page does.
    pub async fn say(&mut self, message: &str) {
        self.frame(Message::text(serde_json::json!({ "message": message }).to_string())).await;
    }

    /// Sends any frame.
    pub async fn frame(&mut self, frame: Message) {
        timeout(PATIENCE, self.sink.send(frame)).await.expect("nobody reads this socket").unwrap();
    }

    /// What it hears next; `None` after the last.
    pub async fn next(&mut self) -> Option<Heard> {
        next(&mut self.ear).await
    }

    /// Hears a reply to its end: its pieces, joined, and the whole of it.
    pub async fn reply(&mut self) -> (String, Heard) {
        let mut pieces = String::new();
        loop {
            let heard = self.next().await.expect("the socket ended");
            assert_eq!(heard.sender, "bot", "{heard:?}");
            if heard.done {
                return (pieces, heard);
            }
            assert!(heard.streaming && !heard.error, "{heard:?}");
            pieces.push_str(&heard.message);
        }
    }

    /// Hears what went wrong, next.
    pub async fn refusal(&mut self) -> String {
        let heard = self.next().await.expect("the socket ended");
        assert!(heard.error && heard.sender == "system", "{heard:?}");
        heard.message
    }

    /// Hears it to its end, which must be the server's doing: all it said, and code and words of its close frame.
    pub async fn ended(self) -> (Vec<Heard>, u16, String) {
        ended(self.ear).await
    }

    /// Sends any frame while it listens, as browsers do, and hears the socket to its end: [`Guide::ended`].
    pub async fn ended_by(mut self, frame: Message) -> (Vec<Heard>, u16, String) {
        // The server need not take all of it.
        tokio::join!(self.sink.send(frame), ended(self.ear)).1
    }
}

async fn next(ear: &mut Ear) -> Option<Heard> {
    match ear.frame().await? {
        Message::Text(json) => Some(serde_json::from_str(&json).unwrap()),
        other => panic!("not text: {other:?}"),
    }
}

async fn ended(mut ear: Ear) -> (Vec<Heard>, u16, String) {
    let mut all = Vec::new();
    while let Some(heard) = next(&mut ear).await {
        all.push(heard);
    }
    let (code, words) = ear.goodbye();
    (all, code, words)
}
