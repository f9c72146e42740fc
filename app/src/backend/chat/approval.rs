//! Whether a call runs: at once, after a person said so, or not at all.
//!
//! Rule: the person who asked for the turn and the room's owner may decide, from any of their tabs, and may change the
//! arguments. What is to last is kept for the person who asked, and only if it was they who said it; the owner's
//! «always» on another's turn counts once. A question nobody answers lapses into «denied».
//! Invariant: a question that a tab sees is stored, and outlives the process; before its call runs, it is stored that
//! it was answered. Where there is no page to answer on, nothing is asked, and what would ask is denied. The rules are looked at again then: a floor or a switch that came meanwhile holds, and a tool that
//! is another than they were shown does not run. A turn that a program asked for runs no tool that its token is not
//! for, whatever its person allows here and whichever process goes on with it. Of a server's tool, what was decided
//! about goes with the call ([`Permit::definition`]), and is compared once more where the call is made: it may be
//! another by then. Parley's own tools stay what they are for as long as the process runs.

use super::{
    Chat,
    live::{Answer, LiveTurn},
    refusal::ChatError,
};
use crate::{
    backend::{
        caller::Caller,
        metrics,
        store::turns::waiting::{WaitingCall, WaitingTask},
        tools::{
            policy::{self, Called, Decision, Permit, Place, definition},
            schema,
            serve::scope_of,
        },
    },
    wire::{
        error::ApiError,
        id::{CallId, ConversationId, Millis, TurnId},
        policy::{Question, Rule, Why},
        tool::{Approval, Edited, NOT_RUN, ToolCall, ToolResult, ToolSpec},
    },
};
use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::Instant};

/// A call of the model's, as it came.
#[derive(Debug)]
pub(super) struct Opened {
    /// Its index among the reply's parts.
    pub(super) part: u32,
    pub(super) call: ToolCall,
    /// Why its arguments cannot be read.
    pub(super) unreadable: Option<String>,
}

/// A call and what is to happen with it.
#[derive(Debug)]
pub(super) struct Proposed {
    pub(super) part: u32,
    pub(super) call: ToolCall,
    pub(super) fate: Fate,
}

/// What is to happen with a call.
#[derive(Debug)]
pub(super) enum Fate {
    /// It is decided.
    Settled(Permit),
    /// Somebody is asked, until then.
    Ask(oneshot::Receiver<Answer>, Millis),
    /// It was begun before a restart, and another server works at it.
    GoesOn(WaitingTask),
}

/// How waiting for an answer ended.
enum Waited {
    Answered(Answer),
    Lapsed,
    /// The process stops.
    Rests,
}

impl Chat {
    /// Decides about the calls of a round, and asks where it must.
    pub(super) async fn propose(&self, turn: &LiveTurn, calls: Vec<Opened>) -> Vec<Proposed> {
        let mut proposed = Vec::with_capacity(calls.len());
        for Opened { part, call, unreadable } in calls {
            let fate = match unreadable {
                Some(why) => {
                    Fate::Settled(self.called(turn, &call, None, |entry| entry.denied(Rule::Unreadable, None, why)))
                }
                None => self.fate(turn, &call).await,
            };
            proposed.push(Proposed { part, call, fate });
        }
        if !turn.waits() {
            return proposed;
        }
        match self.store_so_far(turn, &turn.so_far()).await {
            Ok(()) => turn.tell_questions(),
            Err(error) => {
                tracing::error!(%error, turn.id = %turn.id, "questions cannot be kept: their calls are denied");
                for Proposed { call, fate, .. } in &mut proposed {
                    if matches!(fate, Fate::Ask(..)) {
                        turn.withdraw(&call.id);
                        let why = denied("You could not be asked just now, because the question cannot be kept.");
                        *fate =
                            Fate::Settled(self.called(turn, call, None, |entry| entry.denied(Rule::Error, None, why)));
                    }
                }
            }
        }
        proposed
    }

