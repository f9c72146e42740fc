//! The figures, side by side, as ratios, and whether each target is met.
//!
//! Targets are about [`crate::FULL`] on two cores that the load shares; a quick run prints them all the same.

use crate::client::Seen;
use std::time::Duration;

/// One server's figures.
pub(crate) struct Server {
    /// As fast as it can.
    pub(crate) flood: Seen,
    /// With pauses.
    pub(crate) paced: Seen,
    /// Bytes per idle socket.
    pub(crate) idle_bytes: usize,
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

/// Turns and tokens a second: storing everything twice, at its start and its end, may cost half of what a bare socket
/// can do, not more.
const SHARE_OF_BARE: f64 = 0.5;
/// Milliseconds to the first word beyond the bare socket's, of the slowest hundredth, in a busy office: a third of an
/// animation frame, so that nobody sees it.
const ADDED_PACED_MS: f64 = 5.0;
/// The same for a flood: still within a frame.
const ADDED_FLOOD_MS: f64 = 16.0;
/// KiB of an idle socket beyond the bare one's: our own part of it, where the rest is axum's and tungstenite's.
const ADDED_KIB: f64 = 2.0;

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
    println!("{:<34}{:>14}{:>14}{:>10}", "", "bare socket", "parley", "ratio");
    let share = Some(Target::AtLeast(SHARE_OF_BARE));
    row("turns/s", rate(bare.flood.turns, &bare.flood), rate(parley.flood.turns, &parley.flood), share);
    row("tokens/s", rate(bare.flood.words, &bare.flood), rate(parley.flood.words, &parley.flood), share);
    for (label, share) in [("first token p50 ms, flood", 0.50), ("first token p99 ms, flood", 0.99)] {
        row(label, millis(&bare.flood, share), millis(&parley.flood, share), None);
    }
    for (label, share) in [("first token p50 ms, paced", 0.50), ("first token p99 ms, paced", 0.99)] {
        row(label, millis(&bare.paced, share), millis(&parley.paced, share), None);
    }
    row("KiB per idle socket", kib(bare.idle_bytes), kib(parley.idle_bytes), None);
    println!();
    let p99 = |seen: &Seen| millis(seen, 0.99);
    for (label, added, most) in [
        ("added first token p99 ms, paced", p99(&parley.paced) - p99(&bare.paced), ADDED_PACED_MS),
        ("added first token p99 ms, flood", p99(&parley.flood) - p99(&bare.flood), ADDED_FLOOD_MS),
        ("added KiB per idle socket", kib(parley.idle_bytes) - kib(bare.idle_bytes), ADDED_KIB),
    ] {
        println!("{label:<34}{added:>14.2}   {}", Target::AtMost(most).judged(added));
    }
    let (whole, asked) = *stored;
    let verdict = if whole == asked { "met (all)" } else { "MISSED (all)" };
    println!("{:<34}{:>14}   {verdict}", "replies stored whole", format!("{whole} of {asked}"));
}

fn row(label: &str, bare: f64, parley: f64, target: Option<Target>) {
    let ratio = parley / bare;
    let judged = target.map(|target| target.judged(ratio)).unwrap_or_default();
    println!("{}", format!("{label:<34}{bare:>14.2}{parley:>14.2}{ratio:>10.2}   {judged}").trim_end());
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn rate(count: usize, seen: &Seen) -> f64 {
    count as f64 / seen.seconds
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
fn millis(seen: &Seen, share: f64) -> f64 {
    let at = ((seen.first.len() as f64 * share) as usize).min(seen.first.len().saturating_sub(1));
    seen.first.get(at).copied().unwrap_or(Duration::ZERO).as_secs_f64() * 1000.0
}
