//! How much of a bare WebSocket's speed is left when every message is stored, and of plain rmcp's when every call has a
//! token, a policy and a schema: the real server and a bare one under the same load, in one run.
//!
//! Both servers are processes of their own: the real `parley` binary on a fresh SQLite file with the offline assistant,
//! and this very program started as the bare server. The load shares the cores with them. Each kind of load is put on
//! them in turns, a slice each, so that a machine that is slower for a while is so for both. Read the ratios; the absolute
//! figures are this machine's. `make bench QUICK=1` only shows that it runs.

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
    /// How long each load lasts, in all its slices.
    pub(crate) load: Duration,
}

/// Slices of each load.
const SLICES: u32 = 4;

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
    let parley = parley::Parley::start(scale).await?;
    let (bare_seen, parley_seen) =
        measure((&bare, &bare.endpoint()), (&parley, &parley.endpoint().await?), scale).await?;
    drop(bare);
    let stored = parley.stored().await?;
    report::print(&report::Figures { bare: bare_seen, parley: parley_seen, stored });
    if idlers < FULL.idlers {
        println!("\nThis was a quick run: the targets are about the full load.");
    }
    Ok(())
}

/// The idle sockets first: under load an allocator takes memory that it keeps, and sockets after it would seem free.
async fn measure(
    (one, one_endpoint): (&impl client::Target, &tools::Endpoint),
    (other, other_endpoint): (&impl client::Target, &tools::Endpoint),
    Scale { talkers, idlers, callers, load }: Scale,
) -> Result<(report::Server, report::Server), client::Fault> {
    let mut seen = <(report::Server, report::Server)>::default();
    seen.0.idle_bytes = client::idle(one, idlers).await?;
    seen.1.idle_bytes = client::idle(other, idlers).await?;
    tokio::time::sleep(FORGETTING).await;
    let slice = load / SLICES;
    let quiet = async || {
        client::quiet(one).await?;
        client::quiet(other).await
    };
    for _ in 0..SLICES {
        quiet().await?;
        seen.0.flood += client::load(one, talkers, slice, None).await?;
        quiet().await?;
        seen.1.flood += client::load(other, talkers, slice, None).await?;
    }
    for _ in 0..SLICES {
        quiet().await?;
        seen.0.paced += client::load(one, talkers, slice, Some(PACE)).await?;
        quiet().await?;
        seen.1.paced += client::load(other, talkers, slice, Some(PACE)).await?;
    }
    for _ in 0..SLICES {
        quiet().await?;
        seen.0.calls += tools::load(one_endpoint, callers, slice).await?;
        quiet().await?;
        seen.1.calls += tools::load(other_endpoint, callers, slice).await?;
    }
    Ok(seen)
}
