//! The server's half of the chat socket's protocol: small buffers, limits, pings, nothing dropped in silence.
//!
//! Leptos' own `Websocket` leaves tungstenite's 128 KiB read buffer and no message limit, sends no pings, and drops
//! incoming frames when its 2,048-slot queue is full. Here the function's own streams read from and write to the
//! socket: a tab that floods waits on TCP, one that does not read is cut off, one that is silent is closed. When its
//! session ends a socket is gone within a second, whether its peer reads or not.

use crate::{
    api::{context, encoding::JsonText},
    backend::{
        caller::Caller,
        hub::{Heard as News, Hub, Topic},
        task::Tasks,
    },
    wire::{
        error::ApiError,
        event::{ByeReason, ChatEvent, ClientEvent},
        limits::{FRAME_MAX, PING_MS},
    },
};
use axum::{
    body::Body,
    extract::{
        FromRequest,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    http::{Method, Request},
    response::Response,
};
use bytes::Bytes;
use futures::{FutureExt, SinkExt, Stream, StreamExt, channel::oneshot, stream, stream::SplitStream};
use serde::{Serialize, de::DeserializeOwned};
use server_fn::{BoxedStream, Protocol, client::Client, server::Server};
use std::{
    future::Future,
    ops::Deref,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU16, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// The chat socket's protocol. The name is the one by which the `#[server]` macro knows a WebSocket function.
#[derive(Clone, Copy, Debug)]
pub struct Websocket;

type Input = BoxedStream<ClientEvent, ApiError>;
type Output = BoxedStream<Arc<ChatEvent>, ApiError>;

/// Bytes read at once: a frame of an idle tab is under 100.
const READ_BUFFER: usize = 4 * 1024;
/// Events that go out in one write at most, so that a fast turn cannot hold back the pings.
const BATCH: usize = 64;

/// How long the server waits for a socket's peer; tests shorten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Time between two pings.
    pub ping: Duration,
    /// Pings a peer may leave unanswered; then it is taken for gone.
    pub silent_pings: u8,
    /// How long a peer may take to read what it was sent before it is cut off: it comes back and catches up.
    pub send: Duration,
    /// How long a peer may take to answer our goodbye.
    pub goodbye: Duration,
    /// How long a socket may outlive its session, whatever its peer reads and answers: under a second.
    pub ended: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            ping: Duration::from_millis(PING_MS.into()),
            silent_pings: 3,
            send: Duration::from_secs(30),
            goodbye: Duration::from_secs(2),
            ended: Duration::from_millis(900),
        }
    }
}

/// How values stand in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Leptos': binary, one tag byte (0 value, 1 error), then JSON.
    Tagged,
    /// Text frames of bare JSON, as hand-written clients expect.
    Plain,
}

impl<I, C, S> Protocol<I, Output, C, S, ApiError> for Websocket
where
    I: Deref<Target = Input> + Into<Input> + From<Input>,
    C: Client<ApiError>,
    S: Server<ApiError, Request = Request<Body>, Response = Response<Body>>,
{
    const METHOD: Method = Method::GET;

    async fn run_server<F, Fut>(request: Request<Body>, server_fn: F) -> Result<Response<Body>, ApiError>
    where
        F: Fn(I) -> Fut + Send,
        Fut: Future<Output = Result<Output, ApiError>> + Send,
    {
        let upgrade = WebSocketUpgrade::from_request(request, &())
            .await
            .map_err(|rejection| ApiError::invalid("upgrade", format!("This is a WebSocket: {rejection}.")))?;
        let backend = context::backend()?;
        let ended = session_end(&backend.hub, context::visitor().as_ref());
        let talk = move |input: BoxedStream<ClientEvent, ApiError>| server_fn(input.into());
        accept(upgrade, Framing::Tagged, Patience::default(), &backend.tasks, ended, talk).await
    }

    fn run_client(path: &str, input: I) -> impl Future<Output = Result<Output, ApiError>> + Send {
        type Leptos = server_fn::Websocket<JsonText, JsonText>;
        <Leptos as Protocol<I, Output, C, S, ApiError>>::run_client(path, input)
    }
}

