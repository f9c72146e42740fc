//! [`ProviderError`]: every vendor's failures in one vocabulary, classified once, here.
//!
//! Invariant: the vendor's own sentence stays in the error, for the log; a reader sees only [`ProviderError::fault`].

use crate::wire::message::{Fault, FaultKind};
use serde_json::Value;
use std::time::Duration;

/// Attempts at one request, the first included.
pub const ATTEMPTS_MAX: u32 = 4;
/// The longest `Retry-After` that is waited for: past it the reader is told, instead of staring at dots.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);
/// The wait after the first failure; doubles with each further one.
const BACK_OFF: Duration = Duration::from_millis(600);
/// Characters of a vendor's message that are kept for the log.
const MESSAGE_MAX: usize = 500;

/// What went wrong with a provider.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{category:?}: {message}")]
pub struct ProviderError {
    /// Classified once, here.
    pub category: Category,
    /// The HTTP status, if it came so far.
    pub status: Option<u16>,
    /// The vendor's error code or type.
    pub code: Option<String>,
    /// The vendor's sentence, for the log.
    pub message: String,
    /// How long the vendor asks to wait.
    pub retry_after: Option<Duration>,
}

/// The kinds of [`ProviderError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// 503, 529, `overloaded_error`.
    Overloaded,
    /// 429.
    RateLimited,
    /// The request does not fit the window.
    ContextTooLong,
    /// Content refused by policy.
    Refused,
    /// 401, 403.
    Credentials,
    /// Another 4xx: our request is wrong for this model.
    Rejected,
    /// The stream ended without a stop.
    Cut,
    /// No connection, time-out, TLS, 5xx.
    Unreachable,
    /// The answer is not what the API documents.
    Protocol,
}

impl ProviderError {
    /// An error that never reached HTTP.
    pub fn new(category: Category, message: impl Into<String>) -> Self {
        Self { category, status: None, code: None, message: message.into(), retry_after: None }
    }

    /// The error of a response with that status and body: JSON of any vendor's shape, or anything else.
    pub fn from_response(status: u16, body: &str, retry_after: Option<Duration>) -> Self {
        let (code, message) = read_body(body);
        Self {
            category: classify(Some(status), code.as_deref(), &message),
            status: Some(status),
            code,
            message,
            retry_after,
        }
    }

    /// The error a vendor sent inside a stream that had begun with 200: the value of its `error` key.
    pub fn from_event(error: &Value) -> Self {
        let (code, message) = describe(error);
        let status = code.as_deref().and_then(|c| c.parse().ok()).filter(|s| (400..600).contains(s));
        Self { category: classify(status, code.as_deref(), &message), status, code, message, retry_after: None }
    }

    /// Whether the very same request may succeed a little later.
    pub fn retryable(&self) -> bool {
        matches!(self.category, Category::Overloaded | Category::RateLimited | Category::Cut | Category::Unreachable)
    }

    /// How long to wait before asking again after `attempt` failures (from 1); `None`: give up. Only meant for failures
    /// before the reply's first word.
    pub fn retry_delay(&self, attempt: u32) -> Option<Duration> {
        let noise = getrandom::u32().unwrap_or(u32::MAX / 2);
        self.delay_with(attempt, f64::from(noise) / f64::from(u32::MAX))
    }

    /// [`Self::retry_delay`] with the jitter given, from 0 to 1.
    fn delay_with(&self, attempt: u32, jitter: f64) -> Option<Duration> {
        if !self.retryable() || attempt == 0 || attempt >= ATTEMPTS_MAX {
            return None;
        }
        let back_off = (BACK_OFF * 2u32.pow(attempt - 1)).mul_f64(0.5 + jitter / 2.0);
        match self.retry_after {
            Some(asked) if asked > RETRY_AFTER_MAX => None,
            // Everybody was told the same second: spread past it, never before it.
            Some(asked) => Some(asked.max(back_off) + back_off / 4),
            None => Some(back_off),
        }
    }

