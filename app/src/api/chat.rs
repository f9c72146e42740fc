//! The chat socket: a WebSocket server function over [`super::socket::Websocket`].

use super::socket::Websocket;
use crate::wire::{
    error::ApiError,
    event::{ChatEvent, ClientEvent},
};
use leptos::prelude::*;
use server_fn::BoxedStream;
use std::sync::Arc;

/// One tab's conversation with the server: what the tab says in, what it hears out.
///
/// # Errors
/// [`ApiError::SignIn`] without a session (as HTTP 401, before the upgrade).
#[server(protocol = Websocket, endpoint = "chat", prefix = "/ws")]
pub async fn chat_socket(
    input: BoxedStream<ClientEvent, ApiError>,
) -> Result<BoxedStream<Arc<ChatEvent>, ApiError>, ApiError> {
    use super::context::{serve, signed_in};
    use futures::stream::BoxStream;
    serve(async {
        let (backend, caller) = signed_in()?;
        let input: BoxStream<'static, _> = input.into();
        Ok(BoxedStream::from(backend.chat.converse(caller, input)))
    })
    .await
}
