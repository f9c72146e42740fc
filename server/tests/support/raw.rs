//! A socket's peer that does what no browser does: it reads when it is told to, and answers nothing by itself.

use super::{
    TestUser,
    socket::{PATIENCE, frame},
};
use app::wire::event::{ChatEvent, ClientEvent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// What the peer hears: opcodes of RFC 6455 with what their frames hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something of the conversation.
    Data(Vec<u8>),
    /// To be answered with [`RawPeer::pong`].
    Ping,
    /// The server's goodbye.
    Close,
}

/// An open socket on bare TCP.
#[derive(Debug)]
pub struct RawPeer(TcpStream);

impl TestUser {
    /// Opens a socket by hand, with as little room for what is not read yet as the system allows.
    pub async fn raw(&self, path: &str) -> RawPeer {
        let authority = self.url.strip_prefix("http://").unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(authority.parse().unwrap()).await.unwrap();
        let (origin, cookie) = (&self.url, self.cookie().unwrap_or_default());
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {authority}\r\norigin: {origin}\r\ncookie: {cookie}\r\n\
             user-agent: Mozilla/5.0 (Test)\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, stream.read_u8()).await.expect("no answer to the upgrade").unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        RawPeer(stream)
    }
}

impl RawPeer {
    /// Says something as our page does.
    pub async fn say(&mut self, event: &ClientEvent) {
        self.send(2, &frame(event).into_data()).await;
    }

    /// Answers a ping.
    pub async fn pong(&mut self) {
        self.send(10, &[]).await;
    }

    /// Sends a frame of at most 125 bytes, masked with zeros.
    async fn send(&mut self, opcode: u8, payload: &[u8]) {
        let length = u8::try_from(payload.len()).ok().filter(|length| *length < 126).unwrap();
        let bytes = [&[0x80 | opcode, 0x80 | length, 0, 0, 0, 0], payload].concat();
        timeout(PATIENCE, self.0.write_all(&bytes)).await.expect("nobody reads this socket").unwrap();
    }

    /// The next frame; `None` once the connection has ended, be it in the middle of one.
    pub async fn next(&mut self) -> Option<Heard> {
        timeout(PATIENCE, self.read()).await.expect("the server says nothing")
    }

    async fn read(&mut self) -> Option<Heard> {
        let opcode = self.0.read_u8().await.ok()? & 0x0f;
        let length = match self.0.read_u8().await.ok()? {
            126 => u64::from(self.0.read_u16().await.ok()?),
            127 => self.0.read_u64().await.ok()?,
            length => length.into(),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(match opcode {
            1 | 2 => Heard::Data(payload),
            8 => Heard::Close,
            9 => Heard::Ping,
            other => panic!("a frame of opcode {other}"),
        })
    }

    /// Hears until such an event of our page's socket.
    pub async fn until(&mut self, wanted: impl Fn(&ChatEvent) -> bool) {
        loop {
            match self.next().await.expect("the socket ended") {
                Heard::Data(frame) if wanted(&serde_json::from_slice(&frame[1..]).unwrap()) => return,
                Heard::Data(_) | Heard::Ping => {}
                Heard::Close => panic!("the server said goodbye"),
            }
        }
    }

    /// Reads all that came until the connection ended; the last whole frame.
    pub async fn last(mut self) -> Option<Heard> {
        let mut last = None;
        while let Some(heard) = self.next().await {
            last = Some(heard);
        }
        last
    }
}
