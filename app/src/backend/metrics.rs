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
/// Counter by `method` and `outcome` (`ok`, `tool_error`, `input_required`, `task`, `refused`, `fault`, `cancelled`):
/// requests of MCP clients.
pub const MCP_REQUESTS: &str = "parley_mcp_requests_total";
/// Histogram by `method`: seconds from an MCP request to its answer.
pub const MCP_SECONDS: &str = "parley_mcp_request_seconds";
/// Gauge: chat sockets that are open.
pub const SOCKETS: &str = "parley_sockets";

/// Gauge: connections to other MCP servers that are open.
pub const CONNECTIONS: &str = "parley_mcp_connections";
/// Counter by `kind` (`refused`, `credentials`, `unreachable`, `late`, `protocol`, `program`, `full`): connections to
/// other MCP servers that failed or broke.
pub const CONNECTIONS_FAILED: &str = "parley_mcp_connections_failed_total";
/// Histogram by `outcome` (`answered`, `failed`): seconds that calls of other servers' tools took.
pub const REMOTE_CALL_SECONDS: &str = "parley_mcp_call_seconds";

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

/// A tool call ended. A name no tool has is the model's text and that of a person's own server is theirs, so neither is
/// made a label.
pub fn tool_call(known: Option<&str>, failed: bool) {
    let tool = known.unwrap_or("unknown").to_owned();
    let outcome = if failed { "error" } else { "ok" };
    metrics::counter!(TOOL_CALLS, "tool" => tool, "outcome" => outcome).increment(1);
}

/// A request of an MCP client was answered, or is no longer waited for.
pub fn mcp_request(method: &'static str, outcome: &'static str, took: Duration) {
    metrics::counter!(MCP_REQUESTS, "method" => method, "outcome" => outcome).increment(1);
    metrics::histogram!(MCP_SECONDS, "method" => method).record(took);
}

/// A socket opened or, with -1, closed.
pub fn sockets(change: i8) {
    metrics::gauge!(SOCKETS).increment(f64::from(change));
}

/// A connection to another MCP server opened or, with -1, closed.
pub fn connected(change: i8) {
    metrics::gauge!(CONNECTIONS).increment(f64::from(change));
}

/// A connection to another MCP server failed or broke.
pub fn connection_failed(kind: &'static str) {
    metrics::counter!(CONNECTIONS_FAILED, "kind" => kind).increment(1);
}

/// A call of another server's tool is over; a tool's own error is an answer.
pub fn remote_call(took: Duration, answered: bool) {
    let outcome = if answered { "answered" } else { "failed" };
    metrics::histogram!(REMOTE_CALL_SECONDS, "outcome" => outcome).record(took);
}
