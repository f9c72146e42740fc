//! From a message to what is wanted: commands first, plain phrases second, an honest «I did not understand» last.

use super::{answers, phrases};
use serde_json::{Value, json};

/// Requests in one message that are carried out: more is a paste, not a request.
const INTENTS_MAX: usize = 8;

/// One thing that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Intent {
    /// An answer that needs no tool.
    Say(String),
    /// A tool is to be called.
    Call { tool: &'static str, arguments: Value },
}

impl Intent {
    pub(super) fn call(tool: &'static str, arguments: Value) -> Self {
        Self::Call { tool, arguments }
    }
}

/// Everything wanted by a message, in its order; never empty.
pub(super) fn read(asked: &str) -> Vec<Intent> {
    let lines: Vec<&str> = asked.lines().map(without_marker).filter(|line| !line.is_empty()).collect();
    let Some((first, rest)) = lines.split_first() else { return vec![Intent::Say(answers::not_understood(asked))] };
    let understood: Vec<Option<Intent>> = rest.iter().take(INTENTS_MAX * 4).map(|line| understand(line)).collect();
    if rest.is_empty() || understood.iter().all(Option::is_none) {
        // One request, perhaps with a text of several lines («how does this sound: …»).
        let whole = lines.join("\n");
        let intent = understand(&whole).or_else(|| understand(first));
        return vec![intent.unwrap_or_else(|| Intent::Say(answers::not_understood(first)))];
    }
    let missed = |line: &&str| Intent::Say(answers::not_understood(line));
    let first_intent = understand(first).unwrap_or_else(|| missed(first));
    let others = rest.iter().zip(understood).map(|(line, intent)| intent.unwrap_or_else(|| missed(line)));
    let mut all: Vec<Intent> = std::iter::once(first_intent).chain(others).collect();
    if all.len() > INTENTS_MAX {
        all.truncate(INTENTS_MAX);
        all.push(Intent::Say(answers::too_many(INTENTS_MAX)));
    }
    all
}

/// A line without the bullet, number or slash it may begin with.
fn without_marker(line: &str) -> &str {
    let line = line.trim();
    let line = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).unwrap_or(line).trim_start();
    let line = match line.split_once(". ") {
        Some((number, rest)) if !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()) => rest.trim_start(),
        _ => line,
    };
    line.strip_prefix('/').filter(|l| l.starts_with(|c: char| c.is_alphabetic())).unwrap_or(line)
}

fn understand(line: &str) -> Option<Intent> {
    command(line).or_else(|| phrases::understand(line))
}

/// A line that begins with a command's name and goes on as that command does.
fn command(line: &str) -> Option<Intent> {
    let (verb, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let (verb, rest) = (verb.trim_end_matches([':', '!', '?', '.']).to_lowercase(), rest.trim());
    match verb.as_str() {
        "help" | "?" | "commands" if rest.len() < 12 => Some(Intent::Say(answers::help())),
        "sum" | "add" if rest.is_empty() => Some(Intent::Say(answers::usage("sum 2 40"))),
        "sum" | "add" => numbers(rest).map(|numbers| Intent::call("sum", json!({ "numbers": numbers }))),
        "calc" | "calculate" | "compute" if rest.is_empty() => Some(Intent::Say(answers::usage("calc 2*(3+4)"))),
        "calc" | "calculate" | "compute" => Some(calculate(rest)),
        "status" | "ping" if rest.is_empty() => Some(Intent::Say(answers::usage("status example.org"))),
        "status" | "ping" => phrases::website(rest).map(status),
        "sentiment" | "mood" if rest.is_empty() => Some(Intent::Say(answers::usage("sentiment I love this!"))),
        "sentiment" | "mood" => Some(sentiment(rest)),
        "history" => history(rest),
        "search" if rest.is_empty() => Some(Intent::Say(answers::usage("search holiday"))),
        "search" if !rest.to_lowercase().starts_with("for ") => Some(search(rest)),
        "time" | "date" | "clock" => phrases::time(rest),
        "lorem" if rest.is_empty() || rest.eq_ignore_ascii_case("ipsum") => Some(lorem(100)),
        "lorem" => rest.split_whitespace().find_map(|w| w.parse().ok()).map(lorem),
        "rename" | "title" if rest.is_empty() => Some(Intent::Say(answers::usage("rename Holiday plans"))),
        "rename" if !phrases::speaks_of_chat(rest) => Some(rename(rest)),
        _ => None,
    }
}

/// A calculation; typographic operators become those the tool knows.
pub(super) fn calculate(expression: &str) -> Intent {
    let plain = expression.trim().trim_end_matches(['?', '=', '!']).trim();
    let plain: String = plain
        .chars()
        .map(|c| match c {
            '×' | '·' | '⋅' => '*',
            '÷' | '∶' => '/',
            '−' | '–' => '-',
            other => other,
        })
        .collect();
    Intent::call("calculate", json!({ "expression": plain }))
}

/// The state of a website.
pub(super) fn status(url: String) -> Intent {
    Intent::call("website_status", json!({ "url": url }))
}

/// The mood of a text.
pub(super) fn sentiment(text: &str) -> Intent {
    Intent::call("analyze_sentiment", json!({ "text": text.trim() }))
}

/// A search in the person's conversations.
pub(super) fn search(query: &str) -> Intent {
    let query = query.trim().trim_end_matches(['?', '.', '!']).trim_matches(['"', '“', '”', '«', '»', '\'']);
    Intent::call("search_conversations", json!({ "query": query.trim() }))
}

/// A new title for the conversation.
pub(super) fn rename(title: &str) -> Intent {
    let title = title.trim().trim_end_matches('.').trim_matches(['"', '“', '”', '«', '»', '\'']).trim();
    Intent::call("rename_conversation", json!({ "title": title }))
}

/// So many words of filler; the tool says how many it gives at most.
pub(super) fn lorem(words: u64) -> Intent {
    Intent::call("lorem", json!({ "words": words }))
}

fn history(rest: &str) -> Option<Intent> {
    if rest.is_empty() {
        return Some(Intent::call("get_conversation_history", json!({})));
    }
    let limit: u64 = rest.parse().ok()?;
    Some(Intent::call("get_conversation_history", json!({ "limit": limit })))
}

/// The numbers of a list written as people write them; `None` if anything else stands among them.
pub(super) fn numbers(text: &str) -> Option<Vec<Value>> {
    let separators = |c: char| c.is_whitespace() || matches!(c, ';' | '+' | '&');
    let words = text.trim().trim_end_matches(['?', '.', '!', '=']).split(separators);
    let words = words.flat_map(|w| w.split(", ")).map(|w| w.trim_end_matches(',')).filter(|w| !w.is_empty());
    let numbers: Option<Vec<Value>> = words
        .filter(|w| !matches!(w.to_lowercase().as_str(), "and" | "plus" | "to" | "with" | "the" | "numbers" | "of"))
        .flat_map(|w| w.split(','))
        .map(number)
        .collect();
    numbers.filter(|n| !n.is_empty())
}

fn number(word: &str) -> Option<Value> {
    if let Ok(whole) = word.parse::<i64>() {
        return Some(json!(whole));
    }
    let plain = word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    word.parse::<f64>().ok().filter(|n| plain && n.is_finite()).map(|n| json!(n))
}
