//! A provider for tests and the end-to-end run: plays a script, deterministically.
//!
//! The script is the text of the last message a person wrote, or what a test pushed with [`ScriptHandle::push`] (one
//! pushed script answers one request). In the binary it is offered only if the configuration says so.
//!
//! One command a line; an optional first line `script:` is skipped, so are blank lines and lines that begin with `#`:
//!
//! | Line | What it does |
//! |---|---|
//! | `say TEXT` | streams a line of text word by word; a further `say` begins a new line |
//! | `put TEXT` | streams exactly TEXT as one piece; `\n` and `\t` are escapes, `\s` is a space |
//! | `repeat N TEXT` | streams TEXT and a space, N times |
//! | `echo` | streams what the last tools answered, one line each |
//! | `think TEXT` | streams reasoning; the block is sealed before whatever follows it |
//! | `wait MS` | sleeps |
//! | `gate NAME` | waits until the test opens that gate ([`ScriptHandle::open`]) |
//! | `tool NAME JSON` | calls a tool; lines of `tool` and `badtool` that follow one another are one round of parallel calls |
//! | `badtool NAME RAW` | calls a tool with arguments that are not JSON |
//! | `usage INPUT OUTPUT [CACHED]` | counts tokens; without it one word is one token |
//! | `stop REASON` | ends the reply: `end_turn`, `max_tokens` or `refusal` |
//! | `fail CATEGORY [MESSAGE]` | fails: `overloaded`, `rate_limited`, `too_long`, `refused`, `credentials`, `rejected`, `cut`, `unreachable`, `protocol` |
//! | `cut` | ends the stream without a stop, as a broken connection does |
//! | `hang` | never says anything again |
//!
//! What stands after a round of tools is played when the tools have answered. A message that is not a script is
//! answered with `You said: …`, and all that was said since the last reply.

use super::{Category, ChatRequest, Content, Delta, DeltaStream, Provider, ProviderError, StopReason, offline::text};
use crate::wire::{id::CallId, message::Usage, tool::ToolCall};
use futures::{FutureExt, StreamExt, stream};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

mod script;

use script::{Line, parse, rounds};

/// Plays scripts.
#[derive(Clone, Debug, Default)]
pub struct Scripted {
    shared: Arc<Shared>,
}

/// What provider and handle share; written by both, locked for a moment only.
#[derive(Debug, Default)]
struct Shared {
    pushed: Mutex<VecDeque<String>>,
    requests: Mutex<Vec<ChatRequest>>,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
    live: AtomicUsize,
}

#[derive(Debug)]
struct Gate {
    opened: Semaphore,
    reached: Semaphore,
}

impl Shared {
    fn gate(&self, name: &str) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let shut = || Arc::new(Gate { opened: Semaphore::new(0), reached: Semaphore::new(0) });
        gates.entry(name.to_owned()).or_insert_with(shut).clone()
    }
}

/// A test's hold on a [`Scripted`] provider.
#[derive(Clone, Debug)]
pub struct ScriptHandle {
    shared: Arc<Shared>,
}

impl ScriptHandle {
    /// The next request is answered with this script, whatever the person wrote.
    pub fn push(&self, script: impl Into<String>) {
        self.shared.pushed.lock().unwrap_or_else(PoisonError::into_inner).push_back(script.into());
    }

    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets one stream pass the gate, be it there already or not.
    pub fn open(&self, gate: &str) {
        self.shared.gate(gate).opened.add_permits(1);
    }

    /// Waits until a stream stands at the gate (each arrival is told once).
    pub async fn reached(&self, gate: &str) {
        if let Ok(permit) = self.shared.gate(gate).reached.acquire().await {
            permit.forget();
        }
    }

    /// Streams that were begun and neither ended nor dropped.
    pub fn live(&self) -> usize {
        self.shared.live.load(Ordering::SeqCst)
    }
}

/// Counts a stream for as long as it lives.
#[derive(Debug)]
struct Living(Arc<Shared>);

