//! The browser's half of the chat socket's protocol: Leptos' own client does the work; only the server's half differs.

use super::encoding::JsonText;
use crate::wire::{
    error::ApiError,
    event::{ChatEvent, ClientEvent},
};
use http::Method;
use server_fn::{BoxedStream, Protocol, client::Client, server::Server};
use std::{future::Future, ops::Deref, sync::Arc};

/// The chat socket's protocol. The name is the one by which the `#[server]` macro knows a WebSocket function.
#[derive(Clone, Copy, Debug)]
pub struct Websocket;

type Leptos = server_fn::Websocket<JsonText, JsonText>;
type Output = BoxedStream<Arc<ChatEvent>, ApiError>;

impl<Input, C, S> Protocol<Input, Output, C, S, ApiError> for Websocket
where
    Input: Deref<Target = BoxedStream<ClientEvent, ApiError>>
        + Into<BoxedStream<ClientEvent, ApiError>>
        + From<BoxedStream<ClientEvent, ApiError>>,
    C: Client<ApiError>,
    S: Server<ApiError>,
{
    const METHOD: Method = Method::GET;

    async fn run_server<F, Fut>(request: S::Request, server_fn: F) -> Result<S::Response, ApiError>
    where
        F: Fn(Input) -> Fut + Send,
        Fut: Future<Output = Result<Output, ApiError>> + Send,
    {
        <Leptos as Protocol<Input, Output, C, S, ApiError>>::run_server(request, server_fn).await
    }

    fn run_client(path: &str, input: Input) -> impl Future<Output = Result<Output, ApiError>> + Send {
        <Leptos as Protocol<Input, Output, C, S, ApiError>>::run_client(path, input)
    }
}
