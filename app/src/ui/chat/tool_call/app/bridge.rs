//! What is said between the page and an app it shows: JSON-RPC 2.0 (MCP Apps, revision 2026-01-26), decided here without
//! a browser. What came is a text, what is to be done is an [`Act`].
//!
//! Invariant: every request has one answer, also those that are not supported, too many or too large. Nothing is said
//! to the app before it said that it is ready, but for answers.

use super::super::super::cell::ToolView;
use crate::wire::{
    app::{OpenedApp, result_of},
    json,
    limits::{APP_CALLS_MAX, APP_HEIGHT_MAX, APP_MESSAGE_MAX, APP_MESSAGES_MAX, MESSAGE_MAX},
    tool::ToolState,
};
use serde_json::{Value, json};

/// The revision that is spoken.
const REVISION: &str = "2026-01-26";
/// Milliseconds in which an app's messages are counted.
const WINDOW: f64 = 10_000.0;
/// From this many times the largest message on, one is not even read.
const UNREAD: usize = 16;
/// Pixels that a frame is high at least, so that a press finds it.
const HEIGHT_MIN: u32 = 40;
/// Characters of an address that may be opened or read.
const ADDRESS_MAX: usize = 2_000;
/// Characters of an app's word for the log.
const LOGGED_MAX: usize = 1_000;

// JSON-RPC's own numbers, and the one that MCP Apps has for what is refused.
const INVALID_REQUEST: i32 = -32_600;
const UNKNOWN_METHOD: i32 = -32_601;
const INVALID_PARAMS: i32 = -32_602;
const REFUSED: i32 = -32_000;

/// What is to be done about a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// Say this to the app.
    Say(Value),
    /// Call a tool of its server, and answer.
    Call { id: Value, tool: String, arguments: Value },
    /// Read a resource of its server, and answer.
    Read { id: Value, uri: String },
    /// Ask whether an address may be opened, and answer.
    Link { id: Value, url: String },
    /// Put a text where the person writes, and answer.
    Write { id: Value, text: String },
    /// Make the frame that high.
    High(u32),
    /// Note it for whoever mends the app.
    Log(String),
    /// It is ready to hear of its call.
    Ready,
    /// It wants to be closed.
    Leave,
    /// It has nothing more to say.
    Left,
}

/// How far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Silent,
    Ready,
    Leaving,
}

/// One app's conversation with the page.
#[derive(Debug)]
pub(super) struct Bridge {
    greeting: Value,
    phase: Phase,
    told_input: bool,
    told_result: bool,
    /// Since when its messages are counted, and how many there were.
    counted: (f64, u32),
    under_way: usize,
}

/// The id of the one request that the page makes.
const GOODBYE: &str = "parley-goodbye";

impl Bridge {
    /// With an app that was opened, in that context (MCP Apps `HostContext`).
    pub(super) fn new(opened: &OpenedApp, mut context: Value) -> Self {
        context["toolInfo"] = json!({ "tool": opened.tool });
        let permissions = if opened.clipboard { json!({ "clipboardWrite": {} }) } else { json!({}) };
        let greeting = json!({
            "protocolVersion": REVISION,
            "hostInfo": { "name": "parley", "title": "Parley", "version": env!("CARGO_PKG_VERSION") },
            "hostCapabilities": {
                "openLinks": {}, "serverTools": {}, "serverResources": {}, "logging": {}, "message": { "text": {} },
                "sandbox": {
                    "permissions": permissions,
                    "csp": {
                        "connectDomains": opened.domains.connect,
                        "resourceDomains": opened.domains.resource,
                        "frameDomains": opened.domains.frame,
                        "baseUriDomains": opened.domains.base,
                    },
                },
            },
            "hostContext": context,
        });
        Self { greeting, phase: Phase::Silent, told_input: false, told_result: false, counted: (0.0, 0), under_way: 0 }
    }