    async fn fate(&self, turn: &LiveTurn, call: &ToolCall) -> Fate {
        // The registry has the sentence for a tool that does not exist.
        let Some(spec) = self.tools.spec_for(&turn.by, &call.name) else {
            return Fate::Settled(self.called(turn, call, None, |entry| entry.allowed(Rule::Unknown, None)));
        };
        match self.decision(turn, &spec).await {
            Decision::Run(rule) => {
                Fate::Settled(self.called(turn, call, Some(&spec), |entry| entry.allowed(rule, None)))
            }
            Decision::Deny(rule, why) => {
                Fate::Settled(self.called(turn, call, Some(&spec), |entry| entry.denied(rule, None, why)))
            }
            Decision::Ask { question, .. } if !self.options.page => {
                let why = unasked(&spec.name, question.may_last());
                Fate::Settled(self.called(turn, call, Some(&spec), |entry| entry.denied(Rule::Unanswered, None, why)))
            }
            Decision::Ask { question, .. } => {
                let wait = i64::try_from(self.options.approval.as_millis()).unwrap_or(i64::MAX);
                let until = Millis(self.clock.now().0.saturating_add(wait));
                let call = call.id.clone();
                Fate::Ask(turn.ask(WaitingCall { call, until, question, definition: definition(&spec) }), until)
            }
        }
    }

    async fn decision(&self, turn: &LiveTurn, spec: &ToolSpec) -> Decision {
        let scope = scope_of(spec);
        if !turn.by.may(scope) {
            let (tool, scope) = (&spec.name, scope.name());
            let why = format!(
                "`{tool}` was not run: a program asked for this reply, and its token is not for that. It would need the \
                 scope `{scope}`, or its person asks here themselves."
            );
            return Decision::Deny(Rule::Scope, why);
        }
        // What somebody's own server answers is theirs alone too.
        let personal = spec.server.is_some() || self.tools.is_personal(&spec.name);
        let exposed = personal && self.is_shared(turn.conversation).await;
        policy::decide(&self.store, &turn.by, spec, &Place { exposed, ..place(turn) }).await
    }

    fn called(
        &self,
        turn: &LiveTurn,
        call: &ToolCall,
        spec: Option<&ToolSpec>,
        decide: impl FnOnce(policy::Entry) -> Permit,
    ) -> Permit {
        let called =
            Called { caller: &turn.by, tool: &call.name, spec, arguments: call.effective(), place: place(turn) };
        decide(Permit::entry(&self.store, &self.clock, &called))
    }

    /// Whether others read along; if that cannot be found out, they do.
    async fn is_shared(&self, id: ConversationId) -> bool {
        self.rows(id).await.is_none_or(|rows| rows.len() > 1)
    }

    /// Answers the calls of a round side by side; each result is told as it comes. `false`: the process stops, and some
    /// of them still ask, or are at work elsewhere.
    pub(super) async fn answer(&self, turn: &Arc<LiveTurn>, calls: Vec<Proposed>) -> bool {
        let mut all = true;
        let mut running: FuturesUnordered<_> = calls.into_iter().map(|call| self.answer_one(turn, call)).collect();
        while let Some(answered) = running.next().await {
            let Some((part, call, result)) = answered else {
                all = false;
                continue;
            };
            metrics::tool_call(self.tools.label(&turn.by, &call.name).as_deref(), result.outcome.is_error);
            turn.close_call(part, &call, result);
        }
        all
    }

