//! From chunks to deltas: pure, stateful. The stop is held back until the stream ends, as the count of tokens follows it.

use super::{
    super::{Category, Delta, ProviderError, StopReason, names::ToolNames, sse::Mapper},
    wire::{CallDelta, Choice, Chunk, Counts},
};
use crate::wire::{id::CallId, message::Usage, tool::ToolCall};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Reads one reply.
#[derive(Debug, Default)]
pub(super) struct OpenAiMapper {
    names: ToolNames,
    unique: String,
    /// In the order they began.
    calls: Vec<Calling>,
    /// Ids given out.
    ids: BTreeSet<String>,
    called: bool,
    stop: Option<StopReason>,
    over: bool,
}

/// A tool call whose arguments are still coming.
#[derive(Debug, Default)]
struct Calling {
    index: Option<usize>,
    id: String,
    name: String,
    json: String,
    /// Arguments that came as an object.
    whole: Option<Value>,
}

impl OpenAiMapper {
    /// A mapper of the reply to a request with these tools; `unique` goes into ids the endpoint leaves out.
    pub(super) fn new(names: ToolNames, unique: String) -> Self {
        Self { names, unique, ..Self::default() }
    }

    fn choice(&mut self, choice: Choice) -> Result<Vec<Delta>, ProviderError> {
        let some = |text: Option<String>| text.filter(|t| !t.is_empty());
        let delta = choice.delta;
        let mut deltas = Vec::new();
        if let Some(text) = some(delta.reasoning_content).or_else(|| some(delta.reasoning)) {
            deltas.push(Delta::Thinking { text, signature: None });
        }
        deltas.extend(some(delta.content).map(Delta::Text));
        if let Some(refusal) = some(delta.refusal) {
            self.stop = Some(StopReason::Refusal);
            deltas.push(Delta::Text(refusal));
        }
        for call in delta.tool_calls {
            self.call(call);
        }
        if let Some(reason) = some(choice.finish_reason) {
            if reason == "error" {
                return Err(ProviderError::new(Category::Unreachable, "the endpoint finished with an error"));
            }
            deltas.extend(self.take_calls());
            self.stop = self.stop.filter(|s| *s == StopReason::Refusal).or(Some(stop_reason(&reason)));
        }
        Ok(deltas)
    }

    fn call(&mut self, delta: CallDelta) {
        let id = delta.id.unwrap_or_default();
        let name = delta.function.name.unwrap_or_default();
        let at = self.calls.iter().rposition(|call| call.continues(delta.index, &id, &name));
        let at = at.unwrap_or_else(|| {
            self.calls.push(Calling { index: delta.index, ..Calling::default() });
            self.calls.len() - 1
        });
        let Some(call) = self.calls.get_mut(at) else { return };
        if call.id.is_empty() {
            call.id = id;
        }
        // Some repeat the name with every piece.
        if call.name.is_empty() {
            call.name = name;
        }
        match delta.function.arguments {
            Some(Value::String(piece)) => call.json.push_str(&piece),
            None | Some(Value::Null) => {}
            Some(whole) => call.whole = Some(whole),
        }
    }

    fn take_calls(&mut self) -> Vec<Delta> {
        let calls = std::mem::take(&mut self.calls);
        self.called |= !calls.is_empty();
        calls.into_iter().map(|call| self.whole(call)).collect()
    }

    fn whole(&mut self, call: Calling) -> Delta {
        let given = Some(call.id).filter(|id| !id.is_empty() && !self.ids.contains(id));
        let id = given.unwrap_or_else(|| format!("call_{}_{}", self.unique, self.ids.len()));
        self.ids.insert(id.clone());
        let (id, name) = (CallId(id), self.names.inward(&call.name));
        let arguments = match (call.whole, call.json.trim()) {
            (Some(whole), _) => Ok(whole),
            (None, "") => Ok(Value::Object(Map::new())),
            (None, json) => serde_json::from_str(json),
        };
        match arguments {
            Ok(arguments) => Delta::ToolUse(ToolCall::new(id, name, arguments)),
            Err(error) => Delta::BadToolUse { id, name, raw: call.json, reason: error.to_string() },
        }
    }
}

impl Calling {
    fn is_whole(&self) -> bool {
        self.whole.is_some() || serde_json::from_str::<Map<String, Value>>(&self.json).is_ok()
    }

    /// Whether a piece with these marks belongs to this call.
    fn continues(&self, index: Option<usize>, id: &str, name: &str) -> bool {
        let same_id = id.is_empty() || self.id.is_empty() || id == self.id;
        match (index, self.index) {
            // Some number every call 0, and tell them apart by id or by sending each whole.
            (Some(index), Some(own)) => {
                index == own && same_id && !(id.is_empty() && !name.is_empty() && self.is_whole())
            }
            // Without an index a new name or id begins a new call.
            _ => same_id && (name.is_empty() || !id.is_empty() && id == self.id),
        }
    }
}

impl Mapper for OpenAiMapper {
    fn event(&mut self, data: &str) -> Result<Vec<Delta>, ProviderError> {
        if data.trim() == "[DONE]" {
            // Some never say why they end.
            self.stop = self.stop.or(Some(StopReason::EndTurn));
            return self.end();
        }
        let chunk: Chunk = serde_json::from_str(data)
            .map_err(|e| ProviderError::new(Category::Protocol, format!("a chunk is not as documented: {e}")))?;
        if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
            return Err(ProviderError::from_event(&error));
        }
        let mut deltas = match chunk.choices.into_iter().next() {
            Some(choice) => self.choice(choice)?,
            None => Vec::new(),
        };
        deltas.extend(chunk.usage.map(count));
        Ok(deltas)
    }

    fn end(&mut self) -> Result<Vec<Delta>, ProviderError> {
        let Some(stop) = self.stop.filter(|_| !self.over) else {
            return Err(ProviderError::new(Category::Cut, "the stream ended without a finish reason"));
        };
        self.over = true;
        let mut deltas = self.take_calls();
        // Some finish with `stop` although they call tools, and with `tool_calls` although they do not.
        let stop = match stop {
            StopReason::EndTurn | StopReason::ToolUse if self.called => StopReason::ToolUse,
            StopReason::ToolUse => StopReason::EndTurn,
            other => other,
        };
        deltas.push(Delta::Stop(stop));
        Ok(deltas)
    }

    fn settled(&self) -> bool {
        self.stop.is_some()
    }

    fn over(&self) -> bool {
        self.over
    }
}

fn count(counts: Counts) -> Delta {
    let cached = counts.prompt_tokens_details.cached_tokens;
    Delta::Usage(Usage { input: counts.prompt_tokens, output: counts.completion_tokens, cached })
}

fn stop_reason(reason: &str) -> StopReason {
    match reason {
        "tool_calls" | "function_call" => StopReason::ToolUse,
        "length" | "max_tokens" => StopReason::MaxTokens,
        "content_filter" => StopReason::Refusal,
        _ => StopReason::EndTurn,
    }
}