    /// What the app said, as JSON, at that time in milliseconds.
    pub(super) fn hear(&mut self, text: &str, now: f64) -> Vec<Act> {
        if text.len() > APP_MESSAGE_MAX * UNREAD {
            return vec![Act::Log("a message that was too large to be read was left out".to_owned())];
        }
        let Ok(message) = json::read::<Value>(text) else { return Vec::new() };
        let id = message.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
        let method = message["method"].as_str().unwrap_or_default();
        if message["jsonrpc"] != "2.0" {
            return id
                .filter(|_| !method.is_empty())
                .map(|id| refuse(&id, INVALID_REQUEST, "This is not JSON-RPC 2.0."))
                .into_iter()
                .collect();
        }
        if method.is_empty() {
            let over = self.phase == Phase::Leaving && message["id"] == GOODBYE;
            return if over { vec![Act::Left] } else { Vec::new() };
        }
        if !self.counts(now) {
            let told = "That is too much at once. Wait ten seconds.";
            return id.map(|id| refuse(&id, REFUSED, told)).into_iter().collect();
        }
        let params = &message["params"];
        match id {
            Some(id) if text.len() > APP_MESSAGE_MAX => {
                vec![refuse(&id, REFUSED, &format!("A message may have {APP_MESSAGE_MAX} bytes."))]
            }
            Some(id) => vec![self.request(id, method, params)],
            None => self.notice(method, params).into_iter().collect(),
        }
    }

    /// Whether there is room for one more message.
    fn counts(&mut self, now: f64) -> bool {
        if now - self.counted.0 > WINDOW {
            self.counted = (now, 0);
        }
        self.counted.1 += 1;
        self.counted.1 <= APP_MESSAGES_MAX
    }

    fn request(&mut self, id: Value, method: &str, params: &Value) -> Act {
        let invalid = |id: &Value, told: &str| refuse(id, INVALID_PARAMS, told);
        match method {
            "ui/initialize" => answer(&id, Ok(self.greeting.clone())),
            "ping" => answer(&id, Ok(json!({}))),
            "ui/request-display-mode" => answer(&id, Ok(json!({ "mode": "inline" }))),
            "tools/call" | "resources/read" if self.under_way >= APP_CALLS_MAX => {
                refuse(&id, REFUSED, &format!("{APP_CALLS_MAX} calls are under way; wait for one of them."))
            }
            "tools/call" => {
                let arguments = match &params["arguments"] {
                    Value::Null => json!({}),
                    arguments => arguments.clone(),
                };
                match params["name"].as_str() {
                    Some(tool) if arguments.is_object() => {
                        self.under_way += 1;
                        Act::Call { id, tool: tool.to_owned(), arguments }
                    }
                    _ => invalid(&id, "A call has a name and an object of arguments."),
                }
            }
            "resources/read" => match params["uri"].as_str() {
                Some(uri) if (1..=ADDRESS_MAX).contains(&uri.len()) => {
                    self.under_way += 1;
                    Act::Read { id, uri: uri.to_owned() }
                }
                _ => invalid(&id, "A resource has an address."),
            },
            "ui/open-link" => match params["url"].as_str().filter(|url| is_link(url)) {
                Some(url) => Act::Link { id, url: url.to_owned() },
                None => refuse(&id, REFUSED, "Only http:// and https:// addresses can be opened."),
            },
            "ui/message" if params["role"] != "user" => invalid(&id, "Only a person's messages can be proposed."),
            "ui/message" => match text_of(&params["content"]) {
                Some(text) if text.chars().count() <= MESSAGE_MAX && !text.trim().is_empty() => Act::Write { id, text },
                Some(_) => invalid(&id, &format!("A message has 1 to {MESSAGE_MAX} characters.")),
                None => invalid(&id, "Only text can be proposed as a message."),
            },
            _ => refuse(&id, UNKNOWN_METHOD, "Parley does not offer that to apps."),
        }
    }

