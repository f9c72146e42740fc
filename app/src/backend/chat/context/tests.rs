//! Whatever was said before: what a model is asked fits its window, ends with the question and has the shape that
//! providers accept.

#![expect(clippy::unwrap_used, reason = "tests")]

mod summary;
mod window;

use super::*;
use crate::{
    backend::{llm::scripted::Scripted, test, tools::schema},
    wire::{
        message::Author,
        tool::{ToolCall, ToolOutcome, ToolSpec},
    },
};
use proptest::prelude::*;
use std::sync::Arc;
use uuid::Uuid;

/// A piece of a reply, by the bytes of what it holds.
#[derive(Clone, Debug)]
enum Piece {
    Text(usize),
    Thought(usize, bool),
    /// Its arguments, whether those are an object, and its result, unless it has none.
    Call(usize, bool, Option<usize>),
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let size = || prop_oneof![4 => 0usize..80, 1 => 0usize..1_500];
    let piece = prop_oneof![
        3 => size().prop_map(Piece::Text),
        1 => (size(), any::<bool>()).prop_map(|(size, sealed)| Piece::Thought(size, sealed)),
        3 => (size(), prop::bool::weighted(0.8), prop::option::weighted(0.8, size()))
            .prop_map(|(arguments, object, result)| Piece::Call(arguments, object, result)),
    ];
    prop::collection::vec(piece, 0..7)
}

/// Questions, each with its reply, and the question that is to be answered.
fn exchanges() -> impl Strategy<Value = (Vec<(usize, Vec<Piece>)>, usize)> {
    let size = || prop_oneof![4 => 0usize..80, 1 => 0usize..3_000];
    (prop::collection::vec((size(), pieces()), 0..12), size())
}

fn message(at: usize, role: Role, parts: Vec<Part>) -> Message {
    let author = Author { id: Uuid::from_u128(1).into(), name: "ann".to_owned() };
    Message {
        author: (role == Role::User).then_some(author),
        model: (role == Role::Assistant).then(|| ModelId("scripted/test".to_owned())),
        ..test::message(Uuid::from_u128(at as u128).into(), role, parts)
    }
}

/// The text of the question at that place: no two are alike.
fn question(at: usize, size: usize) -> String {
    format!("<{at}>{}", "é".repeat(size / 2))
}

fn asks_with(at: usize, size: usize) -> Message {
    message(at, Role::User, vec![Part::Text { text: question(at, size) }])
}

fn replies_with(at: usize, pieces: &[Piece]) -> Message {
    let mut parts = Vec::new();
    let mut results = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        // As the loop writes them: the results of a round follow its calls.
        if !matches!(piece, Piece::Call(..)) {
            parts.append(&mut results);
        }
        match piece {
            Piece::Text(size) => parts.push(Part::Text { text: "x".repeat(*size) }),
            Piece::Thought(size, sealed) => {
                parts.push(Part::Thinking { text: "y".repeat(*size), signature: sealed.then(|| "seal".to_owned()) });
            }
            Piece::Call(arguments, object, result) => {
                let id = CallId(format!("{at}/{n}"));
                let text = "z".repeat(*arguments);
                let arguments = if *object { json!({ "text": text }) } else { json!(text) };
                parts.push(Part::ToolCall(ToolCall::new(id.clone(), "look", arguments)));
                if let Some(size) = result {
                    let outcome = ToolOutcome::ok("r".repeat(*size), json!({}));
                    results.push(Part::ToolResult(ToolResult { call: id, outcome, duration_ms: 1 }));
                }
            }
        }
    }
    parts.append(&mut results);
    message(at, Role::Assistant, parts)
}

fn path((exchanges, last): &(Vec<(usize, Vec<Piece>)>, usize)) -> Vec<Message> {
    let mut path = Vec::new();
    for (asked, reply) in exchanges {
        path.push(asks_with(path.len(), *asked));
        path.push(replies_with(path.len(), reply));
    }
    path.push(asks_with(path.len(), *last));
    path
}

fn model(context_window: u32) -> Model {
    Model {
        id: ModelId("scripted/test".to_owned()),
        name: "Scripted".to_owned(),
        vendor_name: "test".to_owned(),
        context_window,
        max_output: 100,
        history_messages: 50,
        offline: false,
        sees: false,
        provider: Arc::new(Scripted::new().0),
    }
}

