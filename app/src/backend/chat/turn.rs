//! One running turn: provider stream → deltas → tools → next round → the reply's end.
//!
//! Invariant: a turn belongs to no socket. It ends by itself, by [`LiveTurn::stop_as`], or with the process, and then
//! whatever it wrote is in its [`LiveTurn`]. What the model reads is `asking`'s; storing the end is `finish`'s.

mod asking;
mod frames;

use super::{
    Chat,
    approval::{Opened, Proposed},
    finish::Outcome,
    live::LiveTurn,
    pictures,
};
use crate::{
    backend::{
        caller::Caller,
        llm::{Category, ChatRequest, Delta, Model, ProviderError, StopReason},
        metrics,
        store::{StoreError, turns::LEASE_MS},
        tools::{ToolCx, kept::Keep},
    },
    wire::{
        event::TextKind,
        message::{Fault, FaultKind, Usage},
        tool::ToolCall,
    },
};
use frames::Frames;
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};
use tokio::time::{Instant, sleep_until};

/// What a request's reply came to.
struct Round {
    stop: StopReason,
    calls: Vec<Opened>,
}

/// Why a turn does not go on.
enum Halt {
    /// It cannot.
    Fault(Fault),
    /// The process stops, and its questions are stored: it goes on after the restart.
    Rests,
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Chat {
    /// Runs a turn to its end, stores it, and begins the next that waits. `resumed`: the calls it waited with when an
    /// earlier process ended.
    pub(super) async fn run(self: Arc<Self>, turn: Arc<LiveTurn>, resumed: Option<Vec<Proposed>>) {
        let began = Instant::now();
        metrics::turn_started();
        let question = Mutex::new(String::new());
        let work = async {
            tokio::select! {
                biased;
                () = turn.stop.cancelled() => Some(Outcome::asked(turn.stopped_as())),
                outcome = self.go_on(&turn, &question, began, resumed) => outcome,
                never = self.checkpoints(&turn) => match never {},
            }
        };
        let outcome = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(turn.id = %turn.id, "a turn panicked");
            Some(Outcome::failed(internal("Something went wrong on our side while this reply was written.")))
        });
        let Some(outcome) = outcome.filter(|outcome| !(outcome.is_interrupted() && turn.waits())) else {
            return self.rest(&turn).await;
        };
        let question = std::mem::take(&mut *super::lock(&question));
        self.finish(&turn, outcome, &question, began).await;
    }

    /// How it ends; `None` if it rests.
    async fn go_on(
        &self,
        turn: &Arc<LiveTurn>,
        question: &Mutex<String>,
        began: Instant,
        resumed: Option<Vec<Proposed>>,
    ) -> Option<Outcome> {
        match self.converse_with_model(turn, question, began, resumed).await {
            Ok(()) => Some(Outcome::complete()),
            Err(Halt::Fault(fault)) => Some(Outcome::failed(fault)),
            Err(Halt::Rests) => None,
        }
    }

    async fn converse_with_model(
        &self,
        turn: &Arc<LiveTurn>,
        question: &Mutex<String>,
        began: Instant,
        resumed: Option<Vec<Proposed>>,
    ) -> Result<(), Halt> {
        let model = self.models.get(Some(&turn.model)).ok_or_else(|| Fault {
            kind: FaultKind::Rejected,
            message: format!("The model {} is no longer offered here. Choose another one.", turn.model.0),
            // A page opened since asks the default one; an open one is told so once, and asks it then.
            retry: true,
        })?;
        let mut asking = self.asking_first(turn, model, question, resumed.is_some()).await?;
        if let Some(calls) = resumed {
            self.answered(turn, model, calls, turn.begun(), &mut asking).await?;
        }
        let mut frames = Frames::new(self.options.frame, began);
        let mut sees = model.sees;
        while turn.rounds() < self.options.rounds {
            let (before, first) = (turn.usage(), turn.len());
            self.fit(turn, model, &mut asking).await;
            if sees {
                self.show_pictures(turn.by.user, asking.window.turns_mut()).await;
            }
            let round = match self.stream(turn, model, asking.request(), before, &mut frames).await {
                Err(error)
                    if error.category == Category::ContextTooLong
                        && turn.len() == first
                        && asking.window.leave_out_more() =>
                {
                    tracing::info!(%error, turn.id = %turn.id, "the provider is asked again with less");
                    continue;
                }
                // A picture may be one that the vendor cannot read: then the model goes on without.
                Err(error)
                    if error.category == Category::Rejected && sees && pictures::hide(asking.window.turns_mut()) =>
                {
                    tracing::info!(%error, turn.id = %turn.id, "the provider refused a request with pictures");
                    sees = false;
                    continue;
                }
                Err(error) => return Err(provider_fault(turn, &error).into()),
                Ok(round) => round,
            };
            turn.count_round();
            if round.calls.is_empty() {
                return Ok(ended(round.stop, model, turn)?);
            }
            let calls = self.propose(turn, round.calls).await;
            self.answered(turn, model, calls, first, &mut asking).await?;
        }
        Err(Halt::Fault(Fault {
            kind: FaultKind::TooManyRounds,
            message: format!("The model used tools {} times without coming to an end.", self.options.rounds),
            retry: true,
        }))
    }

    /// Streams one request's reply into the turn.
    async fn stream(
        &self,
        turn: &LiveTurn,
        model: &Model,
        request: ChatRequest,
        before: Usage,
        frames: &mut Frames,
    ) -> Result<Round, ProviderError> {
        let mut deltas = model.provider.stream(request);
        let mut timer = std::pin::pin!(sleep_until(Instant::now()));
        let mut calls = Vec::new();
        loop {
            if let Some(due) = frames.due().filter(|due| *due != timer.deadline()) {
                timer.as_mut().reset(due);
            }
            let delta = tokio::select! {
                biased;
                delta = deltas.next() => delta,
                () = &mut timer, if frames.due().is_some() => {
                    frames.show(turn, Instant::now());
                    continue;
                }
            };
            match delta.unwrap_or_else(|| Err(ProviderError::new(Category::Cut, "the stream ended without a stop"))) {
                Ok(Delta::Text(text)) => {
                    turn.append(TextKind::Text, &text);
                    frames.added(turn, Instant::now());
                }
                Ok(Delta::Thinking { text, signature }) => {
                    turn.append(TextKind::Thinking, &text);
                    if let Some(seal) = signature {
                        turn.seal(seal);
                    }
                    frames.added(turn, Instant::now());
                }
                Ok(Delta::ToolUse(call)) => {
                    let call = self.titled(&turn.by, ToolCall { id: turn.unique(call.id), ..call });
                    calls.push(Opened { part: turn.open_call(&call), call, unreadable: None });
                }
                Ok(Delta::BadToolUse { id, name, raw, reason }) => {
                    let raw = Value::String(raw.replace('\0', ""));
                    let call = self.titled(&turn.by, ToolCall::new(turn.unique(id), name, raw));
                    let unreadable = Some(format!(
                        "The arguments are not JSON: {reason}. Send the call again with one JSON object."
                    ));
                    calls.push(Opened { part: turn.open_call(&call), call, unreadable });
                }
                Ok(Delta::Usage(usage)) => turn.count(before, usage),
                Ok(Delta::Stop(stop)) => {
                    frames.show(turn, Instant::now());
                    return Ok(Round { stop, calls });
                }
                Err(error) => {
                    frames.show(turn, Instant::now());
                    return Err(error);
                }
            }
        }
    }

    /// The call with what its tool and that tool's server are called, for whoever reads it: they may be called otherwise
    /// later, or be gone.
    fn titled(&self, by: &Caller, call: ToolCall) -> ToolCall {
        let spec = self.tools.spec_for(by, &call.name);
        let Some(spec) = spec else { return call };
        let server = spec.server.as_ref().map(|server| server.name.clone()).unwrap_or_default();
        ToolCall { title: spec.title.clone(), server, ..call }
    }

    /// What a call may use; `definition`: see [`ToolCx::definition`].
    pub(super) fn tool_context(
        &self,
        turn: &Arc<LiveTurn>,
        part: u32,
        call: &ToolCall,
        kept: Arc<dyn Keep>,
        definition: Option<String>,
    ) -> ToolCx {
        let (live, asking, call, frame) = (Arc::clone(turn), call, call.clone(), self.options.frame);
        let last = Mutex::new(None::<Instant>);
        ToolCx {
            caller: turn.by.clone(),
            conversation: Some(turn.conversation),
            store: self.store.clone(),
            clock: self.clock.clone(),
            progress: Arc::new(move |progress, note| {
                let mut last = super::lock(&last);
                let now = Instant::now();
                if last.is_none_or(|at| now.duration_since(at) >= frame) {
                    *last = Some(now);
                    live.call_runs(part, &call, progress, note);
                }
            }),
            asking: self.asking(turn, part, asking),
            kept,
            definition,
        }
    }

    /// Keeps the text so far, for after a crash, whenever it changed, and renews the turn's lease while it does not.
    async fn checkpoints(&self, turn: &LiveTurn) -> std::convert::Infallible {
        let (mut kept, mut renewed) = (0, Instant::now());
        loop {
            tokio::time::sleep(self.options.checkpoint).await;
            // A quarter of the lease: one renewal may fail.
            let seen =
                if renewed.elapsed().as_millis() > (LEASE_MS / 4).unsigned_abs().into() { u64::MAX } else { kept };
            if let Some(so_far) = turn.changed_since(seen) {
                match self.store_so_far(turn, &so_far).await {
                    Ok(()) => (kept, renewed) = (so_far.changes, Instant::now()),
                    Err(error) => tracing::warn!(%error, turn.id = %turn.id, "a checkpoint was not kept"),
                }
            }
        }
    }
}

