//! The floor: an axum WebSocket with nothing behind it that sends the same text word by word, and rmcp as it comes.

mod mcp;

use crate::{
    WORDS,
    client::{Fault, Heard, Socket, Target},
    tools::Endpoint,
};
use axum::{
    Router,
    extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade},
    routing::get,
    serve::ListenerExt,
};
use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest, handshake::client::Request};

/// What makes this program the bare server.
pub(crate) const ARGUMENT: &str = "--serve-bare";

/// The bare server's process.
pub(crate) struct Bare {
    child: Child,
    address: SocketAddr,
}

impl Bare {
    /// Starts it and waits for its address.
    pub(crate) fn start() -> Result<Self, Fault> {
        let mut child = Command::new(std::env::current_exe()?).arg(ARGUMENT).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok(Self { child, address: line.trim().parse()? })
    }

    /// Where its tool is called.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint { url: format!("http://{}/mcp", self.address), token: None }
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Target for Bare {
    fn request(&self, _n: usize) -> Result<Request, Fault> {
        Ok(format!("ws://{}/", self.address).into_client_request()?)
    }

    async fn greet(&self, _socket: &mut Socket, _n: usize) -> Result<(), Fault> {
        Ok(())
    }

    fn ask(&self, _n: usize) -> Message {
        Message::text(WORDS.to_string())
    }

    fn read(&self, frame: &[u8]) -> Heard {
        // The last word ends with a full stop: the bare server has no other way to say so.
        Heard { words: 1, end: frame.ends_with(b".") }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

/// The bare server itself.
pub(crate) fn serve() -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let listener = listener.tap_io(|tcp| {
            tcp.set_nodelay(true).ok();
        });
        let open = async |upgrade: WebSocketUpgrade| upgrade.read_buffer_size(4 * 1024).on_upgrade(talk);
        axum::serve(listener, Router::new().route("/", get(open)).route_service("/mcp", mcp::service())).await?;
        Ok(())
    })
}

async fn talk(mut socket: WebSocket) {
    while let Some(Ok(Frame::Text(count))) = socket.recv().await {
        let count: usize = count.parse().unwrap_or_default();
        for n in 1..=count {
            let word = if n == count { "word." } else { "word " };
            if socket.send(Frame::Text(word.into())).await.is_err() {
                return;
            }
        }
    }
}
