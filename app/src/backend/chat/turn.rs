//! One running turn: provider stream → deltas → tools → next round → the reply's end.
//!
//! Invariant: a turn belongs to no socket. It ends by itself, by [`LiveTurn::stop_as`], or with the process, and then
//! whatever it wrote is in its [`LiveTurn`]. Storing the end is `finish`'s.

use super::{Chat, approval::Fate, context, finish::Outcome, live::LiveTurn};
use crate::{
    backend::{
        llm::{Category, ChatRequest, Content, Delta, Model, ProviderError, StopReason},
        metrics,
        store::{StoreError, turns::LEASE_MS},
        tools::ToolCx,
    },
    wire::{
        event::TextKind,
        message::{Fault, FaultKind, Role, Usage, plain_text},
        tool::{ToolCall, ToolOutcome, ToolResult},
    },
};
use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use serde_json::Value;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};
use tokio::time::{Instant, sleep_until};

/// What a request's reply came to.
struct Round {
    stop: StopReason,
    calls: Vec<Proposed>,
}

/// A call with its place and fate.
struct Proposed {
    part: u32,
    call: ToolCall,
    fate: Fate,
}

/// When frames of text are due.
struct Frames {
    began: Instant,
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Chat {
    /// Runs a turn to its end, stores it, and begins the next that waits.
    pub(super) async fn run(self: Arc<Self>, turn: Arc<LiveTurn>) {
        let began = Instant::now();
        metrics::turn_started();
        let question = Mutex::new(String::new());
        let work = async {
            tokio::select! {
                biased;
                () = turn.stop.cancelled() => Outcome::asked(turn.stopped_as()),
                outcome = self.rounds(&turn, &question, began) => outcome,
                never = self.checkpoints(&turn) => match never {},
            }
        };
        let outcome = AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!(turn.id = %turn.id, "a turn panicked");
            Outcome::failed(internal("Something went wrong on our side while this reply was written."))
        });
        let question = std::mem::take(&mut *super::lock(&question));
        self.finish(&turn, outcome, &question, began).await;
    }

    async fn rounds(&self, turn: &Arc<LiveTurn>, question: &Mutex<String>, began: Instant) -> Outcome {
        match self.converse_with_model(turn, question, began).await {
            Ok(()) => Outcome::complete(),
            Err(fault) => Outcome::failed(fault),
        }
    }

    async fn converse_with_model(
        &self,
        turn: &Arc<LiveTurn>,
        question: &Mutex<String>,
        began: Instant,
    ) -> Result<(), Fault> {
        let model = self.models.get(Some(&turn.model)).ok_or_else(|| Fault {
            kind: FaultKind::Rejected,
            message: format!("The model {} is no longer offered here. Choose another one.", turn.model.0),
            retry: false,
        })?;
        let mut request = self.request(turn, model, question).await?;
        let mut frames = Frames { began, last: None, due: None };
        let mut shortened = false;
        for _ in 0..self.options.rounds {
            let (before, first) = (turn.usage(), turn.len());
            let round = match self.stream(turn, model, request.clone(), before, &mut frames).await {
                Err(error) if error.category == Category::ContextTooLong && !shortened && turn.len() == first => {
                    let Some(newer) = context::newer_half(&request.turns) else {
                        return Err(provider_fault(turn, &error));
                    };
                    request.turns = newer;
                    shortened = true;
                    continue;
                }
                Err(error) => return Err(provider_fault(turn, &error)),
                Ok(round) => round,
            };
            if round.calls.is_empty() {
                return ended(round.stop, model, turn);
            }
            self.answer(turn, round.calls).await;
            for more in context::reply_turns(&turn.parts_from(first), true) {
                context::push(&mut request.turns, more.assistant, more.content);
            }
        }
        Err(Fault {
            kind: FaultKind::TooManyRounds,
            message: format!("The model used tools {} times without coming to an end.", self.options.rounds),
            retry: true,
        })
    }

    /// What the model is asked first.
    async fn request(&self, turn: &LiveTurn, model: &Model, question: &Mutex<String>) -> Result<ChatRequest, Fault> {
        let path = match turn.parent {
            None => Vec::new(),
            Some(leaf) => self.store.path(turn.by.user, leaf, model.history_messages).await.map_err(unreadable)?,
        };
        if turn.untitled
            && let Some(first) = path.iter().find(|m| m.role == Role::User)
        {
            *super::lock(question) = plain_text(&first.parts);
        }
        let tools = self.tools.list(&turn.by).await;
        let several = self.rooms.with(turn.conversation, |room| room.rows().is_ok_and(|rows| rows.len() > 1));
        let mut turns = context::turns(&path, model, several, tools.len());
        if turn.len() > 0 {
            turn.close_calls("It was interrupted before it finished.");
            for kept in context::reply_turns(&turn.parts_from(0), true) {
                context::push(&mut turns, kept.assistant, kept.content);
            }
            context::push(&mut turns, false, vec![Content::Text(context::GO_ON.to_owned())]);
        }
        Ok(ChatRequest {
            model: model.vendor_name.clone(),
            system: context::SYSTEM.to_owned(),
            turns,
            tools,
            max_output: model.max_output,
        })
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
        let mut timer = std::pin::pin!(sleep_until(frames.began));
        let mut calls = Vec::new();
        loop {
            let delta = tokio::select! {
                biased;
                delta = deltas.next() => delta,
                () = &mut timer, if frames.due.is_some() => {
                    frames.shown(turn);
                    continue;
                }
            };
            match delta.unwrap_or_else(|| Err(ProviderError::new(Category::Cut, "the stream ended without a stop"))) {
                Ok(Delta::Text(text)) => {
                    turn.append(TextKind::Text, &text);
                    frames.added(turn, self.options.frame, timer.as_mut());
                }
                Ok(Delta::Thinking { text, signature }) => {
                    turn.append(TextKind::Thinking, &text);
                    if let Some(seal) = signature {
                        turn.seal(seal);
                    }
                    frames.added(turn, self.options.frame, timer.as_mut());
                }
                Ok(Delta::ToolUse(call)) => {
                    let call = self.titled(ToolCall { id: turn.unique(call.id), ..call });
                    let (part, fate) = self.propose(turn, &call).await;
                    calls.push(Proposed { part, call, fate });
                }
                Ok(Delta::BadToolUse { id, name, raw, reason }) => {
                    let raw = Value::String(raw.replace('\0', ""));
                    let call = self.titled(ToolCall::new(turn.unique(id), name, raw));
                    let fate = Fate::Answer(ToolOutcome::error(format!(
                        "The arguments are not JSON: {reason}. Send the call again with one JSON object."
                    )));
                    let running = crate::wire::tool::ToolState::Running { progress: None, note: None };
                    let (part, _) = turn.open_call(&call, running);
                    calls.push(Proposed { part, call, fate });
                }
                Ok(Delta::Usage(usage)) => turn.count(before, usage),
                Ok(Delta::Stop(stop)) => {
                    frames.shown(turn);
                    return Ok(Round { stop, calls });
                }
                Err(error) => {
                    frames.shown(turn);
                    return Err(error);
                }
            }
        }
    }

    /// The call with its tool's title, for whoever reads it: the tool may be called otherwise later, or be gone.
    fn titled(&self, call: ToolCall) -> ToolCall {
        let title = self.tools.spec(&call.name).map(|spec| spec.title).unwrap_or_default();
        ToolCall { title, ..call }
    }

    /// Runs the calls of a round side by side; each result is told as it comes.
    async fn answer(&self, turn: &Arc<LiveTurn>, calls: Vec<Proposed>) {
        let mut running: FuturesUnordered<_> = calls.into_iter().map(|call| self.answer_one(turn, call)).collect();
        while let Some((part, call, result)) = running.next().await {
            metrics::tool_call(self.tools.spec(&call.name).map(|_| call.name.as_str()), result.outcome.is_error);
            turn.close_call(part, &call, result);
        }
    }

    async fn answer_one(&self, turn: &Arc<LiveTurn>, proposed: Proposed) -> (u32, ToolCall, ToolResult) {
        let Proposed { part, call, fate } = proposed;
        let allowed = match fate {
            Fate::Run => Ok(()),
            Fate::Answer(outcome) => Err(outcome),
            Fate::Ask(answer, patience) => {
                let decision = Self::decision(answer, patience).await;
                if decision.is_ok() {
                    turn.call_runs(part, &call, None, None);
                }
                decision
            }
        };
        let began = Instant::now();
        let outcome = match allowed {
            Ok(()) => self.tools.call(&self.tool_context(turn, part, &call), &call).await,
            Err(outcome) => outcome,
        };
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let result = ToolResult { call: call.id.clone(), outcome, duration_ms };
        (part, call, result)
    }

    fn tool_context(&self, turn: &Arc<LiveTurn>, part: u32, call: &ToolCall) -> ToolCx {
        let (live, call, frame) = (Arc::clone(turn), call.clone(), self.options.frame);
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
            if let Some((parts, usage, changes)) = turn.changed_since(seen) {
                match self.store.checkpoint(turn.id, &parts, usage).await {
                    Ok(()) => (kept, renewed) = (changes, Instant::now()),
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

impl Frames {
    /// Text was added: the first goes out at once, then at most one frame per `frame`.
    fn added(&mut self, turn: &LiveTurn, frame: std::time::Duration, timer: std::pin::Pin<&mut tokio::time::Sleep>) {
        let now = Instant::now();
        match (self.due, self.last) {
            (Some(due), _) if now < due => {}
            (None, Some(last)) if now < last + frame => {
                self.due = Some(last + frame);
                timer.reset(last + frame);
            }
            _ => {
                if self.last.is_none() {
                    metrics::first_delta(now - self.began);
                }
                self.shown(turn);
                self.last = Some(now);
            }
        }
    }

    /// Tells what was added, now.
    fn shown(&mut self, turn: &LiveTurn) {
        turn.flush();
        if self.due.take().is_some() {
            self.last = Some(Instant::now());
        }
    }
}

/// What a last round's stop means for the turn.
fn ended(stop: StopReason, model: &Model, turn: &LiveTurn) -> Result<(), Fault> {
    let fault = |kind, message: String| Err(Fault { kind, message, retry: true });
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
