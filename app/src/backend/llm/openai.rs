//! OpenAI's chat completions, streamed, as OpenAI, Ollama, vLLM, llama.cpp, OpenRouter and many more speak them.
//!
//! Decision: chat completions and not the responses API, which the others do not speak. Building a request and reading
//! its chunks are pure ([`request`], [`mapper`]); the API's types do not leave this module.

use super::{
    ChatRequest, DeltaStream, Provider,
    names::ToolNames,
    post::{Patience, reply},
};
use crate::backend::clock::Clock;
use mapper::OpenAiMapper;
use request::Dialect;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

mod mapper;
mod request;
mod wire;

/// One endpoint.
#[derive(Clone, Debug)]
pub struct OpenAi {
    client: reqwest::Client,
    endpoint: String,
    key: Option<SecretString>,
    dialect: Dialect,
    patience: Patience,
}

impl OpenAi {
    /// Speaks to `base_url` (up to and without `/chat/completions`).
    pub fn new(client: reqwest::Client, base_url: &str, key: Option<SecretString>) -> Self {
        let base = base_url.trim_end_matches('/').trim_end_matches("/chat/completions");
        let dialect = Dialect::of(base);
        Self { client, endpoint: format!("{base}/chat/completions"), key, dialect, patience: Patience::default() }
    }
}

impl Provider for OpenAi {
    fn stream(&self, request: ChatRequest) -> DeltaStream {
        let names = ToolNames::new(&request.tools);
        let mut post = self.client.post(&self.endpoint).json(&request::body(&request, &names, self.dialect));
        let bearer = self.key.as_ref().map(|key| format!("Bearer {}", key.expose_secret().trim()));
        // A key with line breaks is no header; the API then says what is missing.
        if let Some(Ok(mut bearer)) = bearer.map(|bearer| HeaderValue::from_str(&bearer)) {
            bearer.set_sensitive(true);
            post = post.header(AUTHORIZATION, bearer);
        }
        // Where an endpoint names no calls, these names must differ from those of the turn's other rounds.
        let unique: uuid::Uuid = Clock::System.id();
        reply(post, OpenAiMapper::new(names, unique.simple().to_string()), self.patience)
    }
}

#[cfg(test)]
mod tests;