    fn notice(&mut self, method: &str, params: &Value) -> Option<Act> {
        match method {
            "ui/notifications/initialized" if self.phase == Phase::Silent => {
                self.phase = Phase::Ready;
                Some(Act::Ready)
            }
            "ui/notifications/size-changed" => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within the two")]
                let height = |high: f64| high.ceil().clamp(f64::from(HEIGHT_MIN), f64::from(APP_HEIGHT_MAX)) as u32;
                params["height"].as_f64().map(|high| Act::High(height(high)))
            }
            "ui/notifications/request-teardown" => Some(Act::Leave),
            "notifications/message" => {
                let level = params["level"].as_str().unwrap_or("info");
                let said = match &params["data"] {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Some(Act::Log(format!("{level}: {said}").chars().take(LOGGED_MAX).collect()))
            }
            _ => None,
        }
    }

    /// What the app is to be told of its call, and has not been yet.
    pub(super) fn tell(&mut self, tool: &ToolView) -> Vec<Value> {
        let mut said = Vec::new();
        if self.phase != Phase::Ready {
            return said;
        }
        if !self.told_input {
            self.told_input = true;
            let arguments = Some(tool.call.effective()).filter(|arguments| arguments.is_object());
            let arguments = arguments.cloned().unwrap_or_else(|| json!({}));
            said.push(notice("ui/notifications/tool-input", json!({ "arguments": arguments })));
        }
        if self.told_result {
            return said;
        }
        let news = match &tool.state {
            None => ("ui/notifications/tool-cancelled", json!({ "reason": "The reply ended before it finished." })),
            Some(ToolState::Done { result }) if result.outcome.is_cut_off() => {
                ("ui/notifications/tool-cancelled", json!({ "reason": result.outcome.text }))
            }
            Some(ToolState::Done { result }) => ("ui/notifications/tool-result", result_of(&result.outcome)),
            Some(_) => return said,
        };
        self.told_result = true;
        said.push(notice(news.0, news.1));
        said
    }

    /// What the app is to be told of a change of its surroundings.
    pub(super) fn changed(&self, part: Value) -> Option<Value> {
        (self.phase == Phase::Ready).then(|| notice("ui/notifications/host-context-changed", part))
    }

    /// The answer to a call or a reading.
    pub(super) fn done(&mut self, id: &Value, result: Result<Value, String>) -> Value {
        self.under_way = self.under_way.saturating_sub(1);
        said(id, result)
    }

    /// The farewell, if there is anybody to hear it.
    pub(super) fn goodbye(&mut self) -> Option<Value> {
        let heard = self.phase == Phase::Ready;
        self.phase = Phase::Leaving;
        let params = json!({ "reason": "The person closed it, or left." });
        heard.then(|| json!({ "jsonrpc": "2.0", "id": GOODBYE, "method": "ui/resource-teardown", "params": params }))
    }
}

fn notice(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

/// The answer to a request.
pub(super) fn said(id: &Value, result: Result<Value, String>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(told) => json!({ "jsonrpc": "2.0", "id": id, "error": { "code": REFUSED, "message": told } }),
    }
}

fn answer(id: &Value, result: Result<Value, String>) -> Act {
    Act::Say(said(id, result))
}

fn refuse(id: &Value, code: i32, told: &str) -> Act {
    Act::Say(json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": told } }))
}

/// Whether it is an address of the web, as far as its text tells; the browser reads it before anybody is asked.
fn is_link(url: &str) -> bool {
    let begins = |scheme: &str| url.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    let odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '"' | '<' | '>');
    url.len() <= ADDRESS_MAX && (begins("https://") || begins("http://")) && !url.contains(odd)
}

/// The text of content blocks, or of one; `None` if there is anything else among them.
fn text_of(content: &Value) -> Option<String> {
    let block = |block: &Value| (block["type"] == "text").then(|| block["text"].as_str().map(str::to_owned)).flatten();
    match content {
        Value::Array(blocks) => blocks.iter().map(block).collect::<Option<Vec<_>>>().map(|texts| texts.join("\n\n")),
        one => block(one),
    }
}

#[cfg(test)]
mod tests;
