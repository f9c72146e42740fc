//! The line format of scripts, as text to values; what the lines mean in time is the player's.

use super::super::{Category, ProviderError, StopReason};
use crate::wire::message::Usage;
use serde_json::Value;

/// The most repetitions one line may ask for: a long novel.
const REPEAT_MAX: usize = 200_000;
/// The longest sleep of one line, in milliseconds.
const WAIT_MAX: u64 = 600_000;

/// One command.
#[derive(Clone, Debug)]
pub(super) enum Line {
    Say(String),
    Put(String),
    Repeat(usize, String),
    Echo,
    Think(String),
    Wait(u64),
    Gate(String),
    Tool(String, Value),
    BadTool(String, String, String),
    Usage(Usage),
    Stop(StopReason),
    Fail(ProviderError),
    Cut,
    Hang,
}

/// The commands of `script`; `None` if it is no script at all; a sentence if a line of it is wrong.
pub(super) fn parse(script: &str) -> Result<Option<Vec<Line>>, String> {
    let mut lines = Vec::new();
    let numbered = script.lines().enumerate().map(|(i, line)| (i + 1, line.trim()));
    let mut announced = false;
    for (number, line) in numbered.filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
        if lines.is_empty() && line == "script:" {
            announced = true;
            continue;
        }
        match command(line) {
            Ok(Some(line)) => lines.push(line),
            Ok(None) if lines.is_empty() && !announced => return Ok(None),
            Ok(None) => return Err(format!("line {number} of the script is no command: {line}")),
            Err(fault) => return Err(format!("line {number} of the script: {fault}")),
        }
    }
    Ok((!lines.is_empty() || announced).then_some(lines))
}

/// The rounds of a script: each but the last ends with its tool calls.
pub(super) fn rounds(lines: Vec<Line>) -> Vec<Vec<Line>> {
    let mut rounds = vec![Vec::new()];
    let mut calling = false;
    for line in lines {
        let calls = matches!(line, Line::Tool(..) | Line::BadTool(..));
        if calling && !calls {
            rounds.push(Vec::new());
        }
        calling = calls;
        if let Some(round) = rounds.last_mut() {
            round.push(line);
        }
    }
    if calling {
        rounds.push(Vec::new());
    }
    rounds
}

fn command(line: &str) -> Result<Option<Line>, String> {
    let (verb, rest) = split(line);
    Ok(Some(match verb {
        "say" => Line::Say(rest.to_owned()),
        "put" => Line::Put(unescaped(rest)),
        "repeat" => repeat(rest)?,
        "echo" if rest.is_empty() => Line::Echo,
        "think" => Line::Think(rest.to_owned()),
        "wait" => Line::Wait(number::<u64>(rest)?.min(WAIT_MAX)),
        "gate" => Line::Gate(rest.to_owned()),
        "tool" => tool(rest)?,
        "badtool" => bad_tool(rest),
        "usage" => Line::Usage(usage(rest)?),
        "stop" => Line::Stop(reason(rest)?),
        "fail" => Line::Fail(failure(rest)?),
        "cut" if rest.is_empty() => Line::Cut,
        "hang" if rest.is_empty() => Line::Hang,
        _ => return Ok(None),
    }))
}

fn split(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).map_or((text, ""), |(first, rest)| (first, rest.trim()))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("«{text}» is no whole number"))
}

fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\t", "\t").replace("\\s", " ")
}

fn repeat(rest: &str) -> Result<Line, String> {
    let (times, text) = split(rest);
    Ok(Line::Repeat(number::<usize>(times)?.min(REPEAT_MAX), text.to_owned()))
}

fn tool(rest: &str) -> Result<Line, String> {
    let (name, json) = split(rest);
    let json = if json.is_empty() { "{}" } else { json };
    let arguments = serde_json::from_str(json).map_err(|e| format!("the arguments are no JSON: {e}"))?;
    Ok(Line::Tool(name.to_owned(), arguments))
}

fn bad_tool(rest: &str) -> Line {
    let (name, raw) = split(rest);
    let reason = serde_json::from_str::<Value>(raw).err().map_or_else(|| "not an object".to_owned(), |e| e.to_string());
    Line::BadTool(name.to_owned(), raw.to_owned(), reason)
}

fn usage(rest: &str) -> Result<Usage, String> {
    let counts: Vec<u64> = rest.split_whitespace().map(number).collect::<Result<_, _>>()?;
    match counts[..] {
        [input, output] => Ok(Usage { input, output, cached: 0 }),
        [input, output, cached] => Ok(Usage { input, output, cached }),
        _ => Err("usage takes two or three numbers".to_owned()),
    }
}

fn reason(text: &str) -> Result<StopReason, String> {
    match text {
        "end_turn" => Ok(StopReason::EndTurn),
        "tool_use" => Ok(StopReason::ToolUse),
        "max_tokens" => Ok(StopReason::MaxTokens),
        "refusal" => Ok(StopReason::Refusal),
        other => Err(format!("«{other}» is no reason to stop")),
    }
}

fn failure(rest: &str) -> Result<ProviderError, String> {
    let (kind, message) = split(rest);
    let category = match kind {
        "overloaded" => Category::Overloaded,
        "rate_limited" => Category::RateLimited,
        "too_long" => Category::ContextTooLong,
        "refused" => Category::Refused,
        "credentials" => Category::Credentials,
        "rejected" => Category::Rejected,
        "cut" => Category::Cut,
        "unreachable" => Category::Unreachable,
        "protocol" => Category::Protocol,
        other => return Err(format!("«{other}» is no kind of failure")),
    };
    let message = if message.is_empty() { "the script said so" } else { message };
    Ok(ProviderError::new(category, message))
}
