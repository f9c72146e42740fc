//! [`Permit`]: the one way a call runs. Whoever holds one has a decision; running it records the call.
//!
//! Invariant: no call reads or changes anything, and nothing of it is told, without a committed row that says who or what
//! permitted it. A call that may change something begins when its row is there; one that runs unasked because it changes
//! nothing runs while the row is written, and its result is told once the row is there. If the row cannot be written, the
//! call is denied. What came of the call follows without anybody waiting for it, also when it is stopped in the middle.
//!
//! A call that changes nothing and is over without having waited for anything has read no database, file or network: it
//! made its answer of its arguments. Its row, which says at once how it ended, is handed to the writer and not waited
//! for: a turn would otherwise pay a commit for a sum, and a program more than for all the rest of its call.

use super::{
    Decision, decide,
    definition::{definition, digest},
};
use crate::{
    backend::{
        caller::{Caller, Via},
        clock::Clock,
        store::{Store, tool_calls::RecordedCall, turns::waiting::BegunRecord},
    },
    wire::{
        id::{ConversationId, TurnId, UserId},
        policy::{CallEnd, CalledBy, Rule, Why},
        tool::{ToolOutcome, ToolSpec},
    },
};
use futures::poll;
use serde_json::Value;
use std::{future::Future, pin::pin, task::Poll};
use tokio::time::Instant;

/// Where a call is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The turn whose model calls, and its conversation; `None`: a program calls.
    pub turn: Option<(ConversationId, TurnId)>,
    /// Its result would show others what is the caller's alone.
    pub exposed: bool,
    /// An app calls that the turn's call is shown by, and not its model.
    pub app: bool,
}

impl Place {
    /// The conversation, if it is made in one.
    pub fn conversation(&self) -> Option<ConversationId> {
        self.turn.map(|(conversation, _)| conversation)
    }
}

/// A call as it is decided about and recorded.
#[derive(Clone, Copy, Debug)]
pub struct Called<'a> {
    /// On whose behalf.
    pub caller: &'a Caller,
    /// The tool's name.
    pub tool: &'a str,
    /// The tool as it is decided about; `None`: there is none of that name.
    pub spec: Option<&'a ToolSpec>,
    /// What it is called with.
    pub arguments: &'a Value,
    /// Where.
    pub place: Place,
}

impl<'a> Called<'a> {
    /// A program's call of a tool.
    pub fn by_program(caller: &'a Caller, spec: &'a ToolSpec, arguments: &'a Value) -> Self {
        let place = Place::default();
        Self { caller, tool: &spec.name, spec: Some(spec), arguments, place }
    }
}

/// Decides about a program's call. Nobody can be asked there: what Parley's own bot would ask about runs, because the
/// program is bound to show its person what it calls; but not what an administrator wants asked about each time, nor
/// what the person refused before the tool changed.
pub async fn permit(store: &Store, clock: &Clock, called: &Called<'_>, spec: &ToolSpec) -> Permit {
    let entry = Permit::entry(store, clock, called);
    let tool = &spec.name;
    match decide(store, called.caller, spec, &called.place).await {
        Decision::Run(rule) => entry.allowed(rule, None),
        Decision::Deny(rule, why) => entry.denied(rule, None, why),
        Decision::Ask { question, .. } if question.why == Why::Floor => {
            let why = format!(
                "An administrator wants a person asked before each call of `{tool}`, and here nobody can be. Use it in \
                 a conversation of Parley."
            );
            entry.denied(Rule::Floor, None, why)
        }
        Decision::Ask { refused: true, .. } => {
            let why = format!(
                "You decided that `{tool}` may not be used; it changed since. Decide anew in Parley's settings."
            );
            entry.denied(Rule::Always, None, why)
        }
        Decision::Ask { .. } => entry.allowed(Rule::Program, None),
    }
}

/// A call that is about to be decided about.
#[derive(Debug)]
pub struct Entry {
    store: Store,
    call: Box<RecordedCall>,
    /// See [`Permit::definition`].
    definition: Option<String>,
}

