//! The offline assistant: what answers when no model is configured. No key, no network, deterministic.
//!
//! It understands a handful of commands and plain requests for the same ([`intent`]); whatever needs doing is done by
//! calling the registry's tools, as a model would, and worded from their results ([`wording`]). It never pretends to
//! understand more.

use super::{ChatRequest, Delta, DeltaStream, Provider, StopReason};
use crate::wire::{id::CallId, message::Usage, tool::ToolCall};
use futures::{StreamExt, stream};
use std::time::Duration;

mod answers;
mod intent;
mod phrases;
mod places;
pub(super) mod text;
mod wording;

use intent::Intent;

/// The offline assistant.
#[derive(Clone, Copy, Debug, Default)]
pub struct Offline {
    /// Between two words; none if zero.
    pub delay: Duration,
}

impl Provider for Offline {
    fn stream(&self, request: ChatRequest) -> DeltaStream {
        let reply = Reply::to(&request);
        let input = text::input_words(&request);
        let (delay, pieces) = (self.delay, owned_pieces(reply.text));
        let output = u64::try_from(pieces.len()).unwrap_or(u64::MAX);
        let stop = if reply.calls.is_empty() { StopReason::EndTurn } else { StopReason::ToolUse };
        let end = reply
            .calls
            .into_iter()
            .map(Delta::ToolUse)
            .chain([Delta::Usage(Usage { input, output, cached: 0 }), Delta::Stop(stop)]);
        let words = stream::iter(pieces.into_iter().map(Delta::Text));
        if delay.is_zero() {
            return words.chain(stream::iter(end)).map(Ok).boxed();
        }
        let slow = words.then(move |word| async move {
            tokio::time::sleep(delay).await;
            word
        });
        slow.chain(stream::iter(end)).map(Ok).boxed()
    }
}

fn owned_pieces(text: String) -> Vec<String> {
    text::pieces(&text).map(str::to_owned).collect()
}

/// What is said and what is called.
#[derive(Debug, Default, PartialEq)]
struct Reply {
    text: String,
    calls: Vec<ToolCall>,
}

impl Reply {
    fn to(request: &ChatRequest) -> Self {
        if text::results(request).next().is_some() {
            return Self { text: wording::of_results(request), calls: Vec::new() };
        }
        let asked = text::asked(request);
        if asked.trim().is_empty() {
            return Self { text: answers::nothing_to_read(request), calls: Vec::new() };
        }
        Self::carry_out(request, intent::read(asked))
    }

    fn carry_out(request: &ChatRequest, intents: Vec<Intent>) -> Self {
        let mut said: Vec<String> = Vec::new();
        let mut calls = Vec::new();
        let before = text::calls(request);
        for intent in intents {
            match intent {
                Intent::Say(answer) if said.contains(&answer) => {}
                Intent::Say(answer) => said.push(answer),
                Intent::Call { tool, arguments } if request.tools.iter().any(|spec| spec.name == tool) => {
                    let id = CallId(format!("offline_{}", before + calls.len() + 1));
                    calls.push(ToolCall::new(id, tool, arguments));
                }
                Intent::Call { tool, .. } => said.push(answers::switched_off(tool)),
            }
        }
        Self { text: said.join("\n\n"), calls }
    }
}

#[cfg(test)]
mod tests;
