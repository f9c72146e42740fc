//! How much of a bare WebSocket's speed is left when every message is stored: the real server and a bare axum socket
//! under the same load, in one run.
//!
//! Both servers are processes of their own: the real `parley` binary on a fresh SQLite file with the offline assistant,
//! and this very program started as the bare server. The load shares the cores with them. Read the ratios; the
//! absolute figures are this machine's.

mod bare;
mod client;
mod parley;
mod report;

use std::time::Duration;

/// Sockets that talk.
const TALKERS: usize = 50;
/// Words per reply.
const WORDS: usize = 64;
/// Sockets that only listen.
const IDLERS: usize = 5_000;
/// How long each load lasts.
const LOAD: Duration = Duration::from_secs(8);
/// The pause between two turns of one socket under the paced load: a busy office, not a flood.
const PACE: Duration = Duration::from_millis(200);

fn main() -> Result<(), client::Fault> {
    // Cargo passes `--bench`; the bare server is this program with an argument of its own.
    if std::env::args().any(|argument| argument == bare::ARGUMENT) {
        return bare::serve();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run())
}

async fn run() -> Result<(), client::Fault> {
    println!("{TALKERS} sockets, replies of {WORDS} words, {} s each; {IDLERS} idle sockets\n", LOAD.as_secs());
    let bare = bare::Bare::start()?;
    let bare_flood = client::load(&bare, TALKERS, LOAD, None).await?;
    let bare_paced = client::load(&bare, TALKERS, LOAD, Some(PACE)).await?;
    let bare_idle = client::idle(&bare, IDLERS).await?;
    drop(bare);
    let parley = parley::Parley::start().await?;
    let parley_flood = client::load(&parley, TALKERS, LOAD, None).await?;
    let parley_paced = client::load(&parley, TALKERS, LOAD, Some(PACE)).await?;
    let stored = parley.stored().await?;
    let parley_idle = client::idle(&parley, IDLERS).await?;
    report::print(&report::Figures {
        bare: report::Server { flood: bare_flood, paced: bare_paced, idle_bytes: bare_idle },
        parley: report::Server { flood: parley_flood, paced: parley_paced, idle_bytes: parley_idle },
        stored,
    });
    Ok(())
}
