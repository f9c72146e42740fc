//! From tools' results to an answer. The text is the tool's own; what is added is a frame, never a fact.
//!
//! Tools give plain text and an answer is Markdown, so whatever of theirs could format, link or open a tag is escaped.
//! Their lists, a line with a dash for each item, are Markdown as they stand.

use super::{super::ChatRequest, answers, text};
use crate::wire::tool::ToolCall;
use serde_json::Value;

/// The answer to the results in the request's last turn, in the order of their calls.
pub(super) fn of_results(request: &ChatRequest) -> String {
    let results: Vec<_> =
        text::results(request).map(|(id, text, is_error)| (text::call(request, id), text, is_error)).collect();
    if let [(call, text, is_error)] = results[..] {
        return single(call, text, is_error);
    }
    if results.iter().all(|(_, text, _)| text.trim().lines().count() == 1 && text.chars().count() <= 300) {
        let rows = results.iter().map(|(call, text, is_error)| row(*call, text, *is_error));
        return format!("| Asked | Answer |\n|---|---|\n{}", rows.collect::<Vec<_>>().join("\n"));
    }
    let parts = results.iter().map(|(call, text, is_error)| {
        format!("**{}**\n\n{}", call.map_or_else(|| "Result".to_owned(), asked), single(*call, text, *is_error))
    });
    parts.collect::<Vec<_>>().join("\n\n")
}

fn single(call: Option<&ToolCall>, text: &str, is_error: bool) -> String {
    let text = text.trim();
    if is_error {
        return failed(call, text);
    }
    if text.is_empty() {
        return "Done; the tool had nothing to say.".to_owned();
    }
    match worked_out(call, text) {
        Some((question, value)) => format!("{} = **{}**", escaped(question), escaped(value)),
        None => escaped(text),
    }
}

fn failed(call: Option<&ToolCall>, text: &str) -> String {
    let tool = call.map_or("tool", |call| call.name.as_str());
    if text.is_empty() {
        return format!("That did not work: `{tool}` failed without saying why.");
    }
    format!("That did not work. `{tool}` answered:\n\n> {}", escaped(text).replace('\n', "\n> "))
}

fn row(call: Option<&ToolCall>, text: &str, is_error: bool) -> String {
    let asked = call.map_or_else(|| "?".to_owned(), asked);
    let text = text.trim();
    let answer = match worked_out(call, text) {
        _ if is_error => format!("did not work: {}", escaped(text)),
        // The first column holds the question.
        Some((_, value)) => format!("**{}**", escaped(value)),
        None => escaped(text),
    };
    format!("| {} | {answer} |", asked.replace('|', "\\|"))
}

/// The question and its value, as the tools for numbers tell them.
fn worked_out<'a>(call: Option<&ToolCall>, text: &'a str) -> Option<(&'a str, &'a str)> {
    call.filter(|call| matches!(call.name.as_str(), "sum" | "calculate")).and_then(|_| text.rsplit_once(" = "))
}

/// Plain text as Markdown that says the same.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The call as a reader would put it.
fn asked(call: &ToolCall) -> String {
    let text = |key: &str| call.arguments.get(key).and_then(Value::as_str).unwrap_or_default();
    match call.name.as_str() {
        "sum" => {
            let numbers = call.arguments.get("numbers").and_then(Value::as_array);
            let numbers = numbers.into_iter().flatten().map(ToString::to_string);
            numbers.collect::<Vec<_>>().join(" + ")
        }
        "calculate" => answers::quoted(text("expression")),
        "website_status" => answers::quoted(text("url")),
        "analyze_sentiment" => format!("Mood of {}", answers::quoted(text("text"))),
        "search_conversations" => format!("Search for {}", answers::quoted(text("query"))),
        "current_time" if text("time_zone").is_empty() => "Time".to_owned(),
        "current_time" => format!("Time in {}", answers::quoted(text("time_zone"))),
        "get_conversation_history" => "History".to_owned(),
        "rename_conversation" => format!("Rename to {}", answers::quoted(text("title"))),
        "lorem" => "Lorem ipsum".to_owned(),
        other => format!("`{other}`"),
    }
}
