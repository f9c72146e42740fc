//! What is said between the page and an app it shows: JSON-RPC 2.0 (MCP Apps, revision 2026-01-26), decided here without
//! a browser. What came is a text, what is to be done is an [`Act`].
//!
//! Invariant: every request has one answer, also those that are not supported, too many or too large; only one that the
//! app called off has none. Nothing is said to the app before it said that it is ready, but for answers. What its
//! requests ask for is read in [`wants`].

mod wants;

pub(super) use wants::{Held, Offered, content};

use super::super::super::cell::ToolView;
use crate::wire::{
    app::{AppList, OpenedApp, result_of},
    json,
    limits::{APP_CALLS_MAX, APP_FILES_SIZE_MAX, APP_HEIGHT_MAX, APP_MESSAGE_MAX, APP_MESSAGES_MAX},
    tool::{ToolOutcome, ToolState},
};
use serde_json::{Value, json};

/// The revision that is spoken.
const REVISION: &str = "2026-01-26";
/// Milliseconds in which an app's messages are counted.
const WINDOW: f64 = 10_000.0;
/// Bytes of a message from which on one is not even read: files are handed over in base64.
const UNREAD: usize = APP_FILES_SIZE_MAX * 3 / 2;
/// Pixels that a frame is high at least, so that a press finds it.
const HEIGHT_MIN: u32 = 40;
/// Characters of an app's word for the log.
const LOGGED_MAX: usize = 1_000;

// The ways of being shown that there are here.
const FULL: &str = "fullscreen";
const INLINE: &str = "inline";
/// What tells of a result.
const RESULT: &str = "ui/notifications/tool-result";

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
    /// List what its server has, and answer.
    List { id: Value, list: AppList },
    /// Keep what it tells the model (the request's params), and answer.
    Tell { id: Value, told: Value },
    /// Ask whether files may be saved, and answer.
    Save { id: Value, files: Vec<Offered> },
    /// Show it over the whole page, or in its place, and answer.
    Show { id: Value, full: bool },
    /// Ask whether an address may be opened, and answer.
    Link { id: Value, url: String },
    /// Put a text where the person writes, and answer.
    Write { id: Value, text: String },
    /// Make the frame that high.
    High(u32),
    /// Note it for whoever mends the app.
    Log(String),
    /// It has said which ways of being shown it knows: whether it may be shown over the whole page.
    Fits(bool),
    /// It is ready to hear of its call.
    Ready,
    /// Tell it the result of its call, as its server sent it; or that, if it cannot be had.
    Result(Value),
    /// It does not wait for the answer to that request any more.
    Forget(Value),
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

/// What it was told of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Input,
    /// Its result too, or that there is none.
    End,
}

/// A request that waits for the server or a person.
#[derive(Debug)]
struct UnderWay {
    id: Value,
    /// What its progress is told by, if the app wants to hear of it.
    progress: Option<Value>,
}

/// One app's conversation with the page.
#[derive(Debug)]
pub(super) struct Bridge {
    greeting: Value,
    phase: Phase,
    told: Told,
    /// Since when its messages are counted, and how many there were.
    counted: (f64, u32),
    under_way: Vec<UnderWay>,
    /// Whether it may be shown over the whole page, and whether it is.
    fits: bool,
    full: bool,
    /// How often it was looked after, and how many of the last times it did not answer.
    beats: u32,
    unanswered: u32,
}

// The ids of the requests that the page makes.
const GOODBYE: &str = "parley-goodbye";
const PING: &str = "parley-ping";

/// Questions after its health that an app may leave unanswered.
const UNANSWERED_MAX: u32 = 2;

