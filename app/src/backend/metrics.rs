//! Names of every metric, in one place, each with the function that counts it and with what it is.
//!
//! Invariant: labels have few values; never a person, a conversation or a text. Nothing here is called for each token.

use crate::wire::{
    id::Millis,
    message::{TurnEnd, Usage},
};
use metrics::Unit;
use std::{sync::Arc, time::Duration};

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

/// Counter by `route`, `method` and `status` (`2xx`): HTTP requests that were answered.
pub const HTTP_REQUESTS: &str = "parley_http_requests_total";
/// Histogram by `route` and `method`: seconds from an HTTP request to the head of its answer.
pub const HTTP_SECONDS: &str = "parley_http_request_seconds";

/// Gauge by `version`: always 1.
pub const BUILD: &str = "parley_build_info";
/// Gauge, called as everywhere: when the process began, in seconds since 1970.
pub const BEGAN: &str = "process_start_time_seconds";
/// Gauge, called as everywhere: bytes of memory that are the process's own.
pub const RESIDENT: &str = "process_resident_memory_bytes";

/// How a metric counts.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Every metric in the words of whoever reads them.
const METRICS: [(&str, Kind, Unit, &str); 17] = [
    (TURNS_STARTED, Kind::Counter, Unit::Count, "Replies that began to run."),
    (TURNS_ENDED, Kind::Counter, Unit::Count, "Replies that are over, by how they ended."),
    (FIRST_DELTA, Kind::Histogram, Unit::Seconds, "Time from a reply's begin to its first text."),
    (TURN_SECONDS, Kind::Histogram, Unit::Seconds, "Time from a reply's begin to its stored end, questions included."),
    (TOKENS, Kind::Counter, Unit::Count, "Tokens as the models' providers count them."),
    (TOOL_CALLS, Kind::Counter, Unit::Count, "Tool calls of models and apps, by tool; other servers' tools are one."),
    (MCP_REQUESTS, Kind::Counter, Unit::Count, "Requests of MCP clients, by method and by what came of them."),
    (MCP_SECONDS, Kind::Histogram, Unit::Seconds, "Time from an MCP client's request to its answer."),
    (SOCKETS, Kind::Gauge, Unit::Count, "Chat sockets that are open."),
    (CONNECTIONS, Kind::Gauge, Unit::Count, "Connections to other MCP servers that are open."),
    (CONNECTIONS_FAILED, Kind::Counter, Unit::Count, "Connections to other MCP servers that failed or broke, by why."),
    (REMOTE_CALL_SECONDS, Kind::Histogram, Unit::Seconds, "Time that calls of other servers' tools took."),
    (
        HTTP_REQUESTS,
        Kind::Counter,
        Unit::Count,
        "HTTP requests that were answered, by route, method and kind of status.",
    ),
    (HTTP_SECONDS, Kind::Histogram, Unit::Seconds, "Time from an HTTP request to the head of its answer."),
    (BUILD, Kind::Gauge, Unit::Count, "Which Parley this is."),
    (BEGAN, Kind::Gauge, Unit::Seconds, "When the process began, in seconds since 1970."),
    (RESIDENT, Kind::Gauge, Unit::Bytes, "Memory that is the process's own."),
];

/// Tells a recorder that has just begun what each metric is, which Parley counts, and since when. What has no labels is
/// there from the beginning, at nothing: what only appears once it happens looks like one that is not watched.
pub fn describe(now: Millis) {
    for (name, kind, unit, words) in METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(name, unit, words),
            Kind::Gauge => metrics::describe_gauge!(name, unit, words),
            Kind::Histogram => metrics::describe_histogram!(name, unit, words),
        }
    }
    metrics::counter!(TURNS_STARTED).increment(0);
    for gauge in [SOCKETS, CONNECTIONS] {
        metrics::gauge!(gauge).increment(0.0);
    }
    metrics::gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    metrics::gauge!(BEGAN).set(Duration::from_millis(u64::try_from(now.0).unwrap_or_default()));
}

/// The process has so much memory of its own.
pub fn resident(kibibytes: u32) {
    metrics::gauge!(RESIDENT).set(f64::from(kibibytes) * 1024.0);
}

/// The head of an answer to an HTTP request is there after so long.
pub fn http_request(route: Arc<str>, method: &'static str, status: &'static str, took: Duration) {
    let route = metrics::SharedString::from_shared(route);
    metrics::histogram!(HTTP_SECONDS, "route" => route.clone(), "method" => method).record(took);
    metrics::counter!(HTTP_REQUESTS, "route" => route, "method" => method, "status" => status).increment(1);
}

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
