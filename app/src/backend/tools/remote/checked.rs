//! The HTTP client that rmcp is given for a server: the session's, with the address checked before each request, the
//! token on it where one is wanted, and answers bounded and followed to their end ([`stream`]).
//!
//! Invariant: a `GET` that asks for the rest of an answer goes the way of every other request: checked, with the same
//! headers, within the same limits.

use super::{
    ear::Ear,
    execution,
    pass::{Headers, Http, Pass},
    stream::{self, Events, Reopen},
    words,
};
use crate::backend::http::session::Session;
use futures::{FutureExt, StreamExt};
use reqwest::{Method, header::HeaderName};
use rmcp::{
    model::{ClientJsonRpcMessage, ErrorData, RequestId, ServerJsonRpcMessage},
    transport::streamable_http_client::{
        SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
    },
};
use sse_stream::Sse;
use std::{future::Future, io, sync::Arc, time::Duration};

/// The shortest wait before a session's own stream is opened again, whatever its server says.
const AGAIN: Duration = Duration::from_secs(1);

/// The client for one connection.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) session: Session,
    pub(super) pass: Option<Pass>,
    pub(super) ear: Arc<Ear>,
}

/// A request that was answered with events.
struct Asked {
    uri: Arc<str>,
    id: RequestId,
    session: Option<Arc<str>>,
    bearer: Option<String>,
    headers: Headers,
    most: usize,
}

/// Events that answer a request: one too large becomes an error in its place (rmcp would break the connection, or leave
/// the request without an answer), and what rmcp does not read of tools is kept.
fn tended(events: Events, id: RequestId) -> Events {
    let tended = events.map(move |event| match event {
        Err(error) => match too_large(&error) {
            Some(most) => serde_json::to_string(&instead(most, &id)).map_or(Err(error), |json| Ok(event_of(json))),
            None => Err(error),
        },
        Ok(event) => Ok(match event.data.as_deref().and_then(execution::kept) {
            Some(data) => Sse { data: Some(data), ..event },
            None => event,
        }),
    });
    tended.boxed()
}

fn instead(most: usize, id: &RequestId) -> ServerJsonRpcMessage {
    ServerJsonRpcMessage::error(ErrorData::internal_error(words::too_large(most).told, None), Some(id.clone()))
}

fn event_of(json: String) -> Sse {
    Sse::default().data(json)
}

/// The limit that an event went beyond, if that is what is wrong; rmcp says so in words alone.
fn too_large(error: &SseError) -> Option<usize> {
    let words = error.to_string();
    let (_, rest) = words.split_once("exceeded the maximum size of ")?;
    rest.split(' ').next()?.parse().ok()
}

/// Whether a header is about the one request that it came with.
fn is_of_one_request(name: &HeaderName) -> bool {
    matches!(name.as_str(), "mcp-method" | "mcp-name") || name.as_str().starts_with("mcp-param-")
}

impl Checked {
    fn check(&self, url: &str) -> Result<(), Http> {
        self.session.check(url).map_err(|refused| StreamableHttpError::Io(io::Error::other(refused)))
    }

    /// Sends, with the token that there is for it.
    async fn send<T, F>(
        &self,
        to: (Method, &str),
        bearer: Option<String>,
        headers: Headers,
        send: impl Fn(Option<String>, Headers) -> F,
    ) -> Result<T, Http>
    where
        F: Future<Output = Result<T, Http>>,
    {
        match &self.pass {
            Some(pass) => pass.send(&self.session, to, &headers, send).await,
            None => send(bearer, headers).await,
        }
    }

    async fn open(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        bearer: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Result<Events, Http> {
        self.check(&uri)?;
        let client = self.session.client();
        let stream = self.send((Method::GET, &uri), bearer, headers, |bearer, headers| {
            let (uri, session, last_event) = (uri.clone(), session.clone(), last_event.clone());
            client.get_stream_with_max_sse_event_size(uri, session, last_event, bearer, headers, most)
        });
        stream.await
    }

    /// The events of an answer, to its end.
    fn followed(&self, events: Events, asked: Asked) -> Events {
        let Asked { uri, id, session, bearer, mut headers, most } = asked;
        headers.retain(|name, _| !is_of_one_request(name));
        let (ear, about) = (Arc::clone(&self.ear), id.clone());
        let events = tended(events, id.clone());
        let client = self.clone();
        let reopen: Reopen = Box::new(move |last| {
            let (client, uri, id, session) = (client.clone(), uri.clone(), id.clone(), session.clone());
            let (bearer, headers) = (bearer.clone(), headers.clone());
            async move {
                let rest = client.open(uri, session, Some(last), bearer, headers, most).await;
                rest.map(|rest| tended(rest, id))
            }
            .boxed()
        });
        stream::whole(events, reopen, Box::new(move |fault| ear.broke(about.clone(), fault)))
    }
}

impl StreamableHttpClient for Checked {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        bearer: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Http> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session, bearer, headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        bearer: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Http> {
        self.check(&uri)?;
        if session.is_some() {
            self.ear.is_in_session();
        }
        let client = self.session.client();
        let answer = self.send((Method::POST, &uri), bearer.clone(), headers.clone(), |bearer, headers| {
            let (uri, message, session) = (uri.clone(), message.clone(), session.clone());
            client.post_message_with_response_limits(uri, message, session, bearer, headers, limits)
        });
        let answer = answer.await;
        let ClientJsonRpcMessage::Request(request) = message else { return answer };
        let id = request.id;
        match answer {
            Err(StreamableHttpError::ResponseBodyTooLarge { max_size }) => {
                Ok(StreamableHttpPostResponse::Json(instead(max_size, &id), None))
            }
            Ok(StreamableHttpPostResponse::Sse(events, begun)) => {
                let session = session.or_else(|| begun.as_deref().map(Arc::from));
                let asked = Asked { uri, id, session, bearer, headers, most: limits.max_sse_event_size };
                Ok(StreamableHttpPostResponse::Sse(self.followed(events, asked), begun))
            }
            other => other,
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        bearer: Option<String>,
        headers: Headers,
    ) -> Result<(), Http> {
        self.check(&uri)?;
        let client = self.session.client();
        let deleted = self.send((Method::DELETE, &uri), bearer, headers, |bearer, headers| {
            client.delete_session(uri.clone(), session.clone(), bearer, headers)
        });
        deleted.await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        bearer: Option<String>,
        headers: Headers,
    ) -> Result<Events, Http> {
        let most = StreamableHttpResponseLimits::default().max_sse_event_size;
        self.get_stream_with_max_sse_event_size(uri, session, last_event, bearer, headers, most).await
    }

    /// The stream of what a session's server says by itself: those of answers are [`Checked::followed`].
    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        bearer: Option<String>,
        headers: Headers,
        most: usize,
    ) -> Result<Events, Http> {
        let opened = self.open(uri, session, last_event, bearer, headers, most).await;
        self.ear.hears();
        opened.map(calm)
    }
}

/// Events that rmcp waits after, before it asks for more of them: it would do so at once where a connection broke, and
/// whenever its server says that no time need pass.
fn calm(events: Events) -> Events {
    let least = u64::try_from(AGAIN.as_millis()).unwrap_or(u64::MAX);
    let broke = |event: &Result<Sse, SseError>| matches!(event, Err(error) if too_large(error).is_none());
    let calm = events.take_while(move |event| futures::future::ready(!broke(event)));
    calm.map(move |event| event.map(|event| Sse { retry: event.retry.map(|ms| ms.max(least)), ..event })).boxed()
}
