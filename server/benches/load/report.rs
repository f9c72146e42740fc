//! The figures, side by side, as ratios.

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

/// Prints the table.
pub(crate) fn print(figures: &Figures) {
    let Figures { bare, parley, stored } = figures;
    println!("{:<34}{:>14}{:>14}{:>10}", "", "bare socket", "parley", "ratio");
    row("turns/s", rate(bare.flood.turns, &bare.flood), rate(parley.flood.turns, &parley.flood));
    row("tokens/s", rate(bare.flood.words, &bare.flood), rate(parley.flood.words, &parley.flood));
    for (label, share) in [("first token p50 ms, flood", 0.50), ("first token p99 ms, flood", 0.99)] {
        row(label, millis(&bare.flood, share), millis(&parley.flood, share));
    }
    for (label, share) in [("first token p50 ms, paced", 0.50), ("first token p99 ms, paced", 0.99)] {
        row(label, millis(&bare.paced, share), millis(&parley.paced, share));
    }
    row("KiB per idle socket", kib(bare.idle_bytes), kib(parley.idle_bytes));
    let added = millis(&parley.paced, 0.99) - millis(&bare.paced, 0.99);
    let added_flood = millis(&parley.flood, 0.99) - millis(&bare.flood, 0.99);
    println!("\nadded first-token latency p99: {added:.2} ms paced, {added_flood:.2} ms flooded");
    println!("messages stored: {} of {}", stored.0, stored.1);
}

fn row(label: &str, bare: f64, parley: f64) {
    println!("{label:<34}{bare:>14.2}{parley:>14.2}{:>10.2}", parley / bare);
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
