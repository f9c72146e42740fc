//! From the Messages API's events to deltas: pure, stateful.

use super::{
    super::{Category, Delta, ProviderError, StopReason, names::ToolNames, sse::Mapper},
    wire::{Block, BlockDelta, Counts, Event},
};
use crate::wire::{id::CallId, message::Usage, tool::ToolCall};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Marks the seal of reasoning the vendor keeps to itself (`redacted_thinking`): its data go back as they came.
pub(super) const REDACTED: &str = "redacted_thinking:";

/// Reads one reply.
#[derive(Debug, Default)]
pub(super) struct AnthropicMapper {
    names: ToolNames,
    calls: BTreeMap<usize, Calling>,
    counts: Counts,
    stop: Option<StopReason>,
    over: bool,
}

/// A tool call whose arguments are still coming.
#[derive(Debug)]
struct Calling {
    id: CallId,
    name: String,
    begun: Value,
    json: String,
}

impl AnthropicMapper {
    /// A mapper of the reply to a request with these tools.
    pub(super) fn new(names: ToolNames) -> Self {
        Self { names, ..Self::default() }
    }

    fn begin(&mut self, index: usize, block: Block) -> Vec<Delta> {
        match block {
            Block::Text { text } if !text.is_empty() => vec![Delta::Text(text)],
            Block::Thinking { thinking, signature } if !thinking.is_empty() || !signature.is_empty() => {
                vec![Delta::Thinking { text: thinking, signature: Some(signature).filter(|s| !s.is_empty()) }]
            }
            Block::RedactedThinking { data } => {
                vec![Delta::Thinking { text: String::new(), signature: Some(format!("{REDACTED}{data}")) }]
            }
            Block::ToolUse { id, name, input } => {
                let name = self.names.inward(&name);
                self.calls.insert(index, Calling { id: CallId(id), name, begun: input, json: String::new() });
                Vec::new()
            }
            Block::Text { .. } | Block::Thinking { .. } | Block::Other => Vec::new(),
        }
    }

    fn more(&mut self, index: usize, delta: BlockDelta) -> Option<Delta> {
        match delta {
            BlockDelta::TextDelta { text } if !text.is_empty() => Some(Delta::Text(text)),
            BlockDelta::ThinkingDelta { thinking } if !thinking.is_empty() => {
                Some(Delta::Thinking { text: thinking, signature: None })
            }
            BlockDelta::SignatureDelta { signature } => {
                Some(Delta::Thinking { text: String::new(), signature: Some(signature) })
            }
            BlockDelta::InputJsonDelta { partial_json } => {
                if let Some(call) = self.calls.get_mut(&index) {
                    call.json.push_str(&partial_json);
                }
                None
            }
            _ => None,
        }
    }

    fn count(&mut self, new: Counts) -> Delta {
        let all = &mut self.counts;
        all.input_tokens = new.input_tokens.or(all.input_tokens);
        all.output_tokens = new.output_tokens.or(all.output_tokens);
        all.cache_read_input_tokens = new.cache_read_input_tokens.or(all.cache_read_input_tokens);
        all.cache_creation_input_tokens = new.cache_creation_input_tokens.or(all.cache_creation_input_tokens);
        let cached = all.cache_read_input_tokens.unwrap_or_default();
        // The API counts what the cache served and took apart from the rest.
        let input = all.input_tokens.unwrap_or_default() + cached + all.cache_creation_input_tokens.unwrap_or_default();
        Delta::Usage(Usage { input, output: all.output_tokens.unwrap_or_default(), cached })
    }
}

impl Calling {
    fn whole(self) -> Delta {
        let arguments = match self.json.trim() {
            "" if self.begun.is_object() => Ok(self.begun),
            "" => Ok(Value::Object(Map::new())),
            json => serde_json::from_str(json),
        };
        match arguments {
            Ok(arguments) => Delta::ToolUse(ToolCall::new(self.id, self.name, arguments)),
            Err(error) => Delta::BadToolUse { id: self.id, name: self.name, raw: self.json, reason: error.to_string() },
        }
    }
}

impl Mapper for AnthropicMapper {
    fn event(&mut self, data: &str) -> Result<Vec<Delta>, ProviderError> {
        let event: Event = serde_json::from_str(data)
            .map_err(|e| ProviderError::new(Category::Protocol, format!("an event is not as documented: {e}")))?;
        Ok(match event {
            Event::MessageStart { message } => vec![self.count(message.usage)],
            Event::ContentBlockStart { index, content_block } => self.begin(index, content_block),
            Event::ContentBlockDelta { index, delta } => self.more(index, delta).into_iter().collect(),
            Event::ContentBlockStop { index } => self.calls.remove(&index).map(Calling::whole).into_iter().collect(),
            Event::MessageDelta { delta, usage } => {
                self.stop = delta.stop_reason.as_deref().map(stop_reason).or(self.stop);
                vec![self.count(usage)]
            }
            Event::MessageStop => self.end()?,
            Event::Error { error } => return Err(ProviderError::from_event(&error)),
            Event::Other => Vec::new(),
        })
    }

    fn end(&mut self) -> Result<Vec<Delta>, ProviderError> {
        let Some(stop) = self.stop.filter(|_| !self.over) else {
            return Err(ProviderError::new(Category::Cut, "the stream ended without a stop reason"));
        };
        self.over = true;
        Ok(vec![Delta::Stop(stop)])
    }

    fn settled(&self) -> bool {
        self.stop.is_some()
    }

    fn over(&self) -> bool {
        self.over
    }
}

fn stop_reason(reason: &str) -> StopReason {
    match reason {
        "tool_use" => StopReason::ToolUse,
        "max_tokens" | "model_context_window_exceeded" => StopReason::MaxTokens,
        "refusal" => StopReason::Refusal,
        // `end_turn`, `stop_sequence` and, as no tools of the vendor's own are used, `pause_turn`.
        _ => StopReason::EndTurn,
    }
}
