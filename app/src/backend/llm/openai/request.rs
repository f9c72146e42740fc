//! From a [`ChatRequest`] to the body of chat completions: pure. Reasoning is not sent back: these APIs take none.

use super::super::{ChatRequest, Content, RequestTurn, arguments_text, names::ToolNames};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Where endpoints differ in what they take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// OpenAI's own: newer models refuse `max_tokens`.
    OpenAi,
    /// Everybody else's: many know only `max_tokens`.
    Compatible,
}

impl Dialect {
    /// That of the endpoint at `base_url`.
    pub(super) fn of(base_url: &str) -> Self {
        let host = url::Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let own = host == "api.openai.com" || host.ends_with(".openai.com") || host.ends_with(".openai.azure.com");
        if own { Self::OpenAi } else { Self::Compatible }
    }
}

/// The body of a streaming request.
pub(super) fn body(request: &ChatRequest, names: &ToolNames, dialect: Dialect) -> Value {
    let mut messages = Vec::new();
    if !request.system.trim().is_empty() {
        messages.push(json!({ "role": "system", "content": request.system }));
    }
    for turn in &request.turns {
        if turn.assistant {
            messages.extend(assistant(turn, names));
        } else {
            messages.extend(user(turn));
        }
    }
    let mut body = json!({
        "model": request.model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    let limit = match dialect {
        Dialect::OpenAi => "max_completion_tokens",
        Dialect::Compatible => "max_tokens",
    };
    body[limit] = json!(request.max_output.max(1));
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(|tool| function(tool, names)).collect();
    }
    body
}

fn function(tool: &crate::wire::tool::ToolSpec, names: &ToolNames) -> Value {
    let function = json!({
        "name": names.outward(&tool.name),
        "description": tool.description,
        "parameters": tool.input_schema,
    });
    json!({ "type": "function", "function": function })
}

fn assistant(turn: &RequestTurn, names: &ToolNames) -> Option<Value> {
    let text = texts(turn);
    let calls: Vec<Value> = turn
        .content
        .iter()
        .filter_map(|content| match content {
            Content::ToolCall(call) => {
                // A call that was no JSON goes back as an object: some endpoints parse what they are sent.
                let arguments = match &call.arguments {
                    Value::Object(_) => arguments_text(&call.arguments),
                    other => arguments_text(&json!({ "invalid": other })),
                };
                let function = json!({ "name": names.outward(&call.name), "arguments": arguments });
                Some(json!({ "id": call.id, "type": "function", "function": function }))
            }
            _ => None,
        })
        .collect();
    if text.is_empty() && calls.is_empty() {
        return None;
    }
    let content = if text.is_empty() { Value::Null } else { json!(text) };
    let mut message = json!({ "role": "assistant", "content": content });
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    Some(message)
}

/// A person's turn: first what tools answered, each a message of its own, then what was said.
fn user(turn: &RequestTurn) -> Vec<Value> {
    let mut messages: Vec<Value> = turn
        .content
        .iter()
        .filter_map(|content| match content {
            Content::ToolResult { call, text, is_error, .. } => {
                // The API has no flag for failures, and no place for pictures: the text names them.
                let text = if *is_error { format!("Error: {text}") } else { text.clone() };
                Some(json!({ "role": "tool", "tool_call_id": call, "content": text }))
            }
            _ => None,
        })
        .collect();
    let images: Vec<Value> = turn
        .content
        .iter()
        .filter_map(|content| match content {
            Content::Image { media_type, data } => {
                let url = format!("data:{media_type};base64,{}", STANDARD.encode(data));
                Some(json!({ "type": "image_url", "image_url": { "url": url } }))
            }
            _ => None,
        })
        .collect();
    let text = texts(turn);
    if !images.is_empty() {
        let words = (!text.is_empty()).then(|| json!({ "type": "text", "text": text }));
        let parts: Vec<Value> = words.into_iter().chain(images).collect();
        messages.push(json!({ "role": "user", "content": parts }));
    } else if !text.is_empty() {
        // A plain string: not every endpoint takes parts.
        messages.push(json!({ "role": "user", "content": text }));
    }
    messages
}

fn texts(turn: &RequestTurn) -> String {
    let texts = turn.content.iter().filter_map(|c| if let Content::Text(t) = c { Some(t.as_str()) } else { None });
    texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n\n")
}