/// Waits until the session behind `caller` ends; for ever where there is none. It listens from the call on.
///
/// Beside what the socket's conversation hears of it: that is asked for more only once the peer has read what it was
/// sent before.
pub fn session_end(hub: &Hub, caller: Option<&Caller>) -> impl Future<Output = ()> + Send + use<> {
    let mut listener = hub.listen();
    if let Some(session) = caller.and_then(Caller::session) {
        listener.subscribe(Topic::Session(session));
    }
    async move {
        loop {
            if let News::Event(_, event) = listener.next().await
                && *event == (ChatEvent::Bye { reason: ByeReason::SignedOut })
            {
                return;
            }
        }
    }
}

/// Answers an upgrade with a conversation: `talk` gets what the peer will say and gives what it shall hear. After
/// `ended` the peer has [`Patience::ended`] to hear the goodbye that `talk` then gives. The process does not end before
/// the goodbye is said: `tasks` knows of the socket until then.
///
/// # Errors
/// Whatever `talk` refuses with, before the upgrade.
pub async fn accept<In, Out, Fut>(
    upgrade: WebSocketUpgrade,
    framing: Framing,
    patience: Patience,
    tasks: &Tasks,
    ended: impl Future<Output = ()> + Send + 'static,
    talk: impl FnOnce(BoxedStream<In, ApiError>) -> Fut,
) -> Result<Response<Body>, ApiError>
where
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
    Fut: Future<Output = Result<BoxedStream<Out, ApiError>, ApiError>>,
{
    let heard = Arc::new(Heard::default());
    let (give_socket, socket) = oneshot::channel();
    let (give_back, returned) = oneshot::channel();
    let talking = talk(BoxedStream::from(incoming(socket, give_back, framing, Arc::clone(&heard))));
    let output = talking.await?;
    let open = tasks.hold();
    Ok(upgrade.read_buffer_size(READ_BUFFER).max_message_size(FRAME_MAX).max_frame_size(FRAME_MAX).on_upgrade(
        async move |socket| {
            let over = async {
                ended.await;
                sleep(patience.ended).await;
            };
            tokio::select! {
                () = write(socket, give_socket, returned, output, framing, patience, heard) => {}
                () = over => tracing::debug!("a socket was cut off, because its session ended and it did not"),
            }
            drop(open);
        },
    ))
}

/// What the reading half tells the writing half.
#[derive(Debug, Default)]
struct Heard {
    /// Pings sent since the peer was last heard; the reader resets it, the writer counts.
    silent: AtomicU8,
    /// The close code for what cannot be read as the WebSocket protocol, after which nothing more can be; 0 for none.
    fault: AtomicU16,
}

/// The peer's frames, from the moment the socket is handed over; ends with it.
fn incoming<In: DeserializeOwned + Send + 'static>(
    socket: oneshot::Receiver<SplitStream<WebSocket>>,
    give_back: oneshot::Sender<SplitStream<WebSocket>>,
    framing: Framing,
    heard: Arc<Heard>,
) -> impl Stream<Item = Result<In, ApiError>> + Send + 'static {
    let lent = socket.map(|socket| Lent { socket: socket.ok(), give_back: Some(give_back) });
    stream::once(lent).flatten().filter_map(move |frame| {
        heard.silent.store(0, Ordering::Relaxed);
        futures::future::ready(match frame {
            Ok(Message::Binary(bytes)) => Some(decode(&bytes, framing)),
            Ok(Message::Text(text)) => Some(decode(text.as_bytes(), framing)),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) => None,
            Err(fault) => {
                heard.fault.store(fault_code(&fault), Ordering::Relaxed);
                None
            }
        })
    })
}

/// The socket's reading half while the function has it; it comes back when the function lets go, for the goodbye.
struct Lent {
    socket: Option<SplitStream<WebSocket>>,
    give_back: Option<oneshot::Sender<SplitStream<WebSocket>>>,
}

impl Stream for Lent {
    type Item = Result<Message, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.socket.as_mut().map_or(Poll::Ready(None), |socket| socket.poll_next_unpin(cx))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(socket), Some(give_back)) = (self.socket.take(), self.give_back.take()) {
            drop(give_back.send(socket));
        }
    }
}

/// The close code (RFC 6455 7.4.1) for bytes that tungstenite could not read, by its words: axum hides its error.
fn fault_code(fault: &axum::Error) -> u16 {
    let words = fault.to_string().to_lowercase();
    let says = |part: &str| words.contains(part);
    if says("too long") || says("too large") || says("space limit") {
        close_code::SIZE
    } else if says("utf-8") {
        close_code::INVALID
    } else if says("protocol") && !says("without closing handshake") {
        close_code::PROTOCOL
    } else {
        0
    }
}

