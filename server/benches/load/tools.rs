//! Calls of a tool over `/mcp`: how many a second, and how long each takes.
//!
//! The client is the same for both servers and speaks the protocol's sessionless revision over connections it keeps, as
//! a client with one token and many calls does.

use crate::client::Fault;
use futures::future::try_join_all;
use serde_json::{Value, json};
use std::{
    ops::AddAssign,
    time::{Duration, Instant},
};

/// The revision spoken.
const REVISION: &str = "2026-07-28";
/// The tool both servers have.
pub(crate) const TOOL: &str = "sum";

/// Where the calls go.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Its address.
    pub(crate) url: String,
    /// The token it wants.
    pub(crate) token: Option<String>,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    /// Seconds it lasted.
    pub(crate) seconds: f64,
    /// How long each call took.
    pub(crate) took: Vec<Duration>,
}

impl AddAssign for Calls {
    fn add_assign(&mut self, more: Self) {
        self.seconds += more.seconds;
        self.took.extend(more.took);
    }
}

/// `callers` connections that call the tool for `duration`, each as soon as it has its answer.
pub(crate) async fn load(endpoint: &Endpoint, callers: usize, duration: Duration) -> Result<Calls, Fault> {
    let start = Instant::now();
    let until = start + duration;
    let work = (0..callers).map(async |n| {
        // A client each, so that no pool hands one's connection to another.
        let http = app::backend::http::client()?;
        let mut took = Vec::new();
        while Instant::now() < until {
            let asked = Instant::now();
            call(&http, endpoint, n, took.len()).await?;
            took.push(asked.elapsed());
        }
        Ok::<_, Fault>(took)
    });
    let took = try_join_all(work).await?.into_iter().flatten().collect();
    let seconds = start.elapsed().as_secs_f64();
    Ok(Calls { seconds, took })
}

/// One call; an answer that is not the sum is an error.
async fn call(http: &reqwest::Client, endpoint: &Endpoint, caller: usize, count: usize) -> Result<(), Fault> {
    let message = json!({
        "jsonrpc": "2.0",
        "id": count,
        "method": "tools/call",
        "params": {
            "name": TOOL,
            "arguments": { "numbers": [caller, count] },
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": REVISION,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": { "name": "load", "version": "1" },
            },
        },
    });
    let mut request = http
        .post(&endpoint.url)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", REVISION)
        .header("mcp-method", "tools/call")
        .header("mcp-name", TOOL);
    if let Some(token) = &endpoint.token {
        request = request.bearer_auth(token);
    }
    let text = request.json(&message).send().await?.error_for_status()?.text().await?;
    let last = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).rfind(|data| !data.is_empty());
    let answer: Value = serde_json::from_str(last.unwrap_or(&text))?;
    let sum = answer["result"]["structuredContent"]["sum"].as_f64().ok_or_else(|| format!("no sum: {answer}"))?;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let right = (caller + count) as f64;
    if (sum - right).abs() < 0.5 { Ok(()) } else { Err(format!("{caller} + {count} is not {sum}").into()) }
}
