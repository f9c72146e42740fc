//! How much of a bare WebSocket's speed is left when every message is stored, and of plain rmcp's when every call has a
//! token, a policy and a schema: the real server and a bare one under the same load, in one run.
//!
//! Both servers are processes of their own: the real `parley` binary on a fresh SQLite file with the offline assistant,
//! and this very program started as the bare server. The load shares the cores with them. Read the ratios; the
//! absolute figures are this machine's. `make bench QUICK=1` only shows that it runs.

mod bare;
mod client;
mod parley;
mod report;
mod tools;

use std::time::Duration;

/// How much load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Sockets that talk.
    pub(crate) talkers: usize,
    /// Sockets that only listen.
    pub(crate) idlers: usize,
    /// Connections that call a tool.
    pub(crate) callers: usize,
    /// How long each load lasts.
    pub(crate) load: Duration,
}

/// What the targets are for.
const FULL: Scale = Scale { talkers: 50, idlers: 5_000, callers: 16, load: Duration::from_secs(8) };
/// Whether it runs at all.
const QUICK: Scale = Scale { talkers: 5, idlers: 100, callers: 2, load: Duration::from_secs(1) };
/// What asks for [`QUICK`].
const QUICKLY: &str = "--quick";
/// Words per reply.
const WORDS: usize = 64;
/// The pause between two turns of one socket under the paced load: a busy office, not a flood.
const PACE: Duration = Duration::from_millis(200);
/// What a server gets to forget the idle sockets, whose people count as present a little longer.
const FORGETTING: Duration = Duration::from_secs(4);

fn main() -> Result<(), client::Fault> {
    // Cargo passes `--bench`; the bare server is this program with an argument of its own.
    let told = |wanted| std::env::args().any(|argument| argument == wanted);
    if told(bare::ARGUMENT) {
        return bare::serve();
    }
    let scale = if told(QUICKLY) { QUICK } else { FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(scale))
}

async fn run(scale: Scale) -> Result<(), client::Fault> {
    let Scale { talkers, idlers, callers, load } = scale;
    println!(
        "{talkers} sockets, replies of {WORDS} words, {:.0} s each; {idlers} idle sockets; {callers} callers of a tool\n",
        load.as_secs_f64()
    );
    let bare = bare::Bare::start()?;
    let bare_seen = measure(&bare, &bare.endpoint(), scale).await?;
    drop(bare);
    let parley = parley::Parley::start(scale).await?;
    let parley_seen = measure(&parley, &parley.endpoint().await?, scale).await?;
    let stored = parley.stored().await?;
    report::print(&report::Figures { bare: bare_seen, parley: parley_seen, stored });
    if idlers < FULL.idlers {
        println!("\nThis was a quick run: the targets are about the full load.");
    }
    Ok(())
}

/// The idle sockets first: under load an allocator takes memory that it keeps, and sockets after it would seem free.
async fn measure(
    target: &impl client::Target,
    endpoint: &tools::Endpoint,
    scale: Scale,
) -> Result<report::Server, client::Fault> {
    let idle_bytes = client::idle(target, scale.idlers).await?;
    tokio::time::sleep(FORGETTING).await;
    let flood = client::load(target, scale.talkers, scale.load, None).await?;
    let paced = client::load(target, scale.talkers, scale.load, Some(PACE)).await?;
    let calls = tools::load(endpoint, scale.callers, scale.load).await?;
    Ok(report::Server { flood, paced, idle_bytes, calls })
}
