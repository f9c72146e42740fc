//! A chunk of chat completions, as far as it is read. Everything is optional: no two endpoints send the same.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One chunk.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) choices: Vec<Choice>,
    #[serde(default)]
    pub(super) usage: Option<Counts>,
    #[serde(default)]
    pub(super) error: Option<Value>,
}

/// One of the answers; only one is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) delta: ChoiceDelta,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
}

/// More of an answer.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ChoiceDelta {
    #[serde(default)]
    pub(super) content: Option<String>,
    /// Reasoning, as `DeepSeek`, vLLM and llama.cpp call it.
    #[serde(default)]
    pub(super) reasoning_content: Option<String>,
    /// Reasoning, as OpenRouter and Ollama call it.
    #[serde(default)]
    pub(super) reasoning: Option<String>,
    #[serde(default)]
    pub(super) refusal: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tool_calls: Vec<CallDelta>,
}

/// More of a tool call.
#[derive(Debug, Deserialize)]
pub(super) struct CallDelta {
    #[serde(default)]
    pub(super) index: Option<usize>,
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) function: FunctionDelta,
}

/// More of a tool call's function.
#[derive(Debug, Default, Deserialize)]
pub(super) struct FunctionDelta {
    #[serde(default)]
    pub(super) name: Option<String>,
    /// A piece of JSON text; some endpoints send the object itself.
    #[serde(default)]
    pub(super) arguments: Option<Value>,
}

/// Tokens.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Counts {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) prompt_tokens: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) completion_tokens: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) prompt_tokens_details: PromptDetails,
}

/// What the prompt's tokens were.
#[derive(Debug, Default, Deserialize)]
pub(super) struct PromptDetails {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) cached_tokens: u64,
}

/// `null` is nothing, too.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}