    async fn answer_one(&self, turn: &Arc<LiveTurn>, proposed: Proposed) -> Option<(u32, ToolCall, ToolResult)> {
        let Proposed { part, call, fate } = proposed;
        let mut left = None;
        let (call, permit) = match fate {
            Fate::Settled(permit) => (call, permit),
            Fate::GoesOn(kept) => {
                let spec = self.tools.spec_for(&turn.by, &call.name);
                let permit = self.called(turn, &call, spec.as_deref(), |entry| entry.begun(kept.record));
                left = Some(kept.task);
                (call, permit)
            }
            Fate::Ask(answer, until) => match self.wait(answer, until).await {
                Waited::Rests => return None,
                Waited::Lapsed => {
                    let why = denied("Nobody answered whether this call may run, so it counts as denied.");
                    let permit =
                        self.called(turn, &call, self.tools.spec_for(&turn.by, &call.name).as_deref(), |entry| {
                            entry.denied(Rule::Unanswered, None, why)
                        });
                    (call, permit)
                }
                Waited::Answered(answer) => self.settle(turn, part, call, answer).await,
            },
        };
        let call = if permit.allows() { self.with_app(turn, part, call) } else { call };
        let began = Instant::now();
        let kept = self.keeping(turn, &call.id, permit.record(), left);
        let cx = self.tool_context(turn, part, &call, kept, permit.definition().map(str::to_owned));
        let runs = ToolCall { arguments: call.effective().clone(), ..call.clone() };
        let run = Box::pin(permit.run(self.tools.call(&cx, &runs)));
        let outcome = tokio::select! {
            biased;
            () = self.rests(turn, &call.id) => return None,
            outcome = run => outcome,
        };
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let result = ToolResult { call: call.id.clone(), outcome, duration_ms };
        Some((part, call, result))
    }

    /// Records the calls that still ask when their turn ends.
    pub(super) fn record_unanswered(&self, turn: &LiveTurn) {
        for call in turn.asked() {
            let spec = self.tools.spec_for(&turn.by, &call.name);
            let why = denied("The reply ended before anybody answered.");
            let denied = self.called(turn, &call, spec.as_deref(), |entry| entry.denied(Rule::Unanswered, None, why));
            // What the model would read is never read: the turn is over.
            drop(denied.refused());
        }
    }

    /// Waits for an answer. The clock is looked at now and then, because a machine may sleep meanwhile.
    async fn wait(&self, mut answer: oneshot::Receiver<Answer>, until: Millis) -> Waited {
        loop {
            let left = u64::try_from(until.0.saturating_sub(self.clock.now().0)).unwrap_or_default();
            if left == 0 {
                return Waited::Lapsed;
            }
            tokio::select! {
                biased;
                answer = &mut answer => return answer.map_or(Waited::Lapsed, Waited::Answered),
                () = self.closed.cancelled() => return Waited::Rests,
                () = tokio::time::sleep(self.options.checkpoint.min(Duration::from_millis(left))) => {}
            }
        }
    }

    /// What an answer means for a call, once it is stored that there is one.
    async fn settle(&self, turn: &LiveTurn, part: u32, call: ToolCall, answer: Answer) -> (ToolCall, Permit) {
        let Answer { approval, lasts, by, edited, definition: shown } = answer;
        let rule = if lasts { approval.rule() } else { Rule::Once };
        let spec = self.tools.spec_for(&turn.by, &call.name);
        if !approval.allows() {
            let why = denied("The person you are talking to denied this call.");
            let permit = self.called(turn, &call, spec.as_deref(), |entry| entry.denied(rule, Some(by), why));
            return (call, permit);
        }
        let call = match edited {
            Some(edited) => turn.edit_call(part, call, edited),
            None => call,
        };
        turn.call_runs(part, &call, None, None);
        let mut decision = match &spec {
            Some(spec) if definition(spec) == shown => self.decision(turn, spec).await,
            Some(_) => {
                let why = denied("This tool changed after the person you are talking to was asked about it.");
                Decision::Deny(Rule::Unanswered, why)
            }
            None => Decision::Run(Rule::Unknown),
        };
        if let Err(error) = self.store_so_far(turn, &turn.so_far()).await {
            tracing::error!(%error, turn.id = %turn.id, "an answer cannot be kept: its call is denied");
            decision = Decision::Deny(Rule::Error, denied("Your answer could not be kept."));
        }
        let permit = self.called(turn, &call, spec.as_deref(), |entry| match decision {
            Decision::Deny(rule, why) => entry.denied(rule, None, why),
            Decision::Run(_) | Decision::Ask { .. } => entry.allowed(rule, Some(by)),
        });
        (call, permit)
    }

    /// Whether it is `by`'s own turn; that of another only the room's owner may decide about.
    pub(super) async fn may_decide(&self, by: &Caller, turn: &LiveTurn) -> Result<bool, ChatError> {
        let room = self.store.conversation(by.user, turn.conversation).await?;
        let own = turn.by.user == by.user;
        if !own && !room.summary.owned {
            let reason = "Only who asked for this reply, or the room's owner, can decide about its tools.";
            return Err(ApiError::Forbidden { reason: reason.to_owned() }.into());
        }
        Ok(own)
    }

