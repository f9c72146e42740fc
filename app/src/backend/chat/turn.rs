//! One running turn: provider stream → deltas → tools → next round → the reply's end.
//!
//! Invariant: a turn belongs to no socket. It ends by itself, by [`LiveTurn::stop_as`], or with the process, and then
//! whatever it wrote is in its [`LiveTurn`]. Storing the end is `finish`'s.

mod frames;

use super::{
    Chat,
    approval::{Opened, Proposed},
    context,
    finish::Outcome,
    live::LiveTurn,
    paths::Path,
    pictures,
};
use crate::{
    backend::{
        caller::Caller,
        llm::{Category, ChatRequest, Content, Delta, Model, ProviderError, StopReason},
        metrics,
        store::{StoreError, policies::ToolRules, turns::LEASE_MS},
        tools::{ToolCx, attachments, kept::Keep, policy, serve::scope_of},
    },
    wire::{
        event::TextKind,
        message::{Fault, FaultKind, Role, Usage, plain_text},
        tool::{INTERRUPTED, ToolCall, ToolSpec},
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

/// What the tools that the model is told of follow from.
struct Offer {
    /// Those there are for its person.
    tools: Arc<Vec<Arc<ToolSpec>>>,
    /// What decides about their calls.
    rules: Arc<ToolRules>,
}

impl Offer {
    /// Whether the same follows from both. Mostly all of it is the very same, and nothing is compared by value.
    fn is_like(&self, other: &Self) -> bool {
        let same = |(one, another): (&Arc<ToolSpec>, &Arc<ToolSpec>)| Arc::ptr_eq(one, another) || one == another;
        let tools = Arc::ptr_eq(&self.tools, &other.tools)
            || (self.tools.len() == other.tools.len() && self.tools.iter().zip(other.tools.iter()).all(same));
        tools && (Arc::ptr_eq(&self.rules, &other.rules) || self.rules == other.rules)
    }

    /// The tools the model is told of: not those whose calls would be denied, be it by the rules or because `by` is a
    /// program whose token is not for them. Each such call would cost a round.
    fn told(&self, by: &Caller) -> Arc<Vec<Arc<ToolSpec>>> {
        let tools = policy::offered(&self.rules, attachments::offered(&self.rules, Arc::clone(&self.tools)));
        if by.scopes().is_none() || tools.iter().all(|spec| by.may(scope_of(spec))) {
            return tools;
        }
        Arc::new(tools.iter().filter(|spec| by.may(scope_of(spec))).cloned().collect())
    }
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
        let tools = self.tools.offer(&turn.by, turn.conversation, model.context_window).await;
        let (mut request, mut offer) = self.request(turn, model, tools, question, resumed.is_some()).await?;
        if let Some(calls) = resumed {
            self.answered(turn, calls, turn.begun(), &mut request).await?;
            self.offer_again(turn, model, &mut offer, &mut request).await;
        }
        let mut frames = Frames::new(self.options.frame, began);
        let (mut shortened, mut sees) = (false, model.sees);
        for _ in turn.rounds()..self.options.rounds {
            let (before, first) = (turn.usage(), turn.len());
            if sees {
                self.show_pictures(turn.by.user, &mut request.turns).await;
            }
            let round = match self.stream(turn, model, request.clone(), before, &mut frames).await {
                Err(error) if error.category == Category::ContextTooLong && !shortened && turn.len() == first => {
                    let Some(newer) = context::newer_half(&request.turns) else {
                        return Err(provider_fault(turn, &error).into());
                    };
                    request.turns = newer;
                    shortened = true;
                    continue;
                }
                // A picture may be one that the vendor cannot read: then the model goes on without.
                Err(error) if error.category == Category::Rejected && sees && pictures::hide(&mut request.turns) => {
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
            self.answered(turn, calls, first, &mut request).await?;
            self.offer_again(turn, model, &mut offer, &mut request).await;
        }
        Err(Halt::Fault(Fault {
            kind: FaultKind::TooManyRounds,
            message: format!("The model used tools {} times without coming to an end.", self.options.rounds),
            retry: true,
        }))
    }

    /// Has the calls of a round answered, and adds what the model is to read of the parts since `first`.
    async fn answered(
        &self,
        turn: &Arc<LiveTurn>,
        calls: Vec<Proposed>,
        first: usize,
        request: &mut ChatRequest,
    ) -> Result<(), Halt> {
        if !self.answer(turn, calls).await {
            return Err(Halt::Rests);
        }
        for more in context::reply_turns(&turn.parts_from(first), true) {
            context::push(&mut request.turns, more.assistant, more.content);
        }
        Ok(())
    }

    /// Offers the model what there is by now: a search may have found tools, a server have come or gone, somebody have
    /// denied a tool or switched it off, a result have left something to read on in. If the rules cannot be read, the
    /// model goes on with what it knows: whether a call runs is decided anew for each.
    async fn offer_again(&self, turn: &LiveTurn, model: &Model, offer: &mut Offer, request: &mut ChatRequest) {
        let tools = self.tools.offer_again(&turn.by, turn.conversation, model.context_window).await;
        let now = match self.store.tool_rules(turn.by.user, Some(turn.conversation)).await {
            Ok(rules) => Offer { tools, rules },
            Err(error) => return tracing::warn!(%error, turn.id = %turn.id, "a turn keeps the tools it has on offer"),
        };
        if !now.is_like(offer) {
            request.tools = now.told(&turn.by);
        }
        *offer = now;
    }

    /// What the model is asked first, and what its tools follow from.
    async fn request(
        &self,
        turn: &LiveTurn,
        model: &Model,
        tools: Arc<Vec<Arc<ToolSpec>>>,
        question: &Mutex<String>,
        resumed: bool,
    ) -> Result<(ChatRequest, Offer), Fault> {
        let known = turn.take_path().and_then(|path| path.newest(model.history_messages));
        let path = match (known, turn.parent) {
            (Some(path), _) => path,
            (None, None) => Path::read(Vec::new(), model.history_messages),
            (None, Some(leaf)) => {
                let read = self.store.path(turn.by.user, leaf, model.history_messages).await.map_err(unreadable)?;
                Path::read(read, model.history_messages)
            }
        };
        if turn.untitled
            && let Some(first) = path.messages.iter().find(|m| m.role == Role::User)
        {
            *super::lock(question) = plain_text(&first.parts);
        }
        let rules = self.store.tool_rules(turn.by.user, Some(turn.conversation)).await.map_err(unreadable)?;
        let offer = Offer { tools, rules };
        let tools = offer.told(&turn.by);
        let several = self.rooms.with(turn.conversation, |room| room.rows().is_ok_and(|rows| rows.len() > 1));
        let mut turns = context::turns(&path.messages, model, several, self.tools.cost(&tools));
        turn.keep_path(Some(path));
        if !resumed {
            turn.close_calls(INTERRUPTED);
            turn.begin_here();
        }
        if turn.begun() > 0 {
            for kept in context::reply_turns(&turn.parts(0..turn.begun()), true) {
                context::push(&mut turns, kept.assistant, kept.content);
            }
            context::push(&mut turns, false, vec![Content::Text(context::GO_ON.to_owned())]);
        }
        let request = ChatRequest {
            model: model.vendor_name.clone(),
            system: context::SYSTEM.to_owned(),
            turns,
            tools,
            max_output: model.max_output,
        };
        Ok((request, offer))
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
