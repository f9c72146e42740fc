//! One tab's socket: what the tab says is done, what its rooms say is told, until either side ends it.
//!
//! Invariant: after `Ready` the tab has everything up to its `seq` and hears everything after it, whatever happened in
//! between. A tab that falls behind is brought up the same way as one that has just come (`catch_up`). Bytes, pings and
//! silence are the protocol's (`api::socket`), not this module's.

mod catch_up;
mod reading;

use super::{Chat, ChatError, NewMessage};
use crate::{
    backend::{
        caller::Caller,
        hub::{Heard, Listener, Topic},
        metrics,
        store::turns::Started,
    },
    wire::{
        error::ApiError,
        event::{ByeReason, ChatEvent, ClientEvent},
        id::{ClientId, ConversationId, Millis, Seq},
        limits,
        message::Status,
    },
};
use catch_up::CatchUp;
use futures::{Stream, StreamExt, stream};
use reading::{Read, Reading};
use std::{collections::VecDeque, future::poll_fn, pin::Pin, sync::Arc, task::Poll};

/// Frames in bad shape or over the limit, not made good by as many good ones, after which a socket is closed.
const STRIKES: u32 = 20;
/// Shortest time between two signs of typing that are passed on, in milliseconds.
const TYPING_EVERY: i64 = 2_000;

type Input = Pin<Box<dyn Stream<Item = Result<ClientEvent, ApiError>> + Send>>;
type Event = Arc<ChatEvent>;

pub(super) struct Socket {
    chat: Arc<Chat>,
    by: Caller,
    input: Input,
    listener: Listener,
    budget: super::Budget<()>,
    out: VecDeque<Event>,
    greeted: bool,
    over: bool,
    room: Option<Open>,
    behind: Option<CatchUp>,
    reading: Reading,
    strikes: u32,
    typed_at: Millis,
}

/// The room the tab follows.
struct Open {
    id: ConversationId,
    /// Everything up to here was read from the store.
    floor: Seq,
    /// Everything up to here was told, by the store or live.
    told: Seq,
    entered: bool,
}

enum Turned {
    Heard(Heard),
    Said(Option<Result<ClientEvent, ApiError>>),
    Read(Box<Read>),
}

