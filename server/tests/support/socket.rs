//! A tab's socket over the wire, as a browser opens it: our protocol's frames, and how the socket ended.

use super::{TestUser, path_of};
use app::{
    api::chat::ChatSocket,
    backend::clock::Clock,
    wire::{
        conversation::{ConversationSummary, ConversationView, Listed},
        event::{ByeReason, ChatEvent, ClientEvent},
        id::{ClientId, ConversationId, Seq},
        message::{Message as Written, Status},
        room::Invitation,
    },
};
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use reqwest::{StatusCode, header};
use server_fn::ServerFn;
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

/// A safety net, not a measure.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The close code of the server's own goodbye.
pub const NORMAL: u16 = 1000;

/// A socket's writing half.
pub(super) type Sink = SplitSink<WebSocketStream<TcpStream>, Message>;

/// An open socket. It fails its test if it breaks instead of saying goodbye.
#[derive(Debug)]
pub struct Socket {
    sink: Sink,
    ear: Ear,
}

/// Its reading half.
#[derive(Debug)]
pub(super) struct Ear {
    stream: SplitStream<WebSocketStream<TcpStream>>,
    /// Code and words of the server's close frame.
    goodbye: Option<(u16, String)>,
}

impl TestUser {
    /// Opens a socket at a path with that `Origin`, or hears why not.
    pub(super) async fn connect(&self, path: &str, origin: Option<&str>) -> Result<(Sink, Ear), StatusCode> {
        let authority = self.url.strip_prefix("http://").unwrap();
        let mut request = format!("ws://{authority}{path}").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert(header::USER_AGENT, "Mozilla/5.0 (Test)".parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        if let Some(cookie) = self.cookie() {
            headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        let stream = TcpStream::connect(authority).await.unwrap();
        match timeout(PATIENCE, client_async(request, stream)).await.expect("no answer to the upgrade") {
            Ok((socket, _)) => {
                let (sink, stream) = socket.split();
                Ok((sink, Ear { stream, goodbye: None }))
            }
            Err(tungstenite::Error::Http(response)) => Err(response.status()),
            Err(fault) => panic!("the upgrade broke: {fault}"),
        }
    }

    /// Opens the page's socket with that `Origin`, or hears why not.
    pub async fn try_socket(&self, origin: Option<&str>) -> Result<Socket, StatusCode> {
        let (sink, ear) = self.connect(ChatSocket::PATH, origin).await?;
        Ok(Socket { sink, ear })
    }

    /// Opens a socket as our page does.
    pub async fn socket(&self) -> Socket {
        self.try_socket(Some(&self.url)).await.unwrap()
    }

    /// Opens a socket in a room and hears what is there.
    pub async fn tab(&self, room: ConversationId) -> Socket {
        let mut tab = self.socket().await;
        tab.hello(Some(room)).await;
        tab
    }

    /// All messages of a room, as a new tab hears them.
    pub async fn messages(&self, room: ConversationId) -> Vec<Written> {
        self.socket().await.hello(Some(room)).await
    }

    /// One's conversations, as the sidebar shows them.
    pub async fn conversations(&self) -> Vec<ConversationSummary> {
        let listed = self.call(&path_of("list_conversations"), &[]).await;
        listed.json::<Listed>().await.unwrap().page.items
    }

    /// Brings `guest` into a room of one's own.
    pub async fn invite(&self, guest: &Self, room: ConversationId) {
        let invitation = self.call(&path_of("invite"), &[("id", &room.to_string())]).await;
        let invitation: Invitation = invitation.json().await.unwrap();
        let joined = guest.call(&path_of("join"), &[("token", &invitation.token)]).await;
        assert!(!joined.status().is_client_error() && !joined.status().is_server_error(), "{}", joined.status());
    }

    /// Takes somebody of that name out of a room of one's own.
    pub async fn remove(&self, name: &str, room: ConversationId) {
        let view = self.call(&path_of("open_conversation"), &[("id", &room.to_string())]).await;
        let view: ConversationView = view.json().await.unwrap();
        let user = view.members.iter().find(|member| member.name == name).unwrap().id;
        let fields = [("id", &*room.to_string()), ("user", &*user.to_string())];
        let removed = self.call(&path_of("remove_member"), &fields).await;
        assert!(removed.status().is_success(), "{}", removed.status());
    }

    /// A new conversation of one's own.
    pub async fn room(&self) -> ConversationId {
        let made = self.call(&path_of("create_conversation"), &[]).await;
        assert_eq!(made.status(), StatusCode::OK);
        made.json::<ConversationSummary>().await.unwrap().id
    }
}

impl Socket {
    /// Says something as our page does: the byte 0, then JSON.
    pub async fn say(&mut self, event: &ClientEvent) {
        self.frame(frame(event)).await;
    }

    /// Says something if the connection is still there; whether it is.
    pub async fn say_if_alive(&mut self, event: &ClientEvent) -> bool {
        timeout(PATIENCE, self.sink.send(frame(event))).await.expect("nobody reads this socket").is_ok()
    }

    /// Sends any frame.
    pub async fn frame(&mut self, frame: Message) {
        timeout(PATIENCE, self.sink.send(frame)).await.expect("nobody reads this socket").unwrap();
    }

    /// Sends any frame while it listens, as browsers do, and hears the socket to its end: [`Socket::ended`].
    pub async fn ended_by(mut self, frame: Message) -> (Option<ByeReason>, u16, String) {
        // The server need not take all of it.
        tokio::join!(self.sink.send(frame), self.ear.ended()).1
    }

    /// Sends a message; its key.
    pub async fn send(&mut self, room: ConversationId, text: &str) -> ClientId {
        let key = Clock::System.id();
        self.say(&message(room, key, text)).await;
        key
    }

    /// Sends a message and hears its reply to the end; the reply.
    pub async fn ask(&mut self, room: ConversationId, text: &str) -> Written {
        self.send(room, text).await;
        let over = |event: &ChatEvent| matches!(event, ChatEvent::Message { message } if message.turn.is_some() && message.status != Status::Pending);
        match self.until(over).await {
            ChatEvent::Message { message } => message,
            _ => unreachable!(),
        }
    }

    /// Follows a room from its beginning; its messages, each as it was last told.
    pub async fn hello(&mut self, conversation: Option<ConversationId>) -> Vec<Written> {
        self.say(&ClientEvent::Hello { conversation, after: Seq(0) }).await;
        let mut messages = BTreeMap::new();
        loop {
            match self.next().await.expect("the socket ended before it was ready") {
                ChatEvent::Message { message } => drop(messages.insert(message.position, message)),
                ChatEvent::Ready { .. } => return messages.into_values().collect(),
                ChatEvent::Refused { error, .. } => panic!("hello was refused: {error}"),
                _ => {}
            }
        }
    }

    /// Asks whether the server is there, and waits for its answer.
    pub async fn is_answered(&mut self) {
        self.say(&ClientEvent::Ping).await;
        self.until(|event| matches!(event, ChatEvent::Pong { .. })).await;
    }

    /// The next event; `None` after the last.
    pub async fn next(&mut self) -> Option<ChatEvent> {
        self.ear.next().await
    }

    /// The next event; `None` as well if the connection broke.
    pub async fn next_if_alive(&mut self) -> Option<ChatEvent> {
        self.ear.read().await.ok().flatten()
    }

    /// Hears until such an event, which it gives back.
    pub async fn until(&mut self, wanted: impl Fn(&ChatEvent) -> bool) -> ChatEvent {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.next().await.expect("the socket ended");
            if wanted(&event) {
                return event;
            }
            assert!(Instant::now() < deadline, "what was waited for does not come");
        }
    }

    /// Hears it to its end, which must be the server's doing: why, and code and words of its close frame.
    pub async fn ended(self) -> (Option<ByeReason>, u16, String) {
        self.ear.ended().await
    }
}

impl Ear {
    async fn next(&mut self) -> Option<ChatEvent> {
        self.frame().await.map(|frame| event(&frame))
    }