/// A decision about a call; [`Permit::run`] carries it out.
#[derive(Debug)]
#[must_use = "a call that is decided about is run or recorded as denied"]
pub struct Permit {
    entry: Entry,
    /// Why it does not run.
    refusal: Option<String>,
}

impl Permit {
    /// What is recorded of a call.
    pub fn entry(store: &Store, clock: &Clock, called: &Called<'_>) -> Entry {
        let credential = match called.caller.via {
            Via::Token(id, _) => Some(id.to_string()),
            Via::Session(id) => Some(id.to_string()),
            Via::Process | Via::Turn(_) => None,
        };
        let (via, credential) = match (called.place.turn, called.caller.via) {
            (Some(_), _) if called.place.app => (CalledBy::App, credential),
            (Some(_), _) => (CalledBy::Model, None),
            (None, Via::Process) => (CalledBy::Pipe, None),
            (None, _) => (CalledBy::Program, credential),
        };
        let call = RecordedCall {
            id: clock.id(),
            user: called.caller.user,
            // A name no tool has is the model's text.
            tool: called.tool.chars().take(64).collect(),
            server: called.spec.and_then(|spec| spec.server.as_ref()).map(|server| server.name.clone()),
            via,
            credential,
            place: called.place.turn,
            digest: digest(called.arguments),
            rule: Rule::Error,
            decided_by: None,
            end: CallEnd::Begun,
            began_at: clock.now(),
            duration_ms: None,
        };
        let definition = match called.spec {
            Some(spec) => spec.server.is_some().then(|| definition(spec)),
            None => Some(String::new()),
        };
        Entry { store: store.clone(), call: Box::new(call), definition }
    }

    /// Whether it runs.
    pub fn allows(&self) -> bool {
        self.refusal.is_none()
    }

    /// The hash of the definition that was decided about, where it may be another by the time of the call: of a server's
    /// tool. If there was no tool of that name, it is empty, which is no tool's.
    pub fn definition(&self) -> Option<&str> {
        self.entry.definition.as_deref()
    }

    /// What finds its record again.
    pub fn record(&self) -> BegunRecord {
        let call = &self.entry.call;
        BegunRecord { id: call.id, rule: call.rule, began_at: call.began_at }
    }

    /// Records a refusal; what is said of it. A call that may run comes back.
    ///
    /// # Errors
    /// It may run.
    pub fn refused(mut self) -> Result<ToolOutcome, Self> {
        let Some(why) = self.refusal.take() else { return Err(self) };
        let Entry { store, mut call, .. } = self.entry;
        call.end = CallEnd::Denied;
        store.post_call(*call);
        Ok(ToolOutcome::error(why))
    }

    /// Runs `work` if it may, and records the call either way.
    pub async fn run(self, work: impl Future<Output = ToolOutcome>) -> ToolOutcome {
        let Entry { store, call, .. } = match self.refused() {
            Ok(refused) => return refused,
            Err(permit) => permit.entry,
        };
        let mut work = pin!(work);
        let beside = matches!(call.rule, Rule::ReadOnly | Rule::Trusted);
        if beside && let Poll::Ready(outcome) = poll!(&mut work) {
            return over_at_once(&store, *call, outcome).await;
        }
        let begun = store.record_call((*call).clone());
        let mut ending = Ending { store: store.clone(), call, began: Instant::now(), over: false };
        let (begun, outcome) = if beside {
            tokio::join!(begun, async { Some(work.await) })
        } else {
            match begun.await {
                Ok(()) => {
                    ending.began = Instant::now();
                    (Ok(()), Some(work.await))
                }
                Err(error) => (Err(error), None),
            }
        };
        match (begun, outcome) {
            (Ok(()), Some(outcome)) => {
                ending.ends(if outcome.is_error { CallEnd::Failed } else { CallEnd::Ok });
                outcome
            }
            (Err(error), _) => {
                tracing::error!(%error, tool = ending.call.tool, "a tool call cannot be recorded: it is denied");
                ending.over = true;
                unrecorded(&ending.call.tool)
            }
            (Ok(()), None) => unrecorded(&ending.call.tool),
        }
    }
}

