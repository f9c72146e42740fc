//! The real server: the release binary with a fresh SQLite file, the offline assistant without pauses, limits raised.

use crate::{
    Scale, WORDS,
    client::{Fault, Heard, Socket, Target},
    tools::Endpoint,
};
use app::{
    api::{account::SignUp, chat::ChatSocket, conversations::CreateConversation, tokens::CreateApiToken},
    backend::clock::Clock,
    wire::{
        conversation::ConversationSummary,
        event::{ChatEvent, ClientEvent},
        id::{ConversationId, Seq},
    },
};
use futures::{SinkExt, StreamExt};
use server_fn::ServerFn;
use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest, handshake::client::Request};

/// Rooms of each person, so that the idle sockets do not all sit in a few.
const ROOMS: usize = 20;

/// Somebody with an account. Each talker is a person of their own: a person's tabs hear of all of that person's
/// conversations, so fifty tabs of one would be another load than fifty people.
struct Person {
    cookie: String,
    rooms: Vec<ConversationId>,
}

/// The real server's process.
pub(crate) struct Parley {
    child: Child,
    address: SocketAddr,
    people: Vec<Person>,
    folder: PathBuf,
}

impl Parley {
    /// Starts it on an empty database, signs people up, and makes their rooms.
    pub(crate) async fn start(scale: Scale) -> Result<Self, Fault> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let folder = std::env::temp_dir().join(format!("parley-load-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let child = Command::new(env!("CARGO_BIN_EXE_parley"))
            .env("PARLEY_BIND", address.to_string())
            .env("PARLEY_PUBLIC_URL", format!("http://{address}"))
            .env("PARLEY_DATA_DIR", &folder)
            .env("PARLEY_OFFLINE_DELAY_MS", "0")
            .env("PARLEY_LOG", "warn")
            .envs(
                ["SIGN_UP", "SEND", "CREATE", "FRAMES", "REQUEST", "CALL"]
                    .map(|limit| (format!("PARLEY_RATE_{limit}"), "off")),
            )
            .stdout(Stdio::null())
            .spawn()?;
        let mut parley = Self { child, address, people: Vec::with_capacity(scale.talkers), folder };
        parley.wait().await?;
        let http = app::backend::http::client()?;
        for n in 0..scale.talkers {
            parley.people.push(parley.sign_up(&http, n).await?);
        }
        Ok(parley)
    }

    async fn wait(&self) -> Result<(), Fault> {
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the server does not listen".into())
    }

    /// A form, posted as its page would.
    fn post(&self, http: &reqwest::Client, path: &str, body: String) -> reqwest::RequestBuilder {
        http.post(format!("http://{}{path}", self.address))
            .header("Origin", format!("http://{}", self.address))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(body)
    }

    /// Where its tools are called, with a token of the first person's.
    pub(crate) async fn endpoint(&self) -> Result<Endpoint, Fault> {
        let cookie = &self.people.first().ok_or("nobody is signed up")?.cookie;
        let form = "name=load&write=false&run=false&days=1".to_owned();
        let asked = self.post(&app::backend::http::client()?, CreateApiToken::PATH, form).header("Cookie", cookie);
        // As a page with script asks: without, the answer would be a redirect.
        let answer = asked.header("Accept", "application/json").send().await?.error_for_status()?;
        let token: String = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(Endpoint { url: format!("http://{}/mcp", self.address), token: Some(token) })
    }

    async fn sign_up(&self, http: &reqwest::Client, n: usize) -> Result<Person, Fault> {
        let post = |path: &str, body: String| self.post(http, path, body);
        let form = format!("name=person{n}&password=a-long-password");
        let answer = post(SignUp::PATH, form).send().await?.error_for_status()?;
        let cookie = answer.headers().get("set-cookie").ok_or("no cookie")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let mut rooms = Vec::with_capacity(ROOMS);
        for _ in 0..ROOMS {
            let answer = post(CreateConversation::PATH, String::new()).header("Cookie", &cookie).send().await?;
            let room: ConversationSummary = serde_json::from_slice(&answer.error_for_status()?.bytes().await?)?;
            rooms.push(room.id);
        }
        Ok(Person { cookie, rooms })
    }

    /// Socket number `n` is of the person `n` modulo their count, in a room of theirs.
    fn place(&self, n: usize) -> (&Person, ConversationId) {
        let person = &self.people[n % self.people.len()];
        (person, person.rooms[n / self.people.len() % ROOMS])
    }

    /// Replies found whole in the store, and how many turns it closed: the same number, or messages were lost.
    pub(crate) async fn stored(&self) -> Result<(i64, i64), Fault> {
        use sqlx::Connection;
        let file = self.folder.join("parley.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).read_only(true);
        let mut database = sqlx::SqliteConnection::connect_with(&options).await?;
        let count = async |sql: &'static str, database: &mut sqlx::SqliteConnection| {
            sqlx::query_scalar::<_, i64>(sql).fetch_one(database).await
        };
        let replies =
            count("SELECT COUNT(*) FROM messages WHERE role = 'assistant' AND status = 'complete'", &mut database)
                .await?;
        let asked = count("SELECT COUNT(*) FROM messages WHERE role = 'user'", &mut database).await?;
        Ok((replies, asked))
    }

    async fn say(socket: &mut Socket, event: &ClientEvent) -> Result<(), Fault> {
        Ok(socket.send(frame(event)).await?)
    }
}

impl Drop for Parley {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// A frame as the page sends it: the tag byte 0, then JSON.
fn frame(event: &ClientEvent) -> Message {
    let mut bytes = vec![0];
    serde_json::to_writer(&mut bytes, event).unwrap_or_default();
    Message::binary(bytes)
}

impl Target for Parley {
    fn request(&self, n: usize) -> Result<Request, Fault> {
        let mut request = format!("ws://{}{}", self.address, ChatSocket::PATH).into_client_request()?;
        request.headers_mut().insert("Origin", format!("http://{}", self.address).parse()?);
        request.headers_mut().insert("Cookie", self.place(n).0.cookie.parse()?);
        Ok(request)
    }

    async fn greet(&self, socket: &mut Socket, n: usize) -> Result<(), Fault> {
        let hello = ClientEvent::Hello { conversation: Some(self.place(n).1), after: Seq(i64::MAX) };
        Self::say(socket, &hello).await?;
        while let Some(frame) = socket.next().await {
            if let Some(ChatEvent::Ready { .. }) = event(&frame?.into_data()) {
                return Ok(());
            }
        }
        Err("the server closed a socket".into())
    }

    fn ask(&self, n: usize) -> Message {
        frame(&ClientEvent::Send {
            client_id: Clock::System.id(),
            conversation: self.place(n).1,
            parent: None,
            text: format!("lorem {WORDS}"),
            files: Vec::new(),
            references: Vec::new(),
            model: None,
        })
    }

    fn read(&self, frame: &[u8]) -> Heard {
        match event(frame) {
            Some(ChatEvent::Delta { text, .. }) => Heard { words: text.split_whitespace().count(), end: false },
            Some(ChatEvent::TurnEnded { .. }) => Heard { words: 0, end: true },
            _ => Heard::default(),
        }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

fn event(frame: &[u8]) -> Option<ChatEvent> {
    serde_json::from_slice(frame.get(1..)?).ok()
}