    async fn read(&mut self) -> Result<Option<ChatEvent>, tungstenite::Error> {
        Ok(self.read_frame().await?.map(|frame| event(&frame)))
    }

    /// The next frame that says something; `None` after the last.
    pub(super) async fn frame(&mut self) -> Option<Message> {
        match self.read_frame().await {
            Ok(frame) => frame,
            // After a fault of the peer's the server cannot read on, so the connection is reset in the end.
            Err(_) if self.goodbye.as_ref().is_some_and(|(code, _)| *code != NORMAL) => None,
            Err(fault) => panic!("the socket broke: {fault}"),
        }
    }

    async fn read_frame(&mut self) -> Result<Option<Message>, tungstenite::Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // Pings are no news.
            match timeout_at(deadline, self.stream.next()).await.expect("the server says nothing").transpose()? {
                Some(frame @ (Message::Binary(_) | Message::Text(_))) => return Ok(Some(frame)),
                Some(Message::Close(frame)) => {
                    let frame = frame.expect("a close frame without a code");
                    self.goodbye = Some((frame.code.into(), frame.reason.to_string()));
                }
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }

    /// Code and words of the server's close frame, at the socket's end.
    pub(super) fn goodbye(self) -> (u16, String) {
        self.goodbye.expect("the server hung up without a close frame")
    }

    async fn ended(mut self) -> (Option<ByeReason>, u16, String) {
        let mut why = None;
        while let Some(event) = self.next().await {
            if let ChatEvent::Bye { reason } = event {
                why = Some(reason);
            }
        }
        let (code, words) = self.goodbye();
        (why, code, words)
    }
}

/// What a frame of the page's socket holds: the byte 0, then JSON.
fn event(frame: &Message) -> ChatEvent {
    match frame {
        Message::Binary(frame) if frame.first() == Some(&0) => serde_json::from_slice(&frame[1..]).unwrap(),
        other => panic!("a fault instead of an event: {other}"),
    }
}

/// A message to send, under a key of one's own.
pub fn message(conversation: ConversationId, client_id: ClientId, text: &str) -> ClientEvent {
    let (parent, files, references, model) = (None, Vec::new(), Vec::new(), None);
    ClientEvent::Send { client_id, conversation, parent, text: text.to_owned(), files, references, model }
}

/// What our page sends: the byte 0, then JSON.
pub(super) fn frame(event: &ClientEvent) -> Message {
    let mut frame = vec![0];
    serde_json::to_writer(&mut frame, event).unwrap();
    Message::binary(frame)
}