fn tools(count: usize) -> Vec<Arc<ToolSpec>> {
    let tool = |n| -> ToolSpec {
        let schema = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
        serde_json::from_value(json!({
            "name": format!("tool_{n}"), "title": "Tool", "description": "Does something.",
            "inputSchema": schema, "outputSchema": schema,
            "annotations": {
                "readOnlyHint": true, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false,
            },
        }))
        .unwrap()
    };
    (0..count).map(|n| Arc::new(tool(n))).collect()
}

/// Bytes of what a model reads, without what providers put around it.
fn bytes(turns: &[RequestTurn]) -> usize {
    let of = |content: &Content| match content {
        Content::Text(text) | Content::Thinking { text, .. } | Content::ToolResult { text, .. } => text.len(),
        Content::ToolCall(call) => {
            let arguments = call.arguments.get("invalid").unwrap_or(&call.arguments);
            call.name.len() + arguments.to_string().len()
        }
        Content::Image { .. } => 0,
    };
    turns.iter().flat_map(|turn| &turn.content).map(of).sum()
}

/// The places of the questions a model reads.
fn questions(turns: &[RequestTurn]) -> Vec<usize> {
    let texts = turns.iter().filter(|turn| !turn.assistant).flat_map(|turn| &turn.content);
    let place = |content: &Content| match content {
        Content::Text(text) => text.split_once('<')?.1.split_once('>')?.0.parse().ok(),
        _ => None,
    };
    texts.filter_map(place).collect()
}

/// The calls and the results of a turn, in order.
fn calls_and_results(turn: &RequestTurn) -> (Vec<&CallId>, Vec<&CallId>) {
    let (mut calls, mut results) = (Vec::new(), Vec::new());
    for content in &turn.content {
        match content {
            Content::ToolCall(call) => calls.push(&call.id),
            Content::ToolResult { call, .. } => results.push(call),
            _ => {}
        }
    }
    (calls, results)
}

/// What the module promises of the shape of any request.
fn is_well_formed(turns: &[RequestTurn]) -> Result<(), TestCaseError> {
    prop_assert!(asks(&turns[0]), "it begins with a question");
    prop_assert!(turns.windows(2).all(|pair| pair[0].assistant != pair[1].assistant), "the sides alternate");
    let mut open = Vec::new();
    for turn in turns {
        let (calls, results) = calls_and_results(turn);
        prop_assert_eq!(&results, &open, "the results are those of the calls before");
        prop_assert!(turn.assistant || calls.is_empty());
        open = calls;
    }
    prop_assert!(open.is_empty(), "no call stays without its result");
    Ok(())
}

proptest! {
    #[test]
    fn the_newest_that_fit_are_asked_and_nothing_older(
        said in exchanges(), window in 101u32..9_000, several in any::<bool>(), offered in 0usize..4
    ) {
        let (path, tools) = (path(&said), tools(offered));
        let advertised: u64 = tools.iter().map(|tool| schema::cost(tool)).sum();
        let History { turns, whole } = history(&path, &model(window), several, advertised);
        is_well_formed(&turns)?;

        let last = turns.last().unwrap();
        let newest = question(path.len() - 1, said.1);
        prop_assert!(!last.assistant);
        prop_assert!(matches!(last.content.last(), Some(Content::Text(text)) if text.ends_with(&newest)));

        let asked = questions(&turns);
        let all: Vec<usize> = (0..path.len()).step_by(2).collect();
        prop_assert!(all.ends_with(&asked), "{:?} of {:?}", asked, all);
        prop_assert_eq!(whole, asked.len() == all.len(), "it says whether that is all");

        let fixed = tokens(SYSTEM.len()) + usize::try_from(advertised).unwrap();
        let room = (model(window).room() as usize).saturating_sub(fixed);
        if turns.len() > 1 {
            prop_assert!(tokens(bytes(&turns)) <= room, "{} of {room} tokens", tokens(bytes(&turns)));
        }
        let whole: usize = path.iter().flat_map(|m| &m.parts).map(|part| PER_PART + tokens(weight(part))).sum();
        if whole <= room {
            prop_assert_eq!(asked, all, "what fits is not left out");
        }
    }
}
