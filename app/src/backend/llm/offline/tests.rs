use super::*;
use crate::{
    backend::llm::{Content, RequestTurn},
    wire::tool::{Annotations, ToolSpec},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

const TOOLS: &[&str] = &[
    "sum",
    "calculate",
    "current_time",
    "website_status",
    "analyze_sentiment",
    "get_conversation_history",
    "search_conversations",
    "lorem",
    "rename_conversation",
];

fn spec(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        title: String::new(),
        description: String::new(),
        input_schema: json!({}),
        output_schema: json!({}),
        annotations: Annotations::READ_ONLY,
        server: None,
        ui: None,
    }
}

fn user(content: Vec<Content>) -> RequestTurn {
    RequestTurn { assistant: false, content }
}

fn request(turns: Vec<RequestTurn>, tools: &[&str]) -> ChatRequest {
    let tools = Arc::new(tools.iter().map(|name| Arc::new(spec(name))).collect());
    ChatRequest { model: "assistant".into(), system: String::new(), turns, tools, max_output: 1000 }
}

fn ask(text: &str) -> Reply {
    Reply::to(&request(vec![user(vec![Content::Text(text.into())])], TOOLS))
}

/// What the text makes it call: name and arguments.
fn called(text: &str) -> Vec<(String, Value)> {
    ask(text).calls.into_iter().map(|call| (call.name, call.arguments)).collect()
}

/// What it says to such results of such calls.
fn answered(calls: &[(&str, Value)], results: &[(&str, bool)]) -> String {
    let id = |i: usize| CallId(format!("offline_{}", i + 1));
    let made = calls
        .iter()
        .enumerate()
        .map(|(i, (name, arguments))| Content::ToolCall(ToolCall::new(id(i), *name, arguments.clone())));
    let got = results.iter().enumerate().map(|(i, (text, is_error))| Content::ToolResult {
        call: id(i),
        text: (*text).to_owned(),
        is_error: *is_error,
        pictures: Vec::new(),
    });
    let turns = vec![
        user(vec![Content::Text("do it".into())]),
        RequestTurn { assistant: true, content: made.collect() },
        user(got.collect()),
    ];
    Reply::to(&request(turns, TOOLS)).text
}

#[test]
fn commands_and_plain_requests_call_the_tools() {
    let table = [
        ("sum 2 40", "sum", json!({"numbers": [2, 40]})),
        ("Sum 2, 40 and 1.5", "sum", json!({"numbers": [2, 40, 1.5]})),
        ("add 2 40", "sum", json!({"numbers": [2, 40]})),
        ("/sum 2 40", "sum", json!({"numbers": [2, 40]})),
        ("what is 2 plus 40?", "sum", json!({"numbers": [2, 40]})),
        ("What's the sum of 1, 2 and 3?", "sum", json!({"numbers": [1, 2, 3]})),
        ("2+2", "sum", json!({"numbers": [2, 2]})),
        ("calc 2*(3+4)", "calculate", json!({"expression": "2*(3+4)"})),
        ("how much is 12 divided by 5?", "calculate", json!({"expression": "12 / 5"})),
        ("3 × 4 =", "calculate", json!({"expression": "3 * 4"})),
        ("status example.org", "website_status", json!({"url": "example.org"})),
        ("is example.org up?", "website_status", json!({"url": "example.org"})),
        (
            "Could you check https://example.org/a?b=1 please",
            "website_status",
            json!({"url": "https://example.org/a?b=1"}),
        ),
        ("status http://127.0.0.1:8080/", "website_status", json!({"url": "http://127.0.0.1:8080/"})),
        ("sentiment I love it", "analyze_sentiment", json!({"text": "I love it"})),
        ("How does this sound: I Love it!", "analyze_sentiment", json!({"text": "I Love it!"})),
        ("how does this sound:\nDear all,\nI am glad.", "analyze_sentiment", json!({"text": "Dear all,\nI am glad."})),
        ("history", "get_conversation_history", json!({})),
        ("history 5", "get_conversation_history", json!({"limit": 5})),
        ("what did we talk about?", "get_conversation_history", json!({})),
        ("search holiday", "search_conversations", json!({"query": "holiday"})),
        ("search for holiday plans", "search_conversations", json!({"query": "holiday plans"})),
        ("find messages about holiday?", "search_conversations", json!({"query": "holiday"})),
        ("time", "current_time", json!({})),
        ("what time is it?", "current_time", json!({})),
        ("What time is it in Tokyo?", "current_time", json!({"time_zone": "Asia/Tokyo"})),
        ("time europe/berlin", "current_time", json!({"time_zone": "Europe/Berlin"})),
        ("time utc+2", "current_time", json!({"time_zone": "UTC+2"})),
        ("lorem 200", "lorem", json!({"words": 200})),
        ("please write 50 words", "lorem", json!({"words": 50})),
        ("rename New title", "rename_conversation", json!({"title": "New title"})),
        ("Call this chat Holiday Plans", "rename_conversation", json!({"title": "Holiday Plans"})),
        ("rename this conversation to \"Trip\"", "rename_conversation", json!({"title": "Trip"})),
    ];
    for (text, tool, arguments) in table {
        assert_eq!(called(text), vec![(tool.to_owned(), arguments)], "{text}");
    }
}

