//! The Anthropic Messages API (version 2023-06-01), streamed.
//!
//! Building a request and reading its events are pure ([`request`], [`mapper`]); the API's types do not leave this
//! module.

use super::{
    ChatRequest, DeltaStream, Provider,
    names::ToolNames,
    post::{Patience, reply},
};
use mapper::AnthropicMapper;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;

mod mapper;
mod request;
mod wire;

/// How a model is to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// As much as the model finds right (`adaptive`).
    Adaptive,
    /// At most so many tokens (`enabled` with `budget_tokens`), at least 1024.
    Budget(u32),
}

impl std::str::FromStr for Thinking {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "adaptive" => Ok(Self::Adaptive),
            number => match number.parse() {
                Ok(tokens @ 1024..) => Ok(Self::Budget(tokens)),
                _ => Err(format!("«{number}» is neither «adaptive» nor a number of tokens of at least 1024")),
            },
        }
    }
}

/// The API with one key.
#[derive(Clone, Debug)]
pub struct Anthropic {
    client: reqwest::Client,
    endpoint: String,
    key: SecretString,
    thinking: BTreeMap<String, Thinking>,
    patience: Patience,
}

impl Anthropic {
    /// Speaks to `base_url` (without `/v1`), thinking where `thinking` names the model.
    pub fn new(
        client: reqwest::Client,
        base_url: &str,
        key: SecretString,
        thinking: BTreeMap<String, Thinking>,
    ) -> Self {
        let base = base_url.trim_end_matches('/').trim_end_matches("/v1");
        Self { client, endpoint: format!("{base}/v1/messages"), key, thinking, patience: Patience::default() }
    }
}

impl Provider for Anthropic {
    fn stream(&self, request: ChatRequest) -> DeltaStream {
        let names = ToolNames::new(&request.tools);
        let body = request::body(&request, &names, self.thinking.get(&request.model).copied());
        let mut post = self.client.post(&self.endpoint).header("anthropic-version", "2023-06-01").json(&body);
        // A key with line breaks is no header; the API then says what is missing.
        if let Ok(mut key) = HeaderValue::from_str(self.key.expose_secret().trim()) {
            key.set_sensitive(true);
            post = post.header("x-api-key", key);
        }
        reply(post, AnthropicMapper::new(names), self.patience)
    }
}

#[cfg(test)]
mod tests;
