//! How server functions are called over HTTP: as a form is posted (`application/x-www-form-urlencoded`), so that pages
//! without script call them too, and answered with JSON.
//!
//! The server's half is Leptos' own. In the browser every call goes through one [`exchange`]; Leptos' client would be
//! compiled anew for each function, and each time with all it does.

use super::encoding::JsonText;
use crate::wire::error::ApiError;
use http::Method;
use serde::{Serialize, de::DeserializeOwned};
use server_fn::{
    ContentType, Decodes, Http, Protocol, ServerFn,
    client::Client,
    codec::{IntoReq, Post, PostUrl},
    redirect::call_redirect_hook,
    request::ClientReq,
    response::ClientRes,
    server::Server,
};
use std::{future::Future, pin::Pin};

/// The protocol of all functions but the chat socket.
#[derive(Clone, Copy, Debug)]
pub struct Call;

/// An answer that is awaited, as JSON.
pub type Answer = Pin<Box<dyn Future<Output = Result<String, ApiError>> + Send>>;

type Leptos = Http<PostUrl, Post<JsonText>>;

impl<Input, Output, C, S> Protocol<Input, Output, C, S, ApiError> for Call
where
    Input: Serialize + DeserializeOwned + Send + 'static,
    Output: Serialize + DeserializeOwned + Send + 'static,
    C: Client<ApiError>,
    S: Server<ApiError>,
{
    const METHOD: Method = Method::POST;

    async fn run_server<F, Fut>(request: S::Request, server_fn: F) -> Result<S::Response, ApiError>
    where
        F: Fn(Input) -> Fut + Send,
        Fut: Future<Output = Result<Output, ApiError>> + Send,
    {
        <Leptos as Protocol<Input, Output, C, S, ApiError>>::run_server(request, server_fn).await
    }

    async fn run_client(path: &str, input: Input) -> Result<Output, ApiError> {
        let request = IntoReq::<PostUrl, C::Request, ApiError>::into_req(input, path, JsonText::CONTENT_TYPE);
        read(&exchange::<C>(request).await?)
    }
}

/// Posts a form to the function `F` as the browser would, in [`PostUrl`]'s encoding; its answer as JSON.
pub fn post<F>(form: String) -> Answer
where
    F: ServerFn<Error = ApiError>,
    F::Client: Client<ApiError>,
{
    let request = ClientReq::<ApiError>::try_new_post(F::PATH, PostUrl::CONTENT_TYPE, JsonText::CONTENT_TYPE, form);
    exchange::<F::Client>(request)
}

/// What a function answered, by [`post`].
///
/// # Errors
/// [`ApiError::Network`], if it is not what the function answers.
pub fn read<T: DeserializeOwned>(answer: &str) -> Result<T, ApiError> {
    crate::wire::json::read(answer).map_err(|_| ApiError::Network)
}

/// Sends the request and takes the answer; where that leads elsewhere, the page goes there.
fn exchange<C: Client<ApiError>>(request: Result<C::Request, ApiError>) -> Answer {
    Box::pin(async move {
        let response = C::send(request?).await?;
        let (status, redirects, location) = (response.status(), response.has_redirect(), response.location());
        let answer = response.try_into_string().await?;
        if status >= 400 {
            return Err(JsonText::decode(answer.into()).unwrap_or(ApiError::Network));
        }
        if redirects {
            call_redirect_hook(&location);
        }
        Ok(answer)
    })
}
