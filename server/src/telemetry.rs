//! Logs on the error stream: text for people, or one JSON object per line; and, in [`meter`], what is counted.
//!
//! Invariant: no message text and no secrets; a panic is logged by its place only, for its words may quote a message.
//! rmcp logs what its clients say, arguments and all, so it is heard about its own faults only, unless the operator names
//! it in the filter.

pub mod meter;

use app::backend::config::LogConfig;
use std::panic;
use tracing_subscriber::EnvFilter;

/// Before what the operator says: rmcp warns of every failed request to another MCP server, often with its address. What
/// is worth knowing is told once, by `app`.
const QUIET: &str = "rmcp=error,rmcp::transport=off,rmcp::service=off";

/// Begins to log. A second call changes nothing.
pub fn init(config: &LogConfig) {
    let filter = EnvFilter::try_new(format!("{QUIET},{}", config.filter));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(format!("{QUIET},info")));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = if config.json { logs.json().try_init() } else { logs.compact().try_init() };
    if begun.is_ok() {
        panic::set_hook(Box::new(|fault| {
            let place = fault.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "a fault of ours (panic)");
        }));
    }
}

/// What is wrong with the filter, if anything is.
///
/// # Errors
/// A sentence.
pub fn check(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter)
        .map(drop)
        .map_err(|error| format!("«{filter}» is not a filter like info or info,app=debug ({error})"))
}