impl Bridge {
    /// With an app that was opened, in that context (MCP Apps `HostContext`).
    pub(super) fn new(opened: &OpenedApp, mut context: Value) -> Self {
        context["toolInfo"] = json!({ "tool": opened.tool });
        let permissions = if opened.clipboard { json!({ "clipboardWrite": {} }) } else { json!({}) };
        let greeting = json!({
            "protocolVersion": REVISION,
            "hostInfo": { "name": "parley", "title": "Parley", "version": env!("CARGO_PKG_VERSION") },
            "hostCapabilities": {
                "openLinks": {}, "downloadFile": {}, "serverTools": {}, "serverResources": {}, "logging": {},
                "message": { "text": {} },
                "updateModelContext": { "text": {}, "resource": {}, "resourceLink": {}, "structuredContent": {} },
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
        Self {
            greeting,
            phase: Phase::Silent,
            told: Told::Nothing,
            counted: (0.0, 0),
            under_way: Vec::new(),
            fits: true,
            full: false,
            beats: 0,
            unanswered: 0,
        }
    }

    /// What the app said, as JSON, at that time in milliseconds.
    pub(super) fn hear(&mut self, text: &str, now: f64) -> Vec<Act> {
        if text.len() > UNREAD {
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
            if message["id"] == PING {
                self.unanswered = 0;
            }
            let over = self.phase == Phase::Leaving && message["id"] == GOODBYE;
            return if over { vec![Act::Left] } else { Vec::new() };
        }
        if !self.counts(now) {
            let told = "That is too much at once. Wait ten seconds.";
            return id.map(|id| refuse(&id, REFUSED, told)).into_iter().collect();
        }
        let params = &message["params"];
        match id {
            Some(id) if text.len() > APP_MESSAGE_MAX && method != "ui/download-file" => {
                vec![refuse(&id, REFUSED, &format!("A message may have {APP_MESSAGE_MAX} bytes."))]
            }
            Some(id) if method == "ui/initialize" => self.greet(&id, params),
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

    /// Greets it, be it for the first time or once more: a page that was loaded anew knows of nothing.
    fn greet(&mut self, id: &Value, params: &Value) -> Vec<Act> {
        if self.phase != Phase::Leaving {
            (self.phase, self.told) = (Phase::Silent, Told::Nothing);
        }
        let modes = params["appCapabilities"]["availableDisplayModes"].as_array();
        self.fits = modes.is_none_or(|modes| modes.iter().any(|mode| mode == FULL));
        vec![answer(id, Ok(self.greeting.clone())), Act::Fits(self.fits)]
    }

    fn request(&mut self, id: Value, method: &str, params: &Value) -> Act {
        let wanted = match method {
            "ping" => return answer(&id, Ok(json!({}))),
            "ui/request-display-mode" => match params["mode"].as_str() {
                Some(FULL) if self.fits => Ok(Act::Show { id: id.clone(), full: true }),
                Some(INLINE) => Ok(Act::Show { id: id.clone(), full: false }),
                Some(_) => return answer(&id, Ok(json!({ "mode": mode(self.full) }))),
                None => Err((INVALID_PARAMS, "A way of being shown has a name.".to_owned())),
            },
            "tools/call" => wants::call(&id, params),
            "resources/read" => wants::read(&id, params),
            "resources/list" => Ok(Act::List { id: id.clone(), list: AppList::Resources }),
            "resources/templates/list" => Ok(Act::List { id: id.clone(), list: AppList::Templates }),
            "ui/open-link" => wants::link(&id, params),
            "ui/message" => wants::message(&id, params),
            "ui/update-model-context" => Ok(Act::Tell { id: id.clone(), told: params.clone() }),
            "ui/download-file" => wants::download(&id, params),
            _ => Err((UNKNOWN_METHOD, "Parley does not offer that to apps.".to_owned())),
        };
        match wanted {
            Ok(Act::Call { .. } | Act::Read { .. } | Act::List { .. } | Act::Save { .. })
                if self.under_way.len() >= APP_CALLS_MAX =>
            {
                refuse(&id, REFUSED, &format!("{APP_CALLS_MAX} calls are under way; wait for one of them."))
            }
            Ok(act @ (Act::Call { .. } | Act::Read { .. } | Act::List { .. } | Act::Save { .. })) => {
                let progress = &params["_meta"]["progressToken"];
                let progress = Some(progress.clone()).filter(|token| token.is_string() || token.is_number());
                self.under_way.push(UnderWay { id, progress });
                act
            }
            Ok(act) => act,
            Err((code, told)) => refuse(&id, code, &told),
        }
    }

    fn notice(&mut self, method: &str, params: &Value) -> Option<Act> {
        match method {
            "ui/notifications/initialized" if self.phase == Phase::Silent => {
                self.phase = Phase::Ready;
                Some(Act::Ready)
            }
            "notifications/cancelled" => {
                let id = params["requestId"].clone();
                self.take(&id).then_some(Act::Forget(id))
            }
            // Over the whole page it is as high as that.
            "ui/notifications/size-changed" if self.full => None,
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
    pub(super) fn tell(&mut self, tool: &ToolView) -> Vec<Act> {
        let mut said = Vec::new();
        if self.phase != Phase::Ready {
            return said;
        }
        if self.told == Told::Nothing {
            self.told = Told::Input;
            let arguments = Some(tool.call.effective()).filter(|arguments| arguments.is_object());
            let arguments = arguments.cloned().unwrap_or_else(|| json!({}));
            said.push(Act::Say(notice("ui/notifications/tool-input", json!({ "arguments": arguments }))));
        }
        if self.told == Told::End {
            return said;
        }
        said.push(match &tool.state {
            None => cancelled("The reply ended before it finished."),
            Some(ToolState::Done { result }) if result.outcome.is_cut_off() => cancelled(&result.outcome.text),
            Some(ToolState::Done { result }) => finished(&result.outcome),
            Some(_) => return said,
        });
        self.told = Told::End;
        said
    }

    /// The result of its call, once it is at hand; nothing to an app that has gone, or was loaded anew, since.
    pub(super) fn result(&self, result: Value) -> Option<Value> {
        (self.phase == Phase::Ready && self.told == Told::End).then(|| notice(RESULT, result))
    }

    /// What the app is to be told of a change of its surroundings.
    pub(super) fn changed(&mut self, part: Value) -> Option<Value> {
        if let Some(part) = part.as_object() {
            for (name, value) in part {
                self.greeting["hostContext"][name] = value.clone();
            }
        }
        (self.phase == Phase::Ready).then(|| notice("ui/notifications/host-context-changed", part))
    }

    /// It is shown over the whole page, or in its place again.
    pub(super) fn shown(&mut self, full: bool) -> &'static str {
        self.full = full;
        mode(full)
    }

    /// The answer to a call, a reading or a question; none if the app does not wait for it any more.
    pub(super) fn done(&mut self, id: &Value, result: Result<Value, String>) -> Option<Value> {
        self.take(id).then(|| said(id, result))
    }

    /// Whether the app still waits for the answer to that call, reading or question.
    pub(super) fn waits(&self, id: &Value) -> bool {
        self.under_way.iter().any(|wanted| wanted.id == *id)
    }

    /// Whether that was under way; it is not any more.
    fn take(&mut self, id: &Value) -> bool {
        let at = self.under_way.iter().position(|other| other.id == *id);
        at.map(|at| self.under_way.remove(at)).is_some()
    }

    /// From time to time: asks after its health, and tells it that what waits for a person is still wanted, so that it
    /// does not give it up. The second: whether it has been silent too often.
    pub(super) fn beat(&mut self) -> (Vec<Value>, bool) {
        if self.phase != Phase::Ready {
            return (Vec::new(), false);
        }
        self.beats += 1;
        self.unanswered += 1;
        let tokens = self.under_way.iter().filter_map(|wanted| wanted.progress.as_ref());
        let progress = |token: &Value| {
            let params =
                json!({ "progressToken": token, "progress": self.beats, "message": "This waits for its person." });
            notice("notifications/progress", params)
        };
        let ping = json!({ "jsonrpc": "2.0", "id": PING, "method": "ping" });
        (tokens.map(progress).chain([ping]).collect(), self.unanswered > UNANSWERED_MAX)
    }

    /// The farewell, if there is anybody to hear it.
    pub(super) fn goodbye(&mut self) -> Option<Value> {
        let heard = self.phase == Phase::Ready;
        self.phase = Phase::Leaving;
        let params = json!({ "reason": "The person closed it, or left." });
        heard.then(|| json!({ "jsonrpc": "2.0", "id": GOODBYE, "method": "ui/resource-teardown", "params": params }))
    }
}

fn mode(full: bool) -> &'static str {
    if full { FULL } else { INLINE }
}

fn cancelled(reason: &str) -> Act {
    Act::Say(notice("ui/notifications/tool-cancelled", json!({ "reason": reason })))
}

/// A result: the outcome says all of it, or the rest is to be fetched.
fn finished(outcome: &ToolOutcome) -> Act {
    let told = result_of(outcome);
    if outcome.sent.is_some() || !outcome.content.is_empty() {
        Act::Result(told)
    } else {
        Act::Say(notice(RESULT, told))
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

#[cfg(test)]
mod tests;
