//! The load: sockets that ask for a reply, wait for its end, and ask again; and sockets that only listen.

use crate::WORDS;
use futures::{SinkExt, StreamExt, future::try_join_all};
use std::{
    ops::AddAssign,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async_with_config, tungstenite};
use tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig};

pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// A server under load.
pub(crate) trait Target: Sync {
    /// Where its socket is, and the headers that socket number `n` is opened with.
    fn request(&self, n: usize) -> Result<tungstenite::handshake::client::Request, Fault>;
    /// What is said first on the socket of talker number `n`, and whether its answer was read.
    fn greet(&self, socket: &mut Socket, n: usize) -> impl Future<Output = Result<(), Fault>> + Send;
    /// The frame that asks talker `n` for a reply.
    fn ask(&self, n: usize) -> Message;
    /// What a frame holds.
    fn read(&self, frame: &[u8]) -> Heard;
    /// Its process, for its memory.
    fn pid(&self) -> u32;
}

/// What one frame holds, for the count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// Words of the reply.
    pub(crate) words: usize,
    /// Whether the reply is over.
    pub(crate) end: bool,
}

/// What a load saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Whole replies.
    pub(crate) turns: usize,
    /// Words in them.
    pub(crate) words: usize,
    /// Seconds it lasted.
    pub(crate) seconds: f64,
    /// Time from asking to the first word.
    pub(crate) first: Vec<Duration>,
}

impl AddAssign for Seen {
    fn add_assign(&mut self, more: Self) {
        self.turns += more.turns;
        self.words += more.words;
        self.seconds += more.seconds;
        self.first.extend(more.first);
    }
}

/// Opens a socket with Nagle's algorithm off and the small buffers a client of ours would have.
pub(crate) async fn open(target: &impl Target, n: usize) -> Result<Socket, Fault> {
    let request = target.request(n)?.into_client_request()?;
    let authority = request.uri().authority().ok_or("no authority")?.as_str().to_owned();
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
    Ok(client_async_with_config(request, stream, Some(config)).await?.0)
}

/// `talkers` sockets for `duration`; with a `pace`, each pauses so long between two turns.
pub(crate) async fn load(
    target: &impl Target,
    talkers: usize,
    duration: Duration,
    pace: Option<Duration>,
) -> Result<Seen, Fault> {
    let mut sockets = Vec::with_capacity(talkers);
    for n in 0..talkers {
        let mut socket = open(target, n).await?;
        target.greet(&mut socket, n).await?;
        sockets.push(socket);
    }
    let start = Instant::now();
    let until = start + duration;
    let talks = sockets.into_iter().enumerate().map(async |(n, mut socket)| {
        let mut seen = Seen::default();
        if let Some(pace) = pace {
            // Spread over the first pause, so that the talkers do not speak in chorus.
            tokio::time::sleep(pace.mul_f64(share(n, talkers))).await;
        }
        while Instant::now() < until {
            turn(target, &mut socket, n, &mut seen).await?;
            if let Some(pace) = pace {
                tokio::time::sleep(pace).await;
            }
        }
        socket.close(None).await.ok();
        Ok::<_, Fault>(seen)
    });
    let mut all = Seen::default();
    for seen in try_join_all(talks).await? {
        all += seen;
    }
    all.seconds = start.elapsed().as_secs_f64();
    Ok(all)
}

#[expect(clippy::cast_precision_loss, reason = "both are below a thousand")]
fn share(n: usize, of: usize) -> f64 {
    n as f64 / of as f64
}

/// One question and its whole reply.
async fn turn(target: &impl Target, socket: &mut Socket, n: usize, seen: &mut Seen) -> Result<(), Fault> {
    let asked = Instant::now();
    let mut words = 0;
    socket.send(target.ask(n)).await?;
    loop {
        let frame = socket.next().await.ok_or("the server closed a socket")??;
        let heard = match &frame {
            Message::Binary(bytes) => target.read(bytes),
            Message::Text(text) => target.read(text.as_bytes()),
            Message::Close(_) => return Err("the server closed a socket".into()),
            _ => continue,
        };
        if words == 0 && heard.words > 0 {
            seen.first.push(asked.elapsed());
        }
        words += heard.words;
        if heard.end {
            break;
        }
    }
    if words != WORDS {
        return Err(format!("a reply has {words} words instead of {WORDS}").into());
    }
    seen.turns += 1;
    seen.words += words;
    Ok(())
}

/// Bytes of memory one idle socket costs the server: what its resident set grows by, over the count.
pub(crate) async fn idle(target: &impl Target, count: usize) -> Result<usize, Fault> {
    let before = resident(target.pid())?;
    let mut sockets = Vec::with_capacity(count);
    for n in 0..count {
        let mut socket = open(target, n).await?;
        target.greet(&mut socket, n).await?;
        sockets.push(socket);
    }
    // The server's own work on the last of them ends before it is measured.
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(resident(target.pid())?.saturating_sub(before) / count)
}

/// Waits until the server has done what the load before left it to do: it is not to be the next one's. What is left are
/// the last records that nobody waits for and what is not yet made findable: little beside the load, and not timed.
pub(crate) async fn quiet(target: &impl Target) -> Result<(), Fault> {
    let mut before = worked(target.pid())?;
    let until = Instant::now() + NEVER_QUIET;
    loop {
        if Instant::now() > until {
            return Err("a server does not become quiet".into());
        }
        tokio::time::sleep(LOOK).await;
        let now = worked(target.pid())?;
        if now <= before + BREATH {
            return Ok(());
        }
        before = now;
    }
}

/// How long a server may work on after its load.
const NEVER_QUIET: Duration = Duration::from_mins(1);
/// How often a server is looked at that is to become quiet.
const LOOK: Duration = Duration::from_millis(300);
/// Ticks of the processor, a hundredth of a second each, that a quiet server may use between two looks.
const BREATH: u64 = 1;

/// Ticks of the processor that a process has used, its own and the kernel's on its behalf (proc(5), `utime` and `stime`).
fn worked(pid: u32) -> Result<u64, Fault> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat.rsplit_once(')').ok_or("no name in stat")?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || -> Result<u64, Fault> { Ok(fields.next().ok_or("stat is short")?.parse()?) };
    Ok(ticks()? + ticks()?)
}

/// A process's resident set in bytes, as the kernel counts it.
fn resident(pid: u32) -> Result<usize, Fault> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<usize>()? * 1024)
}
