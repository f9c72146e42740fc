//! The figures, side by side, as ratios, and whether each target is met.
//!
//! Targets are about [`crate::FULL`] on two cores that the load shares; a quick run prints them all the same.

use crate::{client::Seen, tools::Calls};
use std::time::Duration;

/// One server's figures.
#[derive(Default)]
pub(crate) struct Server {
    /// As fast as it can.
    pub(crate) flood: Seen,
    /// With pauses.
    pub(crate) paced: Seen,
    /// Bytes per idle socket.
    pub(crate) idle_bytes: usize,
    /// Calls of a tool over `/mcp`.
    pub(crate) calls: Calls,
}

/// Everything measured.
pub(crate) struct Figures {
    /// The floor.
    pub(crate) bare: Server,
    /// Ours.
    pub(crate) parley: Server,
    /// Messages found in the store afterwards, and how many there should be.
    pub(crate) stored: (i64, i64),
}

/// Tokens a second as a share of the bare socket's, though every message is stored.
const SHARE_OF_BARE: f64 = 0.6;
/// Turns a second in a flood.
const TURNS: f64 = 1_000.0;
/// Milliseconds to the first word beyond the bare socket's, of the slowest hundredth: a third of an animation frame, so
/// that nobody sees it. In a flood, where both servers have more to do than they can, it is printed without a target.
const ADDED_MS: f64 = 5.0;
/// KiB of an idle socket, all in.
const IDLE_KIB: f64 = 16.0;

/// Calls of a tool a second as a share of plain rmcp's, though each shows a token and meets policy, schema and limits.
const SHARE_OF_RMCP: f64 = 0.7;

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Target {
    /// Whether `figure` is that.
    fn judged(self, figure: f64) -> String {
        let (met, words, bound) = match self {
            Self::AtLeast(bound) => (figure >= bound, "at least", bound),
            Self::AtMost(bound) => (figure <= bound, "at most", bound),
        };
        format!("{} ({words} {bound})", if met { "met" } else { "MISSED" })
    }
}

/// Prints the table, then what the targets are about.
pub(crate) fn print(figures: &Figures) {
    let Figures { bare, parley, stored } = figures;
    println!("{:<34}{:>14}{:>14}{:>10}", "", "bare", "parley", "ratio");
    let turns = |seen: &Seen| rate(seen.turns, seen.seconds);
    let words = |seen: &Seen| rate(seen.words, seen.seconds);
    let calls = |calls: &Calls| rate(calls.took.len(), calls.seconds);
    row("turns/s", turns(&bare.flood), turns(&parley.flood));
    row("tokens/s", words(&bare.flood), words(&parley.flood));
    for (label, share) in [("first token p50 ms, flood", 0.50), ("first token p99 ms, flood", 0.99)] {
        row(label, millis(&bare.flood.first, share), millis(&parley.flood.first, share));
    }
    for (label, share) in [("first token p50 ms, paced", 0.50), ("first token p99 ms, paced", 0.99)] {
        row(label, millis(&bare.paced.first, share), millis(&parley.paced.first, share));
    }
    row("KiB per idle socket", kib(bare.idle_bytes), kib(parley.idle_bytes));
    row("tools/call a second", calls(&bare.calls), calls(&parley.calls));
    for (label, share) in [("tools/call p50 ms", 0.50), ("tools/call p99 ms", 0.99)] {
        row(label, millis(&bare.calls.took, share), millis(&parley.calls.took, share));
    }
    println!();
    let p99 = |seen: &Seen| millis(&seen.first, 0.99);
    let share = words(&parley.flood) / words(&bare.flood);
    for (label, figure, target) in [
        ("tokens/s, of the bare socket's", share, Target::AtLeast(SHARE_OF_BARE)),
        ("turns/s", turns(&parley.flood), Target::AtLeast(TURNS)),
        ("added first token p99 ms, paced", p99(&parley.paced) - p99(&bare.paced), Target::AtMost(ADDED_MS)),
        ("KiB per idle socket", kib(parley.idle_bytes), Target::AtMost(IDLE_KIB)),
        ("tools/call, of plain rmcp's", calls(&parley.calls) / calls(&bare.calls), Target::AtLeast(SHARE_OF_RMCP)),
    ] {
        println!("{label:<34}{figure:>14.2}   {}", target.judged(figure));
    }
    println!("{:<34}{:>14.2}", "added first token p99 ms, flood", p99(&parley.flood) - p99(&bare.flood));
    let (whole, asked) = *stored;
    let verdict = if whole == asked { "met (all)" } else { "MISSED (all)" };
    println!("{:<34}{:>14}   {verdict}", "replies stored whole", format!("{whole} of {asked}"));
}

fn row(label: &str, bare: f64, parley: f64) {
    println!("{label:<34}{bare:>14.2}{parley:>14.2}{:>10.2}", parley / bare);
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn rate(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

#[expect(clippy::cast_precision_loss, reason = "bytes far below 2^52")]
fn kib(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index into a list of samples"
)]
fn millis(took: &[Duration], share: f64) -> f64 {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    let at = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(Duration::ZERO).as_secs_f64() * 1000.0
}