/// The goodbye: the writer's own, or the one that says what could not be read.
fn goodbye(fault: u16) -> CloseFrame {
    let reason = match fault {
        0 => String::new(),
        close_code::SIZE => format!("A frame has at most {FRAME_MAX} bytes."),
        close_code::INVALID => "A text frame must be UTF-8.".to_owned(),
        _ => "This is not the WebSocket protocol.".to_owned(),
    };
    CloseFrame { code: if fault == 0 { close_code::NORMAL } else { fault }, reason: reason.into() }
}

fn decode<In: DeserializeOwned>(frame: &[u8], framing: Framing) -> Result<In, ApiError> {
    let json = match (framing, frame) {
        (Framing::Tagged, [0, json @ ..]) | (Framing::Plain, json) => json,
        (Framing::Tagged, _) => {
            return Err(ApiError::invalid("frame", "A frame is the byte 0 followed by a JSON object."));
        }
    };
    serde_json::from_slice(json)
        .map_err(|fault| ApiError::invalid("frame", format!("This frame cannot be read: {fault}.")))
}

fn encode<Out: Serialize>(event: &Result<Out, ApiError>, framing: Framing) -> Message {
    let mut frame = Vec::with_capacity(256);
    if framing == Framing::Tagged {
        frame.push(u8::from(event.is_err()));
    }
    let written = match event {
        Ok(event) => serde_json::to_writer(&mut frame, event),
        Err(error) => serde_json::to_writer(&mut frame, error),
    };
    if let Err(fault) = written {
        tracing::error!(%fault, "an event could not be encoded");
    }
    match framing {
        Framing::Tagged => Message::Binary(Bytes::from(frame)),
        Framing::Plain => Message::Text(String::from_utf8_lossy(&frame).into_owned().into()),
    }
}

/// Writes what is to be heard until it ends, the peer is gone, or the peer stays silent.
async fn write<Out: Serialize>(
    socket: WebSocket,
    give_socket: oneshot::Sender<SplitStream<WebSocket>>,
    returned: oneshot::Receiver<SplitStream<WebSocket>>,
    output: BoxedStream<Out, ApiError>,
    framing: Framing,
    patience: Patience,
    heard: Arc<Heard>,
) {
    let (mut sink, stream) = socket.split();
    // The end may come in the middle of a batch, and is asked for again after it.
    let mut output = Pin::<Box<dyn Stream<Item = _> + Send>>::from(output).fuse();
    if give_socket.send(stream).is_err() {
        return;
    }
    let mut ping = pin!(sleep(patience.ping));
    loop {
        let first = tokio::select! {
            event = output.next() => event,
            () = &mut ping => {
                ping.as_mut().reset(Instant::now() + patience.ping);
                if heard.silent.fetch_add(1, Ordering::Relaxed) >= patience.silent_pings {
                    break;
                }
                match timeout(patience.send, sink.send(Message::Ping(Bytes::new()))).await {
                    Ok(Ok(())) => continue,
                    _ => break,
                }
            }
        };
        let Some(first) = first.map(|event| encode(&event, framing)) else { break };
        // What is ready by now goes out in the same write: a turn's frames often come together.
        let written = timeout(patience.send, async {
            sink.feed(first).await?;
            for _ in 1..BATCH {
                let Some(Some(event)) = output.next().now_or_never() else { break };
                let frame = encode(&event, framing);
                drop(event);
                sink.feed(frame).await?;
            }
            sink.flush().await
        })
        .await;
        if !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
    drop(output);
    let fault = heard.fault.load(Ordering::Relaxed);
    // Closing with bytes unread resets the connection, and the peer would hear of a fault instead of a goodbye
    // (RFC 6455 7.1.1): what it still says is read until it says goodbye too.
    let _gone_already = timeout(patience.goodbye, async {
        sink.send(Message::Close(Some(goodbye(fault)))).await?;
        if let Ok(mut rest) = returned.await {
            while let Some(Ok(_)) = rest.next().await {}
        }
        if fault != 0 {
            // Nothing more can be read here. A peer that reads while it writes, as browsers do, has this long to hear
            // why before the connection is reset.
            std::future::pending::<()>().await;
        }
        Ok::<_, axum::Error>(())
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_outlives_its_session_by_less_than_a_second() {
        // What it has after its session's end is this and nothing else: a peer that does not read is not waited for.
        assert!(Patience::default().ended < Duration::from_secs(1));
    }
}
