#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use serde_json::json;

#[test]
fn every_vendors_words_are_told_apart() {
    use Category::*;
    let anthropic = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
    let openai = |code: &str, message: &str| json!({"error": {"message": message, "type": "invalid_request_error", "code": code}});
    let table = [
        (529, anthropic("overloaded_error", "Overloaded"), Overloaded),
        (503, json!({"error": {"message": "The engine is currently overloaded"}}), Overloaded),
        (500, anthropic("api_error", "Internal server error"), Unreachable),
        (502, json!("Bad gateway"), Unreachable),
        (429, anthropic("rate_limit_error", "Your prompt is too long for this many tokens per minute"), RateLimited),
        (429, openai("rate_limit_exceeded", "Rate limit reached for gpt-4o"), RateLimited),
        (429, openai("insufficient_quota", "You exceeded your current quota"), Credentials),
        (400, anthropic("invalid_request_error", "Your credit balance is too low to access the API"), Credentials),
        (402, json!({"error": {"code": 402, "message": "Insufficient credits"}}), Credentials),
        (401, anthropic("authentication_error", "invalid x-api-key"), Credentials),
        (403, anthropic("permission_error", "no access"), Credentials),
        (403, json!({"error": {"code": 403, "message": "Your input was flagged"}}), Refused),
        (400, anthropic("invalid_request_error", "prompt is too long: 213456 tokens > 200000 maximum"), ContextTooLong),
        (
            400,
            anthropic("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
            ContextTooLong,
        ),
        (413, anthropic("request_too_large", "Request exceeds the maximum size"), ContextTooLong),
        (400, openai("context_length_exceeded", "This model's maximum context length is 8192 tokens"), ContextTooLong),
        (
            400,
            json!({"object": "error", "message": "This model's maximum context length is 4096 tokens. However, you requested 5000", "type": "BadRequestError", "code": 400}),
            ContextTooLong,
        ),
        (
            400,
            json!({"error": {"code": 400, "message": "the request exceeds the available context size", "type": "exceed_context_size_error"}}),
            ContextTooLong,
        ),
        (
            400,
            json!([{"error": {"code": 400, "message": "The input token count (9) exceeds the maximum number of tokens allowed (8)."}}]),
            ContextTooLong,
        ),
        (
            400,
            openai(
                "content_filter",
                "The response was filtered due to the prompt triggering Azure OpenAI's content management policy",
            ),
            Refused,
        ),
        (400, anthropic("invalid_request_error", "Output blocked by content filtering policy"), Refused),
        (400, openai("unsupported_value", "temperature does not support 0.5"), Rejected),
        (404, json!({"error": "model 'x' not found, try pulling it first"}), Rejected),
        (422, json!({"detail": "bad"}), Rejected),
    ];
    for (status, body, category) in table {
        let error = ProviderError::from_response(status, &body.to_string(), None);
        assert_eq!(error.category, category, "{status} {body}");
        assert_eq!(error.status, Some(status));
    }
}

#[test]
fn errors_inside_a_stream_are_told_apart_too() {
    let kind = |error: Value| ProviderError::from_event(&error).category;
    assert_eq!(kind(json!({"type": "overloaded_error", "message": "Overloaded"})), Category::Overloaded);
    assert_eq!(kind(json!({"code": 502, "message": "Provider disconnected"})), Category::Unreachable);
    assert_eq!(kind(json!({"code": 429, "message": "slow down"})), Category::RateLimited);
    assert_eq!(kind(json!("the model crashed")), Category::Unreachable);
    assert_eq!(kind(json!({"type": "invalid_request_error", "message": "bad"})), Category::Rejected);
}

#[test]
fn the_vendors_words_stay_out_of_the_readers() {
    for category in [
        Category::Overloaded,
        Category::RateLimited,
        Category::ContextTooLong,
        Category::Refused,
        Category::Credentials,
        Category::Rejected,
        Category::Cut,
        Category::Unreachable,
        Category::Protocol,
    ] {
        let fault = ProviderError::new(category, "key sk-secret is wrong").fault();
        assert!(!fault.message.contains("sk-secret") && fault.message.ends_with('.'));
    }
    let mut limited = ProviderError::new(Category::RateLimited, "");
    limited.retry_after = Some(Duration::from_secs(150));
    assert!(limited.fault().message.contains("in 3 minutes"));
}

#[test]
fn a_huge_or_odd_body_is_shortened() {
    let error = ProviderError::from_response(500, &"ü".repeat(100_000), None);
    assert!(error.message.chars().count() <= MESSAGE_MAX + 1);
    assert_eq!(ProviderError::from_response(500, "", None).message, "");
    assert_eq!(ProviderError::from_response(400, "[]", None).category, Category::Rejected);
}

#[test]
fn waits_double_are_jittered_and_never_shorter_than_asked() {
    let mut error = ProviderError::new(Category::Overloaded, "");
    let wait = |error: &ProviderError, attempt, jitter| error.delay_with(attempt, jitter);
    assert_eq!(wait(&error, 1, 1.0), Some(Duration::from_millis(600)));
    assert_eq!(wait(&error, 1, 0.0), Some(Duration::from_millis(300)));
    assert_eq!(wait(&error, 3, 1.0), Some(Duration::from_millis(2400)));
    assert_eq!(wait(&error, ATTEMPTS_MAX, 1.0), None);
    error.retry_after = Some(Duration::from_secs(7));
    let asked = error.retry_delay(1).unwrap();
    assert!(asked >= Duration::from_secs(7) && asked < Duration::from_secs(8));
    error.retry_after = Some(Duration::from_mins(5));
    assert_eq!(error.retry_delay(1), None);
    assert_eq!(ProviderError::new(Category::Credentials, "").retry_delay(1), None);
}
