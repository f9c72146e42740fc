//! Reading a request: what was asked, what tools answered, how many words there are.

use super::super::{ChatRequest, Content};
use crate::wire::{id::CallId, tool::ToolCall};

/// The texts that people wrote since the last reply, each after what it refers to.
pub(in super::super) fn said(request: &ChatRequest) -> Vec<&str> {
    let turns = request.turns.iter().rev().filter(|turn| !turn.assistant);
    let mut texts = turns.map(|turn| {
        let texts = turn.content.iter().filter_map(|c| if let Content::Text(t) = c { Some(t.as_str()) } else { None });
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>()
    });
    texts.find(|texts| !texts.is_empty()).unwrap_or_default()
}

/// The last of them. A turn may hold several messages: those before were left unanswered.
pub(in super::super) fn asked(request: &ChatRequest) -> &str {
    said(request).pop().unwrap_or_default()
}

/// How often tools have answered since a person last wrote.
pub(in super::super) fn round(request: &ChatRequest) -> usize {
    let answers = |content: &[Content]| content.iter().any(|c| matches!(c, Content::ToolResult { .. }));
    request.turns.iter().rev().filter(|turn| !turn.assistant).take_while(|turn| answers(&turn.content)).count()
}

/// The tools' answers in the request's last turn: call, text, whether it failed.
pub(in super::super) fn results(request: &ChatRequest) -> impl Iterator<Item = (&CallId, &str, bool)> {
    request.last_contents().iter().filter_map(|content| match content {
        Content::ToolResult { call, text, is_error, .. } => Some((call, text.as_str(), *is_error)),
        _ => None,
    })
}

/// The call with that id.
pub(super) fn call<'a>(request: &'a ChatRequest, id: &CallId) -> Option<&'a ToolCall> {
    request.turns.iter().rev().flat_map(|turn| &turn.content).find_map(|content| match content {
        Content::ToolCall(call) if &call.id == id => Some(call),
        _ => None,
    })
}

/// How many calls the request holds: new ids count on from here.
pub(in super::super) fn calls(request: &ChatRequest) -> usize {
    let contents = request.turns.iter().flat_map(|turn| &turn.content);
    contents.filter(|c| matches!(c, Content::ToolCall(_))).count()
}

/// Words of the whole request: what stands for input tokens.
pub(in super::super) fn input_words(request: &ChatRequest) -> u64 {
    let contents = request.turns.iter().flat_map(|turn| &turn.content);
    contents
        .map(|content| match content {
            Content::Text(text) | Content::ToolResult { text, .. } => words(text),
            _ => 0,
        })
        .sum()
}

/// Words of a text.
pub(in super::super) fn words(text: &str) -> u64 {
    u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX)
}

/// The text word by word, each with the white space that follows it: joined they are the text again.
pub(in super::super) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let gap = rest[word..].find(char::is_whitespace).map_or(rest.len(), |at| word + at);
        let end = rest[gap..].find(|c: char| !c.is_whitespace()).map_or(rest.len(), |at| gap + at);
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}