impl Living {
    fn new(shared: Arc<Shared>) -> Self {
        shared.live.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Scripted {
    /// A provider and the test's hold on it.
    pub fn new() -> (Self, ScriptHandle) {
        let scripted = Self::default();
        let handle = ScriptHandle { shared: scripted.shared.clone() };
        (scripted, handle)
    }
}

impl Provider for Scripted {
    fn stream(&self, request: ChatRequest) -> DeltaStream {
        let shared = self.shared.clone();
        shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        let pushed = shared.pushed.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let living = Living::new(shared.clone());
        let steps = match pushed {
            Some(script) => plan(&script, 0, &request),
            None => plan(text::asked(&request), text::round(&request), &request),
        };
        stream::iter(steps)
            .then(move |step| {
                let shared = living.0.clone();
                async move { step.play(&shared).await }
            })
            .filter_map(std::future::ready)
            .scan(false, |over, item| {
                let was_over = std::mem::replace(over, *over || item.is_err());
                std::future::ready((!was_over).then_some(item))
            })
            .boxed()
    }
}

/// What a script comes to.
#[derive(Debug)]
enum Step {
    Emit(Delta),
    Fail(ProviderError),
    Wait(Duration),
    Gate(String),
    Hang,
}

impl Step {
    async fn play(self, shared: &Shared) -> Option<Result<Delta, ProviderError>> {
        match self {
            Self::Emit(delta) => return Some(Ok(delta)),
            Self::Fail(error) => return Some(Err(error)),
            Self::Wait(time) => tokio::time::sleep(time).await,
            Self::Gate(name) => {
                let gate = shared.gate(&name);
                gate.reached.add_permits(1);
                if let Ok(permit) = gate.opened.acquire().boxed().await {
                    permit.forget();
                }
            }
            Self::Hang => std::future::pending().await,
        }
        None
    }
}

/// The steps of the given round of a script.
fn plan(script: &str, round: usize, request: &ChatRequest) -> Vec<Step> {
    let lines = match parse(script) {
        Ok(Some(lines)) => lines,
        Ok(None) => vec![Line::Say(format!("You said: {}", text::said(request).join("\n")))],
        Err(fault) => return vec![Step::Fail(ProviderError::new(Category::Protocol, fault))],
    };
    let mut player = Player { request, steps: Vec::new(), words: 0, calls: 0, said: false, thinking: 0, usage: None };
    for line in rounds(lines).into_iter().nth(round).unwrap_or_default() {
        if player.line(line) {
            return player.steps;
        }
    }
    let reason = if player.calls > 0 { StopReason::ToolUse } else { StopReason::EndTurn };
    player.stop(reason);
    player.steps
}

struct Player<'a> {
    request: &'a ChatRequest,
    steps: Vec<Step>,
    words: u64,
    calls: usize,
    said: bool,
    /// The number of the open block of reasoning; 0 for none.
    thinking: usize,
    usage: Option<Usage>,
}

impl Player<'_> {
    /// Adds a line's steps; whether the script ends here.
    fn line(&mut self, line: Line) -> bool {
        if !matches!(line, Line::Think(_) | Line::Wait(_) | Line::Gate(_)) {
            self.seal();
        }
        match line {
            Line::Say(text) => self.say(&text),
            Line::Put(text) => self.emit_text(text),
            Line::Repeat(times, text) => (0..times).for_each(|_| self.emit_text(format!("{text} "))),
            Line::Echo => self.echo(),
            Line::Think(text) => {
                self.words += text::words(&text);
                self.thinking += 1;
                self.steps.push(Step::Emit(Delta::Thinking { text, signature: None }));
            }
            Line::Wait(ms) => self.steps.push(Step::Wait(Duration::from_millis(ms))),
            Line::Gate(name) => self.steps.push(Step::Gate(name)),
            Line::Tool(name, arguments) => {
                let id = self.call_id();
                self.steps.push(Step::Emit(Delta::ToolUse(ToolCall::new(id, name, arguments))));
            }
            Line::BadTool(name, raw, reason) => {
                let id = self.call_id();
                self.steps.push(Step::Emit(Delta::BadToolUse { id, name, raw, reason }));
            }
            Line::Usage(usage) => self.usage = Some(usage),
            Line::Stop(reason) => {
                self.stop(reason);
                return true;
            }
            Line::Fail(error) => {
                self.steps.push(Step::Fail(error));
                return true;
            }
            Line::Cut => return true,
            Line::Hang => {
                self.steps.push(Step::Hang);
                return true;
            }
        }
        false
    }

    fn say(&mut self, text: &str) {
        if self.said {
            self.emit_text("\n".to_owned());
        }
        for word in text::pieces(text) {
            self.emit_text(word.to_owned());
        }
        self.said = true;
    }

    fn echo(&mut self) {
        let answers: Vec<String> = text::results(self.request).map(|(_, text, _)| text.to_owned()).collect();
        for answer in answers {
            self.say(&answer);
        }
    }

    fn emit_text(&mut self, text: String) {
        self.words += text::words(&text);
        self.steps.push(Step::Emit(Delta::Text(text)));
    }

    fn seal(&mut self) {
        if std::mem::take(&mut self.thinking) > 0 {
            let signature = Some("scripted-seal".to_owned());
            self.steps.push(Step::Emit(Delta::Thinking { text: String::new(), signature }));
        }
    }

    fn call_id(&mut self) -> CallId {
        self.calls += 1;
        CallId(format!("scripted_{}", text::calls(self.request) + self.calls))
    }

    fn stop(&mut self, reason: StopReason) {
        self.seal();
        let counted = Usage { input: text::input_words(self.request), output: self.words, cached: 0 };
        self.steps.push(Step::Emit(Delta::Usage(self.usage.unwrap_or(counted))));
        self.steps.push(Step::Emit(Delta::Stop(reason)));
    }
}

impl ChatRequest {
    /// The contents of the turn that asks, if any.
    pub(super) fn last_contents(&self) -> &[Content] {
        self.turns.last().map_or(&[], |turn| &turn.content)
    }
}

#[cfg(test)]
mod tests;