    /// Answers a call's question, and keeps what is to last.
    ///
    /// # Errors
    /// `NotFound` for a turn or call that does not ask, or a room `by` is not in; `Forbidden` for another's turn;
    /// `Invalid` for arguments that do not fit the tool; `Conflict` if the tool changed since it was asked about.
    pub async fn decide(
        &self,
        by: &Caller,
        turn: TurnId,
        call: &CallId,
        approval: Approval,
        arguments: Option<Value>,
    ) -> Result<(), ChatError> {
        let turn = self.rooms.turn(turn).ok_or(ApiError::NotFound)?;
        let own = self.may_decide(by, &turn).await?;
        let (asking, asked) = turn.asking(call).ok_or(ApiError::NotFound)?;
        let lasts = own && approval.rule() != Rule::Once;
        let edited = if approval.allows() {
            if lasts && !asked.question.may_last() {
                let reason = "An administrator wants each call of this tool asked about: allow it once.";
                return Err(ApiError::Forbidden { reason: reason.to_owned() }.into());
            }
            let spec = self.unchanged(&turn, &asking.name, &asked).await?;
            let changed = arguments.filter(|arguments| *arguments != asking.arguments);
            changed.map(|arguments| fitting(&spec, arguments)).transpose()?
        } else {
            None
        };
        if lasts {
            let here = (approval.rule() == Rule::Conversation).then_some(turn.conversation);
            let (policy, definition) = (approval.policy(), &asked.definition);
            self.store.set_tool_policy(by.user, here, &asking.name, policy, definition).await?;
        }
        let definition = asked.definition;
        let edited = edited.map(|arguments| Edited { arguments, by: by.name.clone() });
        let answer = Answer { approval, lasts, by: by.user, edited, definition };
        if turn.decide(call, answer) { Ok(()) } else { Err(ApiError::NotFound.into()) }
    }

    /// The tool that a question was about, if it is still what it was then; else the question is asked anew.
    async fn unchanged(&self, turn: &LiveTurn, tool: &str, asked: &WaitingCall) -> Result<Arc<ToolSpec>, ChatError> {
        let Some(spec) = self.tools.spec_for(&turn.by, tool) else {
            let reason = "This tool is not there any more: its call can only be denied.".to_owned();
            return Err(ApiError::Conflict { reason }.into());
        };
        let now = definition(&spec);
        if now == asked.definition {
            return Ok(spec);
        }
        let question = Question { why: Why::Changed, server: spec.server.clone(), claims: spec.annotations };
        turn.ask_anew(WaitingCall { question, definition: now, ..asked.clone() });
        self.store_so_far(turn, &turn.so_far()).await?;
        let reason = "This tool changed since it was asked about. Look at it again.".to_owned();
        Err(ApiError::Conflict { reason }.into())
    }
}

fn place(turn: &LiveTurn) -> Place {
    Place { turn: Some((turn.conversation, turn.id)), ..Place::default() }
}

/// Arguments that a person wrote in place of the model's, if the tool takes them.
fn fitting(spec: &ToolSpec, mut arguments: Value) -> Result<Value, ApiError> {
    match schema::fit(&spec.input_schema, &mut arguments) {
        Ok(()) => Ok(arguments),
        Err(problems) => Err(ApiError::invalid("arguments", problems.join(" "))),
    }
}

/// Why a call does not run where nobody can be asked, and what to do; `may_last`: whether a word for good would count.
fn unasked(tool: &str, may_last: bool) -> String {
    let allow = if may_last { "allow it always in Parley's settings, or " } else { "" };
    denied(&format!(
        "`{tool}` needs its person's word, and this reply runs at a program's pipe (`parley mcp-stdio`), where nobody can \
         be asked. They can {allow}send the message on Parley's page once this reply is over; there they are asked."
    ))
}

fn denied(why: &str) -> String {
    format!("{why} {NOT_RUN}")
}