fn provider_fault(turn: &LiveTurn, error: &ProviderError) -> Fault {
    tracing::warn!(%error, turn.id = %turn.id, model = %turn.model.0, status = error.status, "the provider failed");
    let mut fault = error.fault();
    if fault.kind == FaultKind::Cut {
        fault.message.push_str(" What came so far is kept.");
    }
    fault
}

/// What a last round's stop means for the turn.
fn ended(stop: StopReason, model: &Model, turn: &LiveTurn) -> Result<(), Fault> {
    // A second reply would be cut at the same limit.
    let fault = |kind, message: String| Err(Fault { kind, message, retry: kind != FaultKind::Cut });
    match stop {
        StopReason::MaxTokens => fault(
            FaultKind::Cut,
            format!(
                "The reply reached the most this model may write at once ({} tokens). Continue to get the rest.",
                model.max_output
            ),
        ),
        StopReason::Refusal => fault(
            FaultKind::Refused,
            "The model declined to answer this. Rephrase it, or try another model.".to_owned(),
        ),
        StopReason::EndTurn | StopReason::ToolUse if turn.len() == 0 => {
            fault(FaultKind::Unreachable, "The model sent an empty reply. Try again.".to_owned())
        }
        StopReason::EndTurn | StopReason::ToolUse => Ok(()),
    }
}

fn unreadable(error: StoreError) -> Fault {
    match error {
        StoreError::NotFound => Fault {
            kind: FaultKind::Rejected,
            message: "Who asked for this reply is no longer in this conversation.".to_owned(),
            retry: false,
        },
        error => {
            tracing::error!(%error, "a turn cannot read its conversation");
            internal("The conversation could not be read just now. Try again in a moment.")
        }
    }
}

/// A fault of ours.
pub(super) fn internal(message: &str) -> Fault {
    Fault { kind: FaultKind::Internal, message: message.to_owned(), retry: true }
}
