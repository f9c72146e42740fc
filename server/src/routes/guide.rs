//! `/ws/chat/{room}/`: the chat socket of the Django guide, for front ends written against it.
//!
//! The JSON is the guide's; the gate, the limits, the store and the turn are the page's own: this file only translates.
//! In: `{"message"}`. Out: `{"message", "sender", "streaming": true}` for each piece of a reply, then
//! `{"message", "sender", "done": true}` with the whole of it; other people's messages as `{"message", "sender": "user"}`.
//! What one says on this socket is not echoed: the guide's page shows it by itself. A room is made on first use.

use crate::state::AppState;
use app::{
    api::socket::{Framing, accept},
    backend::{Backend, caller::Caller},
    wire::{
        error::ApiError,
        event::{ChatEvent, ClientEvent, TextKind},
        id::{ClientId, ConversationId, Seq},
        limits,
        message::{Message, Role, Status},
    },
};
use axum::{
    Extension, Json, Router,
    extract::{Path, State, WebSocketUpgrade},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::{Stream, StreamExt, future, stream};
use serde::{Deserialize, Serialize};
use server_fn::BoxedStream;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route("/ws/chat/{room}/", get(open))
}

/// What the guide's page sends.
#[derive(Debug, Deserialize)]
struct Said {
    message: String,
}

/// What the guide's page hears.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Heard {
    message: String,
    sender: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    streaming: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    done: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    error: bool,
}

async fn open(
    State(state): State<AppState>,
    Path(room): Path<String>,
    caller: Option<Extension<Caller>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let answer = match caller {
        Some(Extension(caller)) => talk(&state.backend, caller, &room, upgrade).await,
        None => Err(ApiError::SignIn),
    };
    answer.unwrap_or_else(|error| {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(error)).into_response()
    })
}

async fn talk(
    backend: &Arc<Backend>,
    caller: Caller,
    room: &str,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let room = room_name(room)?;
    let conversation = backend.store.room(caller.user, room).await?;
    let seq = backend.store.conversation(caller.user, conversation).await?.seq;
    let own = Arc::new(Own::default());
    let backend = Arc::clone(backend);
    accept(upgrade, Framing::Plain, async move |said: BoxedStream<Said, ApiError>| {
        let events = backend.chat.converse(caller, asked(said, &backend, conversation, seq, Arc::clone(&own)));
        Ok(BoxedStream::from(events.filter_map(move |event| {
            let heard = match event {
                Ok(event) => translate(&event, &own),
                Err(error) => Some(fault(&error)),
            };
            future::ready(heard.map(Ok))
        })))
    })
    .await
}

/// A room's name: what the guide's routing accepts (`\w` and `-`), within our limit.
fn room_name(room: &str) -> Result<&str, ApiError> {
    let length = room.chars().count();
    if length == 0 || length > limits::ROOM_NAME_MAX {
        return Err(ApiError::invalid("room", format!("A room's name has 1 to {} characters.", limits::ROOM_NAME_MAX)));
    }
    match room.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '_' | '-'))) {
        Some(bad) => {
            Err(ApiError::invalid("room", format!("A room's name has letters, digits, «_» and «-»; not «{bad}».")))
        }
        None => Ok(room),
    }
}

/// The messages this socket sent, which are not echoed to it.
#[derive(Debug, Default)]
struct Own(Mutex<HashSet<ClientId>>);

impl Own {
    fn add(&self, id: ClientId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    fn take(&self, id: ClientId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id)
    }
}

/// What the peer says, as a tab would: `Hello` first, with the clock as it stands, then its messages.
fn asked(
    said: BoxedStream<Said, ApiError>,
    backend: &Arc<Backend>,
    conversation: ConversationId,
    seq: Seq,
    own: Arc<Own>,
) -> impl Stream<Item = Result<ClientEvent, ApiError>> + Send + 'static {
    let clock = backend.clock.clone();
    let said: std::pin::Pin<Box<dyn Stream<Item = Result<Said, ApiError>> + Send>> = said.into();
    let hello = ClientEvent::Hello { conversation: Some(conversation), after: seq };
    stream::once(future::ready(Ok(hello))).chain(said.map(move |said| {
        let client_id: ClientId = clock.id();
        let said = said?;
        own.add(client_id);
        Ok(ClientEvent::Send {
            client_id,
            conversation,
            parent: None,
            text: said.message,
            files: Vec::new(),
            model: None,
        })
    }))
}

/// A [`ChatEvent`] in the guide's words; `None` for what the guide does not know.
fn translate(event: &ChatEvent, own: &Own) -> Option<Heard> {
    match event {
        ChatEvent::Delta { kind: TextKind::Text, text, .. } => {
            Some(Heard { message: text.clone(), sender: "bot", streaming: true, ..Heard::default() })
        }
        ChatEvent::Message { message } => whole(message, own),
        ChatEvent::Refused { error, reply_to } => {
            if let Some(id) = reply_to {
                own.take(*id);
            }
            Some(fault(error))
        }
        ChatEvent::Bye { .. } => Some(Heard {
            message: "The server closed this conversation.".into(),
            sender: "system",
            error: true,
            ..Heard::default()
        }),
        _ => None,
    }
}

fn whole(message: &Message, own: &Own) -> Option<Heard> {
    match message.role {
        Role::User if message.client_id.is_some_and(|id| own.take(id)) => None,
        Role::User => Some(Heard { message: message.text(), sender: "user", ..Heard::default() }),
        Role::Assistant if message.status == Status::Pending => None,
        Role::Assistant => {
            let text = message.text();
            let words = match &message.fault {
                Some(fault) if text.is_empty() => fault.message.clone(),
                _ => text,
            };
            Some(Heard {
                message: words,
                sender: "bot",
                done: true,
                error: message.fault.is_some(),
                ..Heard::default()
            })
        }
    }
}

fn fault(error: &ApiError) -> Heard {
    Heard { message: error.to_string(), sender: "system", error: true, ..Heard::default() }
}
