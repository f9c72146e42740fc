//! Plain requests for what the commands do, in everyday English; whatever is not clearly one of them is left alone.

use super::{
    answers,
    intent::{Intent, calculate, lorem, numbers, rename, search, sentiment, status},
    places,
};
use serde_json::json;

/// The first phrase that fits.
pub(super) fn understand(text: &str) -> Option<Intent> {
    let lower = text.trim().to_lowercase();
    let lower = polite(&lower);
    small_talk(lower)
        .or_else(|| mood(text))
        .or_else(|| title(text))
        .or_else(|| clock(lower))
        .or_else(|| site(lower))
        .or_else(|| arithmetic(lower))
        .or_else(|| past(lower))
        .or_else(|| filler(lower))
}

/// The request without its courtesies.
fn polite(mut lower: &str) -> &str {
    const COURTESIES: &[&str] =
        &["please ", "can you ", "could you ", "would you ", "hey, ", "hi, ", "hello, ", "and ", "then ", "tell me "];
    while let Some(rest) = COURTESIES.iter().find_map(|c| lower.strip_prefix(c)) {
        lower = rest.trim_start();
    }
    lower.trim_end().trim_end_matches(" please").trim_end_matches(" please?").trim_end_matches(", thanks")
}

fn small_talk(lower: &str) -> Option<Intent> {
    let plain: String = lower.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '\'').collect();
    let plain = plain.trim();
    let first = plain.split(' ').next().unwrap_or_default();
    let short = plain.split_whitespace().count() <= 4;
    let has = |words: &[&str]| words.iter().any(|w| plain.contains(w));
    if has(&["api key", "connect a model", "add a model", "real model", "configure a model", "give you a model"]) {
        return Some(Intent::Say(answers::setup()));
    }
    if has(&["who are you", "what are you", "are you a real", "are you an ai", "are you chatgpt", "are you claude"]) {
        return Some(Intent::Say(answers::about()));
    }
    if has(&["what can you do", "how do i use", "what do you do", "what tools", "which tools", "how does this work"]) {
        return Some(Intent::Say(answers::help()));
    }
    if short && (matches!(first, "thanks" | "thx" | "danke") || plain.starts_with("thank you")) {
        return Some(Intent::Say(answers::welcome()));
    }
    if short && (matches!(first, "bye" | "goodbye" | "ciao") || plain.starts_with("see you")) {
        return Some(Intent::Say(answers::goodbye()));
    }
    let greets = matches!(first, "hi" | "hello" | "hey" | "hallo" | "moin" | "servus" | "greetings" | "howdy")
        || ["good morning", "good evening", "good afternoon", "good day", "how are you"]
            .iter()
            .any(|g| plain.starts_with(g));
    (short && greets).then(|| Intent::Say(answers::greeting()))
}

/// What follows the first of `openings` in `text`, whatever its case.
fn after<'a>(text: &'a str, openings: &[&str]) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    openings.iter().find_map(|opening| lower.find(opening).map(|at| text[at + opening.len()..].trim_start()))
}

fn mood(text: &str) -> Option<Intent> {
    let openings =
        ["how does this sound", "how does that sound", "how does it sound", "sentiment of", "mood of", "tone of"];
    let rest = after(text, &openings)?.trim_start_matches([':', ',', '-', '?']).trim();
    let rest = rest.strip_prefix("this:").or_else(|| rest.strip_prefix("this text:")).unwrap_or(rest);
    let rest = rest.trim().trim_matches(['"', '“', '”', '«', '»']);
    if rest.is_empty() {
        return Some(Intent::Say(answers::usage("how does this sound: I love the new design!")));
    }
    Some(sentiment(rest))
}

/// Whether «rename …» goes on with the chat's own name for itself rather than with a title.
pub(super) fn speaks_of_chat(rest: &str) -> bool {
    let lower = rest.to_ascii_lowercase();
    ["this ", "the chat", "the conversation", "our ", "it to "].iter().any(|w| lower.starts_with(w))
}

fn title(text: &str) -> Option<Intent> {
    let lower = text.to_ascii_lowercase();
    let asks = ["call ", "rename ", "title ", "name "].iter().any(|verb| lower.contains(verb));
    let openings =
        ["this chat ", "this conversation ", "the chat ", "the conversation ", "our chat ", "this room ", "rename it "];
    let rest = asks.then(|| after(text, &openings)).flatten()?;
    let rest = ["to ", "as ", "into "].iter().find_map(|w| rest.strip_prefix(w)).unwrap_or(rest);
    (!rest.trim().is_empty()).then(|| rename(rest))
}

fn clock(lower: &str) -> Option<Intent> {
    let openings =
        ["what time is it", "what's the time", "what is the time", "current time", "what day is it", "what's the date"];
    let more = ["what is the date", "what date is it", "time now", "what is today", "time is it"];
    let rest = after(lower, &openings).or_else(|| after(lower, &more))?;
    time(rest)
}