impl Permit {
    /// Records that the call begins, before it does: for work whose first step somebody waits for.
    ///
    /// # Errors
    /// It is denied, or cannot be recorded: what is read instead of a result.
    pub async fn begin(self) -> Result<Begun, ToolOutcome> {
        let Entry { store, call, .. } = match self.refused() {
            Ok(refused) => return Err(refused),
            Err(permit) => permit.entry,
        };
        if let Err(error) = store.record_call((*call).clone()).await {
            tracing::error!(%error, tool = call.tool, "a tool call cannot be recorded: it is denied");
            return Err(unrecorded(&call.tool));
        }
        Ok(Begun(Ending { store, call, began: Instant::now(), over: false }))
    }
}

/// A call that is recorded as begun; dropped before its end, it is recorded as stopped.
#[must_use = "a call that began is run"]
pub struct Begun(Ending);

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Begun").field(&self.0.call.tool).finish()
    }
}

impl Begun {
    /// Runs the call, and records how it ended.
    pub async fn run(mut self, work: impl Future<Output = ToolOutcome>) -> ToolOutcome {
        let outcome = work.await;
        self.0.ends(if outcome.is_error { CallEnd::Failed } else { CallEnd::Ok });
        outcome
    }
}

impl Entry {
    /// It may run, by that rule; `by`: whose word it was.
    pub fn allowed(mut self, rule: Rule, by: Option<UserId>) -> Permit {
        (self.call.rule, self.call.decided_by) = (rule, by);
        Permit { entry: self, refusal: None }
    }

    /// It may not, by that rule; `why` is for the model and the reader.
    pub fn denied(mut self, rule: Rule, by: Option<UserId>, why: impl Into<String>) -> Permit {
        (self.call.rule, self.call.decided_by) = (rule, by);
        Permit { entry: self, refusal: Some(why.into()) }
    }

    /// It was permitted and begun by an earlier process: its record goes on.
    pub fn begun(mut self, record: BegunRecord) -> Permit {
        (self.call.id, self.call.rule, self.call.began_at) = (record.id, record.rule, record.began_at);
        Permit { entry: self, refusal: None }
    }

    /// It is turned away before anybody decides about it; recorded without waiting.
    pub fn turned_away(self, rule: Rule) {
        let Self { store, mut call, .. } = self;
        (call.rule, call.end) = (rule, CallEnd::Refused);
        store.post_call(*call);
    }
}

/// Records a call that was over without having waited for anything.
async fn over_at_once(store: &Store, mut call: RecordedCall, outcome: ToolOutcome) -> ToolOutcome {
    call.end = if outcome.is_error { CallEnd::Failed } else { CallEnd::Ok };
    call.duration_ms = Some(0);
    let tool = call.tool.clone();
    match store.hand_over_call(call).await {
        Ok(()) => outcome,
        Err(error) => {
            tracing::error!(%error, tool, "a tool call cannot be recorded: it is denied");
            unrecorded(&tool)
        }
    }
}

fn unrecorded(tool: &str) -> ToolOutcome {
    ToolOutcome::error(format!("`{tool}` was not run: its call cannot be recorded just now. Try again later."))
}

/// Records the end of a call that began, whichever end that is.
struct Ending {
    store: Store,
    call: Box<RecordedCall>,
    began: Instant,
    over: bool,
}

impl Ending {
    fn ends(&mut self, end: CallEnd) {
        self.over = true;
        let mut call = (*self.call).clone();
        call.end = end;
        call.duration_ms = i64::try_from(self.began.elapsed().as_millis()).ok();
        self.store.post_call(call);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.over {
            self.ends(CallEnd::Stopped);
        }
    }
}