    /// What the reader is told.
    pub fn fault(&self) -> Fault {
        let (kind, message) = match self.category {
            Category::Overloaded => {
                (FaultKind::Overloaded, "The model's provider is overloaded just now. Try again in a moment.".to_owned())
            }
            Category::RateLimited => (FaultKind::RateLimited, self.rate_sentence()),
            Category::ContextTooLong => (
                FaultKind::TooLong,
                "This conversation no longer fits the model's window. Shorten the message, choose a model with a larger \
                 window or begin a new conversation."
                    .to_owned(),
            ),
            Category::Refused => (
                FaultKind::Refused,
                "The provider's content policy refused this request. Rephrase it, or try another model.".to_owned(),
            ),
            Category::Credentials => (
                FaultKind::Credentials,
                "The provider does not accept this server's key, or its credit is used up. Whoever runs this server has \
                 to look at it."
                    .to_owned(),
            ),
            Category::Rejected => (
                FaultKind::Rejected,
                "The provider did not accept the request for this model. Another model may; the server's log has the \
                 details."
                    .to_owned(),
            ),
            Category::Cut => {
                (FaultKind::Cut, "The connection to the model ended in the middle of the reply. Try again.".to_owned())
            }
            Category::Unreachable => {
                (FaultKind::Unreachable, "The model's provider cannot be reached just now. Try again in a moment.".to_owned())
            }
            Category::Protocol => (
                FaultKind::Unreachable,
                "The model's provider sent an answer that could not be understood. Try again.".to_owned(),
            ),
        };
        Fault { kind, message, retry: !matches!(self.category, Category::Credentials | Category::Rejected) }
    }

    fn rate_sentence(&self) -> String {
        match self.retry_after.map(|after| after.as_secs().max(1)) {
            None => "The provider limits how often this server may ask. Try again in a moment.".to_owned(),
            Some(1) => "The provider limits how often this server may ask. Try again in 1 second.".to_owned(),
            Some(s @ ..120) => format!("The provider limits how often this server may ask. Try again in {s} seconds."),
            Some(s) => {
                format!("The provider limits how often this server may ask. Try again in {} minutes.", s.div_ceil(60))
            }
        }
    }
}

impl From<&ProviderError> for Fault {
    fn from(error: &ProviderError) -> Self {
        error.fault()
    }
}

/// The kind of a failure by everything the vendor told; the wordings are those of Anthropic, OpenAI, Azure, vLLM,
/// llama.cpp, Ollama, OpenRouter, Gemini, Mistral, Groq and Bedrock.
fn classify(status: Option<u16>, code: Option<&str>, message: &str) -> Category {
    let code = code.unwrap_or_default().to_ascii_lowercase();
    let message = message.to_lowercase();
    let client_error = status.is_none_or(|s| (400..500).contains(&s));
    let says = |words: &[&str]| words.iter().any(|w| code.contains(w) || message.contains(w));
    if says(QUOTA) {
        return Category::Credentials;
    }
    // A rate limit's sentence may speak of tokens and lengths too, so it goes first.
    if status == Some(429) || says(&["rate_limit"]) {
        return Category::RateLimited;
    }
    if client_error && (status == Some(413) || says(TOO_LONG)) {
        return Category::ContextTooLong;
    }
    if client_error && says(POLICY) {
        return Category::Refused;
    }
    match status {
        Some(503 | 529) => Category::Overloaded,
        _ if says(&["overloaded", "at capacity", "server_busy"]) => Category::Overloaded,
        Some(401..=403) => Category::Credentials,
        Some(408 | 500..=599) => Category::Unreachable,
        Some(400..=499) => Category::Rejected,
        _ if says(&["authentication_error", "permission_error", "invalid_api_key"]) => Category::Credentials,
        _ if says(&["invalid_request", "not_found_error"]) => Category::Rejected,
        None => Category::Unreachable,
        Some(_) => Category::Protocol,
    }
}

const QUOTA: &[&str] = &["insufficient_quota", "billing_error", "credit balance is too low", "insufficient credits"];
const TOO_LONG: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size",
    "request_too_large",
    "prompt is too long",
    "maximum context length",
    "exceed context limit",
    "exceeds the context",
    "context size",
    "context window",
    "exceeds the maximum number of tokens",
    "input is too long",
    "reduce the length of the messages",
    "string_above_max_length",
];
const POLICY: &[&str] = &[
    "content_filter",
    "content_policy",
    "content policy",
    "content management policy",
    "responsibleaipolicyviolation",
    "invalid_prompt",
    "content filtering policy",
    "safety system",
    "requires moderation",
    "flagged",
];

fn read_body(body: &str) -> (Option<String>, String) {
    match serde_json::from_str::<Value>(body) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => {
            // Gemini's endpoint wraps the object into an array.
            let value = value.get(0).unwrap_or(&value);
            describe(value.get("error").unwrap_or(value))
        }
        _ => (None, shortened(body.trim())),
    }
}

/// The code and message of a vendor's error object, or of the bare sentence some send instead.
fn describe(error: &Value) -> (Option<String>, String) {
    if let Some(text) = error.as_str() {
        return (None, shortened(text));
    }
    let text = |key: &str| match error.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    // `code` of llama.cpp and OpenRouter is only the status again; `type` then says more.
    let code = text("code").filter(|c| c.parse::<u16>().is_err()).or_else(|| text("type")).or_else(|| text("code"));
    let message = text("message").or_else(|| text("detail")).unwrap_or_else(|| error.to_string());
    (code, shortened(&message))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
