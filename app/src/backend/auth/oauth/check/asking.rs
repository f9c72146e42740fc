//! How the self-test asks: by HTTP at our own public address, and what it makes of an answer.

use super::{PUBLIC_URL, site};
use crate::backend::auth::oauth::OAuth;
use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

/// Bytes of an answer that are read: the list of tools is the longest.
const ANSWER_MAX: usize = 512 * 1024;
/// Characters of somebody's words that are shown.
const SHOWN: usize = 200;
/// The revision of the protocol that needs no session.
const REVISION: &str = "2026-07-28";

/// What broke a step, and what to do about it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) seen: String,
    pub(super) advice: &'static str,
}

/// A step that broke.
pub(super) fn fault<T>(seen: impl Into<String>, advice: &'static str) -> Result<T, Fault> {
    Err(Fault { seen: seen.into(), advice })
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What it says instead of what it should, in a sentence.
    pub(super) fn refusal(&self) -> String {
        let told = self.json().unwrap_or_default();
        let shown = |key: &str| told[key].as_str().map(|words| words.chars().take(SHOWN).collect::<String>());
        match (shown("error"), shown("error_description")) {
            (Some(error), Some(words)) => format!("The answer is {} ({error}): {words}", self.status),
            (Some(error), None) => format!("The answer is {} ({error}).", self.status),
            _ => format!("The answer is {} and none of the protocol's.", self.status),
        }
    }
}

impl OAuth {
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<Answer, Fault> {
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return unreachable(&error),
        };
        let (status, headers, mut body) = (answer.status().as_u16(), answer.headers().clone(), Vec::new());
        let mut answer = answer;
        while body.len() < ANSWER_MAX {
            match answer.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => return unreachable(&error),
            }
        }
        Ok(Answer { status, headers, body })
    }

    /// Asks `/mcp` for its tools.
    pub(super) async fn mcp(&self, token: Option<&str>) -> Result<Answer, Fault> {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "parley-self-test", "version": env!("CARGO_PKG_VERSION")},
        });
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}});
        let request = self.own.post(self.site().at(site::MCP)).json(&message);
        let request = request.header(http::header::ACCEPT, "application/json, text/event-stream");
        let request = request.header("mcp-protocol-version", REVISION).header("mcp-method", "tools/list");
        self.ask(token.into_iter().fold(request, RequestBuilder::bearer_auth)).await
    }
}

fn unreachable<T>(error: &reqwest::Error) -> Result<T, Fault> {
    let why = if error.is_timeout() {
        "nobody answered in time"
    } else if error.is_connect() {
        "no connection came about (name, port or certificate)"
    } else {
        "the answer broke off"
    };
    fault(format!("From this server the public address cannot be reached: {why}."), PUBLIC_URL)
}
