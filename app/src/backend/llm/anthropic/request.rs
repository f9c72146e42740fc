//! From a [`ChatRequest`] to the Messages API's body: pure.
//!
//! Decision: three cache marks, on the tools, the instructions and the last turn, so that each round of a conversation
//! reads the one before from the cache. A mark on every turn would exceed the API's four.

use super::{
    super::{ChatRequest, Content, RequestTurn, names::ToolNames},
    Thinking,
    mapper::REDACTED,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The body of a streaming request.
pub(super) fn body(request: &ChatRequest, names: &ToolNames, thinking: Option<Thinking>) -> Value {
    let thinking = thinking.filter(|thinking| match thinking {
        Thinking::Adaptive => true,
        // The API demands room for an answer beside the budget; short requests (a title) do without thought.
        Thinking::Budget(tokens) => request.max_output > *tokens,
    });
    let mut body = json!({
        "model": request.model,
        "max_tokens": request.max_output.max(1),
        "stream": true,
        "messages": messages(&request.turns, names, thinking.is_some()),
    });
    if !request.system.trim().is_empty() {
        body["system"] = json!([marked(json!({ "type": "text", "text": request.system }))]);
    }
    if !request.tools.is_empty() {
        body["tools"] = tools(request, names);
    }
    match thinking {
        None => {}
        Some(Thinking::Adaptive) => body["thinking"] = json!({ "type": "adaptive" }),
        Some(Thinking::Budget(tokens)) => body["thinking"] = json!({ "type": "enabled", "budget_tokens": tokens }),
    }
    body
}

fn marked(mut block: Value) -> Value {
    block["cache_control"] = json!({ "type": "ephemeral" });
    block
}

fn tools(request: &ChatRequest, names: &ToolNames) -> Value {
    let mut tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| {
            json!({
                "name": names.outward(&tool.name),
                "description": tool.description,
                "input_schema": tool.input_schema,
            })
        })
        .collect();
    if let Some(last) = tools.pop() {
        tools.push(marked(last));
    }
    Value::Array(tools)
}

fn messages(turns: &[RequestTurn], names: &ToolNames, thinking: bool) -> Value {
    let mut messages: Vec<Value> = turns.iter().filter_map(|turn| message(turn, names, thinking)).collect();
    let last = messages.last_mut().filter(|m| m["role"] == "user").and_then(|m| m["content"].as_array_mut());
    if let Some(block) = last.and_then(|blocks| blocks.last_mut()) {
        *block = marked(block.take());
    }
    Value::Array(messages)
}

/// A turn; `None` if nothing of it can be sent.
fn message(turn: &RequestTurn, names: &ToolNames, thinking: bool) -> Option<Value> {
    let is_result = |content: &&Content| matches!(content, Content::ToolResult { .. });
    // The API wants results before anything else in a turn.
    let (results, others): (Vec<_>, Vec<_>) = turn.content.iter().partition(is_result);
    let contents = results.into_iter().chain(others);
    let blocks: Vec<Value> = contents.filter_map(|content| block(content, names, thinking)).collect();
    let role = if turn.assistant { "assistant" } else { "user" };
    (!blocks.is_empty()).then(|| json!({ "role": role, "content": blocks }))
}

fn block(content: &Content, names: &ToolNames, thinking: bool) -> Option<Value> {
    Some(match content {
        // Blocks of white space are refused.
        Content::Text(text) if text.trim().is_empty() => return None,
        Content::Text(text) => json!({ "type": "text", "text": text }),
        Content::Thinking { text, signature } => return thought(text, signature).filter(|_| thinking),
        Content::Image { media_type, data } => image(media_type, data),
        Content::ToolCall(call) => {
            let input = match &call.arguments {
                Value::Object(_) => call.arguments.clone(),
                other => json!({ "invalid": other }),
            };
            json!({ "type": "tool_use", "id": call.id, "name": names.outward(&call.name), "input": input })
        }
        Content::ToolResult { call, text, is_error, pictures } => {
            let text = if text.trim().is_empty() { "(no output)" } else { text };
            let mut shown = pictures.iter().filter_map(|picture| Some((picture, picture.data.as_ref()?))).peekable();
            let content = if shown.peek().is_none() {
                json!(text)
            } else {
                let words = std::iter::once(json!({ "type": "text", "text": text }));
                words.chain(shown.map(|(picture, data)| image(&picture.media_type, data))).collect()
            };
            json!({ "type": "tool_result", "tool_use_id": call, "content": content, "is_error": is_error })
        }
    })
}

fn image(media_type: &str, data: &[u8]) -> Value {
    let source = json!({ "type": "base64", "media_type": media_type, "data": STANDARD.encode(data) });
    json!({ "type": "image", "source": source })
}

/// Reasoning goes back as it was sealed; unsealed reasoning (another vendor's) cannot.
fn thought(text: &str, signature: &str) -> Option<Value> {
    if let Some(data) = signature.strip_prefix(REDACTED) {
        return Some(json!({ "type": "redacted_thinking", "data": data }));
    }
    (!signature.is_empty()).then(|| json!({ "type": "thinking", "thinking": text, "signature": signature }))
}
