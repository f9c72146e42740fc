//! Names of every metric, in one place, each with the function that counts it.
//!
//! Invariant: labels have few values; never a person, a conversation or a text.

use crate::wire::message::{TurnEnd, Usage};
use std::time::Duration;

/// Counter: turns that began to run.
pub const TURNS_STARTED: &str = "parley_turns_started_total";
/// Counter by `end`: turns that are over.
pub const TURNS_ENDED: &str = "parley_turns_ended_total";
/// Histogram: seconds from a turn's begin to its first text.
pub const FIRST_DELTA: &str = "parley_first_delta_seconds";
/// Histogram: seconds from a turn's begin to its stored end.
pub const TURN_SECONDS: &str = "parley_turn_seconds";
/// Counter by `direction` (`input`, `output`, `cached`): tokens as providers count them.
pub const TOKENS: &str = "parley_tokens_total";
/// Counter by `tool` and `outcome` (`ok`, `error`): tool calls.
pub const TOOL_CALLS: &str = "parley_tool_calls_total";
/// Gauge: chat sockets that are open.
pub const SOCKETS: &str = "parley_sockets";

/// A turn began to run.
pub fn turn_started() {
    metrics::counter!(TURNS_STARTED).increment(1);
}

/// A turn is over.
pub fn turn_ended(end: TurnEnd, took: Duration, usage: Usage) {
    let label = match end {
        TurnEnd::Complete => "complete",
        TurnEnd::Stopped => "stopped",
        TurnEnd::Failed => "failed",
        TurnEnd::Interrupted => "interrupted",
    };
    metrics::counter!(TURNS_ENDED, "end" => label).increment(1);
    metrics::histogram!(TURN_SECONDS).record(took);
    tokens(usage);
}

/// A request to a model cost that much.
pub fn tokens(usage: Usage) {
    metrics::counter!(TOKENS, "direction" => "input").increment(usage.input);
    metrics::counter!(TOKENS, "direction" => "output").increment(usage.output);
    metrics::counter!(TOKENS, "direction" => "cached").increment(usage.cached);
}

/// A reply's first text came after this long.
pub fn first_delta(after: Duration) {
    metrics::histogram!(FIRST_DELTA).record(after);
}

/// A tool call ended. A name no tool has is the model's text, so it is not made a label.
pub fn tool_call(known: Option<&str>, failed: bool) {
    let tool = known.unwrap_or("unknown").to_owned();
    let outcome = if failed { "error" } else { "ok" };
    metrics::counter!(TOOL_CALLS, "tool" => tool, "outcome" => outcome).increment(1);
}

/// A socket opened or, with -1, closed.
pub fn sockets(change: i8) {
    metrics::gauge!(SOCKETS).increment(f64::from(change));
}