impl Chat {
    /// One tab's socket, from its frames to what it hears; ends when `input` does, or with [`ChatEvent::Bye`].
    pub fn converse(
        self: &Arc<Self>,
        by: Caller,
        input: impl Stream<Item = Result<ClientEvent, ApiError>> + Send + 'static,
    ) -> impl Stream<Item = Result<Arc<ChatEvent>, ApiError>> + Send + 'static {
        let mut listener = self.hub.listen();
        listener.subscribe(Topic::User(by.user));
        if let Some(session) = by.session() {
            listener.subscribe(Topic::Session(session));
        }
        metrics::sockets(1);
        // Servers' tools should be there when the first message comes; nobody waits for them.
        let (tools, somebody) = (self.tools.clone(), by.clone());
        self.tasks.spawn("wake", async move { tools.wake(&somebody).await });
        let socket = Box::new(Socket {
            chat: Arc::clone(self),
            by,
            input: Box::pin(input),
            listener,
            budget: (self.frames)(),
            out: VecDeque::new(),
            greeted: false,
            over: false,
            room: None,
            behind: None,
            reading: Reading::default(),
            strikes: 0,
            typed_at: Millis(0),
        });
        stream::unfold(socket, |mut socket| async move {
            let event = socket.next().await?;
            Some((Ok(event), socket))
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        metrics::sockets(-1);
        self.leave();
    }
}

impl Socket {
    /// The next event for the tab. The rare ways are boxed, so that a socket that only listens stays small.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.out.pop_front() {
                if self.out.is_empty() && self.out.capacity() > 32 {
                    self.out = VecDeque::new();
                }
                return Some(event);
            }
            if self.over {
                return None;
            }
            if self.chat.draining() {
                self.bye(ByeReason::Draining);
                continue;
            }
            if self.behind.is_some() {
                // A session that has ended is not brought up to the end first.
                match self.listener.goodbye() {
                    Some((topic, bye)) => self.heard(topic, bye),
                    None => Box::pin(self.catch_up()).await,
                }
                continue;
            }
            match self.turn().await {
                Turned::Heard(Heard::Event(topic, event)) => self.heard(topic, event),
                Turned::Heard(Heard::Lagged) => Box::pin(self.lagged()).await,
                Turned::Said(Some(Ok(event))) => Box::pin(self.said(event)).await,
                Turned::Said(Some(Err(error))) => self.bad_frame(error),
                Turned::Said(None) => return None,
                Turned::Read(read) => Box::pin(self.have_read(*read)).await,
            }
        }
    }

    async fn turn(&mut self) -> Turned {
        poll_fn(|cx| {
            if let Poll::Ready(heard) = self.listener.poll_next(cx) {
                return Poll::Ready(Turned::Heard(heard));
            }
            if let Poll::Ready(read) = self.reading.poll_next(cx) {
                return Poll::Ready(Turned::Read(read));
            }
            self.input.poll_next_unpin(cx).map(Turned::Said)
        })
        .await
    }

    fn heard(&mut self, topic: Topic, event: Event) {
        let open = self.room.as_ref().map(|room| room.id);
        if let Topic::Conversation(from) = topic
            && open != Some(from)
            && !matches!(*event, ChatEvent::Bye { .. })
        {
            return;
        }
        match &*event {
            ChatEvent::Bye { reason } => return self.bye(*reason),
            ChatEvent::ConversationGone { conversation } if open == Some(*conversation) => {
                self.out.push_back(event);
                return self.bye(ByeReason::Removed);
            }
            ChatEvent::Message { message } => {
                if let Some(room) = &mut self.room {
                    // One that could not be stored has no new place on the clock, and must be seen all the same.
                    if message.seq <= room.floor && message.status != Status::Failed {
                        return;
                    }
                    if message.seq.0 == room.told.0 + 1 {
                        room.told = message.seq;
                    }
                }
            }
            ChatEvent::Typing { user, .. } if *user == self.by.user => return,
            _ => {}
        }
        self.out.push_back(event);
    }

    fn bye(&mut self, reason: ByeReason) {
        self.out.push_back(Arc::new(ChatEvent::Bye { reason }));
        self.over = true;
    }

    /// Events were lost: what is stored and live is told again, from where the tab surely is.
    async fn lagged(&mut self) {
        match &self.room {
            None => self.bye(ByeReason::Behind),
            Some(room) => {
                let (id, after) = (room.id, room.told);
                self.hello(Some(id), after).await;
            }
        }
    }

    fn bad_frame(&mut self, error: ApiError) {
        let reason = format!("This frame could not be read: {error}");
        let error = if matches!(error, ApiError::Invalid { .. }) { error } else { ApiError::invalid("frame", reason) };
        self.refuse(None, error);
        self.strike();
    }

    fn strike(&mut self) {
        self.strikes += 1;
        if self.strikes >= STRIKES {
            self.bye(ByeReason::Behind);
        }
    }

    fn refuse(&mut self, reply_to: Option<ClientId>, error: ApiError) {
        self.out.push_back(Arc::new(ChatEvent::Refused { reply_to, error }));
    }

    async fn said(&mut self, event: ClientEvent) {
        let key = match &event {
            ClientEvent::Send { client_id, .. } | ClientEvent::Edit { client_id, .. } => Some(*client_id),
            _ => None,
        };
        if let Err(wait) = (self.budget)(()) {
            self.refuse(key, ApiError::too_many(wait));
            return self.strike();
        }
        self.strikes = self.strikes.saturating_sub(1);
        if !self.greeted && !matches!(event, ClientEvent::Hello { .. }) {
            self.refuse(key, ApiError::invalid("frame", "The first frame of a socket must be «hello»."));
            self.over = true;
            return;
        }
        if let Err(error) = self.act(event).await {
            let told = error.told(&self.chat.clock);
            self.refuse(key, told);
        }
    }

    async fn act(&mut self, event: ClientEvent) -> Result<(), ChatError> {
        let (chat, by) = (Arc::clone(&self.chat), &self.by);
        let started = match event {
            ClientEvent::Hello { conversation, after } => {
                if !self.greeted && !self.session_lives().await? {
                    self.bye(ByeReason::SignedOut);
                    return Ok(());
                }
                self.greeted = true;
                self.hello(conversation, after).await;
                return Ok(());
            }
            ClientEvent::Send { client_id, conversation, parent, text, files, references, model } => {
                let message = NewMessage { conversation, parent, client_id, text, files, references, model };
                if self.reading.takes(&message) {
                    return Ok(self.reading.begin(&chat, by, message)?);
                }
                chat.send_from_page(by, message, Vec::new()).await?
            }
            ClientEvent::Edit { client_id, message, text, model } => {
                chat.edit(by, message, client_id, text, model.as_ref()).await?
            }
            ClientEvent::Regenerate { message, model } => chat.regenerate(by, message, model.as_ref()).await?,
            ClientEvent::Continue { message } => chat.continue_reply(by, message).await?,
            ClientEvent::Stop { turn } => return chat.stop(by, turn).await,
            ClientEvent::Decide { turn, call, approval, arguments } => {
                return chat.decide(by, turn, &call, approval, arguments).await;
            }
            ClientEvent::Typing => {
                self.typing();
                return Ok(());
            }
            ClientEvent::Ping => {
                let seq = self.room.as_ref().map(|room| chat.rooms.with(room.id, |r| r.seq.max(room.floor)));
                self.out.push_back(Arc::new(ChatEvent::Pong { seq: seq.unwrap_or_default() }));
                return Ok(());
            }
        };
        self.acknowledge(started);
        Ok(())
    }

    /// What was sent again, or into a room that is not open here, is not heard from the room.
    fn acknowledge(&mut self, started: Started) {
        if started.duplicate || self.room.as_ref().is_none_or(|room| room.id != started.conversation) {
            let messages = started.message.into_iter().chain([started.reply]);
            self.out.extend(messages.map(|message| Arc::new(ChatEvent::Message { message })));
        }
    }

    fn typing(&mut self) {
        let now = self.chat.clock.now();
        let Some(room) = self.room.as_ref().filter(|_| now.0 - self.typed_at.0 >= TYPING_EVERY) else { return };
        self.typed_at = now;
        let event = ChatEvent::Typing {
            conversation: room.id,
            user: self.by.user,
            name: self.by.name.clone(),
            until: Millis(now.0 + limits::TYPING_MS),
        };
        self.chat.hub.publish(Topic::Conversation(room.id), event);
    }

    /// Whether the session was not ended between the gate's look and our listening.
    async fn session_lives(&mut self) -> Result<bool, ChatError> {
        let Some(session) = self.by.session() else { return Ok(true) };
        let sessions = self.chat.store.sessions(self.by.user, Some(session)).await?;
        Ok(sessions.iter().any(|row| row.id == session))
    }
}
