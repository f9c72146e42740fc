//! `/ws/chat/{room}/`: the chat socket of the Django guide, for front ends written against it.
//!
//! The JSON is the guide's; the gate, the limits, the store and the turn are the page's own: this file only translates,
//! with `words`. What one says on this socket is not echoed: the guide's page shows it by itself. A room is made on
//! first use.

mod words;

use crate::{middleware::refusal::refuse, state::AppState};
use app::{
    api::socket::{Framing, Patience, accept, session_end},
    backend::{Backend, caller::Caller},
    wire::{
        error::ApiError,
        event::ClientEvent,
        id::{ClientId, ConversationId, Seq},
        limits,
    },
};
use axum::{
    Extension, Router,
    extract::{OriginalUri, Path, State, WebSocketUpgrade},
    response::Response,
    routing::get,
};
use futures::{Stream, StreamExt, future, stream};
use server_fn::BoxedStream;
use std::sync::Arc;
use words::{Own, Said, Translator};

/// The route.
pub fn router() -> Router<AppState> {
    Router::new().route("/ws/chat/{room}/", get(open))
}

async fn open(
    State(state): State<AppState>,
    OriginalUri(uri): OriginalUri,
    Path(room): Path<String>,
    caller: Option<Extension<Caller>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let answer = match caller {
        Some(Extension(caller)) => talk(&state.backend, caller, &room, upgrade).await,
        None => Err(ApiError::SignIn),
    };
    answer.unwrap_or_else(|error| refuse(&error, uri.path()))
}

async fn talk(
    backend: &Arc<Backend>,
    caller: Caller,
    room: &str,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let room = room_name(room)?;
    let conversation = backend.chat.room(&caller, room).await.map_err(|error| error.told(&backend.clock))?;
    let seq = backend.store.conversation(caller.user, conversation).await?.seq;
    let own = Arc::new(Own::default());
    let mut translator = Translator::new(Arc::clone(&own));
    let (tasks, backend) = (backend.tasks.clone(), Arc::clone(backend));
    let ended = session_end(&backend.hub, Some(&caller));
    accept(
        upgrade,
        Framing::Plain,
        Patience::default(),
        &tasks,
        ended,
        async move |said: BoxedStream<Said, ApiError>| {
            let events = backend.chat.converse(caller, asked(said, &backend, conversation, seq, own));
            let heard = events.flat_map(move |event| stream::iter(translator.translate(event).into_iter().map(Ok)));
            Ok(BoxedStream::from(heard))
        },
    )
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
            references: Vec::new(),
            model: None,
        })
    }))
}