#[test]
fn what_needs_no_tool_is_said() {
    let table = [
        ("Hello!", "offline assistant"),
        ("help", "| `sum 2 40` |"),
        ("what can you do?", "| `lorem 200` |"),
        ("Who are you?", "without a language model"),
        ("How do I connect a model?", "PARLEY_ANTHROPIC_API_KEY"),
        ("thanks a lot", "welcome"),
        ("bye", "Goodbye"),
        ("sum", "sum 2 40"),
        ("status", "status example.org"),
        ("Write me a poem about the sea", "did not understand `Write me a poem about the sea`"),
        ("time flies like an arrow when one is busy", "did not understand"),
        ("is my cat up?", "did not understand"),
    ];
    for (text, expected) in table {
        let reply = ask(text);
        assert!(reply.calls.is_empty() && reply.text.contains(expected), "{text}: {reply:?}");
    }
}

#[test]
fn several_lines_are_called_in_parallel() {
    let reply = ask("sum 2 40\n- status example.org\n\nfoo bar\n1. time");
    let names: Vec<_> = reply.calls.iter().map(|call| call.name.as_str()).collect();
    assert_eq!(names, ["sum", "website_status", "current_time"]);
    assert!(reply.text.contains("`foo bar`"));
    let ids: std::collections::HashSet<_> = reply.calls.iter().map(|call| &call.id).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_tool_that_is_off_is_named() {
    let reply = Reply::to(&request(vec![user(vec![Content::Text("sum 1 2".into())])], &["lorem"]));
    assert_eq!(reply.text, "I would use the tool `sum` for that, but it is switched off here.");
    assert!(reply.calls.is_empty());
}

#[test]
fn results_are_worded() {
    assert_eq!(answered(&[("sum", json!({"numbers": [2, 40]}))], &[("2 + 40 = 42", false)]), "2 + 40 = **42**");
    assert_eq!(answered(&[("calculate", json!({}))], &[("2 * 3 = 6", false)]), "2 \\* 3 = **6**");
    let failed = answered(&[("website_status", json!({"url": "x.y"}))], &[("no such host", true)]);
    assert_eq!(failed, "That did not work. `website_status` answered:\n\n> no such host");
    let two = [("sum", json!({"numbers": [1, 2]})), ("website_status", json!({"url": "example.org"}))];
    assert_eq!(
        answered(&two, &[("1 + 2 = 3", false), ("refused | denied", true)]),
        "| Asked | Answer |\n|---|---|\n| 1 + 2 | **3** |\n| `example.org` | did not work: refused \\| denied |"
    );
    assert_eq!(answered(&[("lorem", json!({"words": 3}))], &[("lorem ipsum dolor", false)]), "lorem ipsum dolor");
    let title = answered(&[("website_status", json!({"url": "x.y"}))], &[("Its title: <b>*A* = [B](c) & d", false)]);
    assert_eq!(title, r"Its title: \<b\>\*A\* = \[B\](c) \& d");
}

#[tokio::test]
async fn the_answer_comes_word_by_word_and_counts_them() {
    let turns = vec![
        user(vec![Content::Text("lorem 3".into())]),
        RequestTurn {
            assistant: true,
            content: vec![Content::ToolCall(ToolCall::new(CallId("offline_1".into()), "lorem", json!({"words": 3})))],
        },
        user(vec![Content::ToolResult {
            call: CallId("offline_1".into()),
            text: "a b  c".into(),
            is_error: false,
            pictures: Vec::new(),
        }]),
    ];
    for delay in [Duration::ZERO, Duration::from_millis(1)] {
        let deltas: Vec<_> =
            Offline { delay }.stream(request(turns.clone(), TOOLS)).map(Result::unwrap).collect().await;
        assert_eq!(
            deltas,
            [
                Delta::Text("a ".into()),
                Delta::Text("b  ".into()),
                Delta::Text("c".into()),
                Delta::Usage(Usage { input: 5, output: 3, cached: 0 }),
                Delta::Stop(StopReason::EndTurn),
            ]
        );
    }
}

#[test]
fn pieces_join_to_the_text() {
    for text in ["", "  ", "a", " a  b\n", "übung macht\u{a0}x"] {
        assert_eq!(text::pieces(text).collect::<String>(), text);
    }
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}|(?s).{0,200}") {
        let reply = ask(&text);
        prop_assert!(!reply.text.is_empty() || !reply.calls.is_empty());
    }

    #[test]
    fn anything_after_a_known_word_is_answered(
        word in "(sum|calc|status|time|search for|rename|is|what is|history|lorem|how does this sound:|call this chat) ",
        text in "(?s).{0,60}",
    ) {
        let reply = ask(&format!("{word}{text}"));
        prop_assert!(!reply.text.is_empty() || !reply.calls.is_empty());
    }

    #[test]
    fn any_result_is_worded(name in prop::sample::select(TOOLS), text in "(?s).{0,80}", is_error: bool, arguments in "\\PC{0,10}") {
        let worded = answered(&[(name, json!(arguments))], &[(&text, is_error)]);
        prop_assert!(!worded.is_empty());
    }
}