/// The time where `rest` says: «in Tokyo», «UTC», «Europe/Berlin», or here.
pub(super) fn time(rest: &str) -> Option<Intent> {
    let rest = rest.trim().trim_end_matches(['?', '.', '!']).trim();
    let place = ["in ", "at ", "for "].iter().find_map(|w| rest.strip_prefix(w)).unwrap_or(rest).trim();
    if matches!(place, "" | "now" | "right now" | "today" | "it" | "here" | "please") {
        return Some(Intent::call("current_time", json!({})));
    }
    (place.split_whitespace().count() <= 4)
        .then(|| Intent::call("current_time", json!({ "time_zone": places::zone(place) })))
}

fn site(lower: &str) -> Option<Intent> {
    let asks =
        [" up", " down", " online", " offline", " reachable", " working", " alive", "check ", "status of", "ping "];
    asks.iter().any(|word| lower.contains(word)).then(|| website(lower)).flatten().map(status)
}

/// The first word that can only be a web address.
pub(super) fn website(text: &str) -> Option<String> {
    text.split_whitespace()
        .map(|word| {
            word.trim_matches(|c: char| matches!(c, '?' | ',' | '!' | '.' | '"' | '\'' | '(' | ')' | '<' | '>'))
        })
        .find(|word| {
            let host = word.split_once("://").map_or(*word, |(_, rest)| rest);
            let host = host.split(['/', '?', '#']).next().unwrap_or_default();
            let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
            let last = name.rsplit('.').next().unwrap_or_default();
            name == "localhost" && word.contains("localhost")
                || name.contains('.')
                    && !last.is_empty()
                    && name.split('.').all(|label| !label.is_empty())
                    && (last.chars().all(char::is_alphabetic) || name.parse::<std::net::IpAddr>().is_ok())
        })
        .map(str::to_owned)
}

fn arithmetic(lower: &str) -> Option<Intent> {
    const OPENINGS: &[&str] =
        &["what is ", "what's ", "whats ", "how much is ", "calculate ", "compute ", "evaluate ", "work out "];
    let rest = OPENINGS.iter().find_map(|o| lower.strip_prefix(o)).unwrap_or(lower);
    let rest = rest.trim_end_matches(['?', '.', '!', '=']).trim();
    if let Some(list) = ["the sum of ", "sum of ", "add "].iter().find_map(|o| rest.strip_prefix(o)) {
        return numbers(list).map(|numbers| Intent::call("sum", json!({ "numbers": numbers })));
    }
    if !rest.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let only_adds = !rest.contains(['*', '/', '^', '(', '-', '%']);
    if only_adds
        && (rest.contains(" plus ") || rest.contains('+'))
        && let Some(numbers) = numbers(rest)
    {
        return Some(Intent::call("sum", json!({ "numbers": numbers })));
    }
    let expression = in_symbols(rest);
    let is_arithmetic = expression.chars().all(|c| c.is_ascii_digit() || " .+-*/^%()×÷−·".contains(c));
    let has_operator = expression.contains(['+', '-', '*', '/', '^', '%', '×', '÷', '−', '·']);
    (is_arithmetic && has_operator).then(|| calculate(&expression))
}

fn in_symbols(text: &str) -> String {
    const WORDS: &[(&str, &str)] = &[
        (" multiplied by ", " * "),
        (" divided by ", " / "),
        (" to the power of ", " ^ "),
        (" plus ", " + "),
        (" minus ", " - "),
        (" times ", " * "),
        (" over ", " / "),
        (" x ", " * "),
        (" mod ", " % "),
    ];
    WORDS.iter().fold(text.to_owned(), |text, (word, symbol)| text.replace(word, symbol))
}

fn past(lower: &str) -> Option<Intent> {
    const FIND: &[&str] = &[
        "find messages about ",
        "find messages with ",
        "find conversations about ",
        "find chats about ",
        "search for ",
        "search my conversations for ",
        "look for ",
        "where did we mention ",
        "when did we talk about ",
        "find ",
    ];
    const TALKED: &[&str] =
        &["did we talk about", "have we talked about", "did we discuss", "did i say", "show the history"];
    const MORE: &[&str] =
        &["summarise our", "summarize our", "conversation history", "chat history", "our conversation so far"];
    if TALKED.iter().chain(MORE).any(|phrase| lower.contains(phrase)) {
        return Some(Intent::call("get_conversation_history", json!({})));
    }
    FIND.iter().find_map(|opening| lower.strip_prefix(opening)).filter(|q| !q.trim().is_empty()).map(search)
}

fn filler(lower: &str) -> Option<Intent> {
    let asks = lower.contains("lorem") || lower.starts_with("write ") && lower.contains(" words");
    let count = || lower.split(|c: char| !c.is_ascii_digit()).find_map(|n| n.parse().ok());
    asks.then(count).flatten().map(lorem)
}
