//! Whether a call runs: at once, after a person said so, or not at all.
//!
//! Rule: the person who asked for the turn and the room's owner may decide, from any of their tabs. «Always» is kept
//! for the person who asked, and only if it was they who said it; the owner's «always» on another's turn counts once.
//! A question nobody answers lapses into «denied».

use super::{Chat, live::LiveTurn, refusal::ChatError};
use crate::{
    backend::{
        caller::Caller,
        tools::policy::{self, Decision},
    },
    wire::{
        error::ApiError,
        id::{CallId, ConversationId, Millis, TurnId},
        tool::{Approval, ToolCall, ToolOutcome, ToolState},
    },
};
use std::time::Duration;
use tokio::sync::oneshot;

/// What is to happen with a call.
#[derive(Debug)]
pub(super) enum Fate {
    /// It runs.
    Run,
    /// It is answered without running.
    Answer(ToolOutcome),
    /// Somebody is asked, until the time-out.
    Ask(oneshot::Receiver<Approval>, Duration),
}

impl Chat {
    /// Tells the room of a call and asks, if it must; the call's index and fate.
    pub(super) async fn propose(&self, turn: &LiveTurn, call: &ToolCall) -> (u32, Fate) {
        let decision = match self.tools.spec(&call.name) {
            // The registry has the sentence for a tool that does not exist.
            None => Decision::Run,
            Some(spec) => {
                let exposed = self.tools.is_personal(&call.name) && self.is_shared(turn.conversation).await;
                policy::decide(&self.store, &turn.by, &spec, exposed).await
            }
        };
        let running = ToolState::Running { progress: None, note: None };
        match decision {
            Decision::Run => (turn.open_call(call, running).0, Fate::Run),
            Decision::Deny(why) => (turn.open_call(call, running).0, Fate::Answer(ToolOutcome::error(why))),
            Decision::Ask => {
                let patience = self.options.approval;
                let wait = i64::try_from(patience.as_millis()).unwrap_or(i64::MAX);
                let until = Millis(self.clock.now().0.saturating_add(wait));
                let (part, answer) = turn.open_call(call, ToolState::Asked { until });
                match answer {
                    Some(answer) => (part, Fate::Ask(answer, patience)),
                    None => (part, Fate::Answer(denied("Nobody could be asked."))),
                }
            }
        }
    }

    /// Whether others read along; if that cannot be found out, they do.
    async fn is_shared(&self, id: ConversationId) -> bool {
        self.rows(id).await.is_none_or(|rows| rows.len() > 1)
    }

    /// Waits for a decision; what to answer instead of running, if it is no.
    pub(super) async fn decision(answer: oneshot::Receiver<Approval>, patience: Duration) -> Result<(), ToolOutcome> {
        match tokio::time::timeout(patience, answer).await {
            Ok(Ok(Approval::Once | Approval::Always)) => Ok(()),
            Ok(Ok(Approval::Deny)) => Err(denied("The person you are talking to denied this call.")),
            Ok(Err(_)) | Err(_) => Err(denied("Nobody answered whether this call may run, so it counts as denied.")),
        }
    }

    /// Answers a call's question.
    ///
    /// # Errors
    /// `NotFound` for a turn or call that does not ask, or a room `by` is not in; `Forbidden` for another's turn.
    pub async fn decide(&self, by: &Caller, turn: TurnId, call: &CallId, approval: Approval) -> Result<(), ChatError> {
        let turn = self.rooms.turn(turn).ok_or(ApiError::NotFound)?;
        let room = self.store.conversation(by.user, turn.conversation).await?;
        let own = turn.by.user == by.user;
        if !own && !room.summary.owned {
            let reason = "Only who asked for this reply, or the room's owner, can decide about its tools.";
            return Err(ApiError::Forbidden { reason: reason.to_owned() }.into());
        }
        let tool = turn.asking(call).ok_or(ApiError::NotFound)?;
        if own && approval == Approval::Always {
            self.store.set_tool_grant(by.user, &tool, true).await?;
        }
        if turn.decide(call, approval) { Ok(()) } else { Err(ApiError::NotFound.into()) }
    }
}

fn denied(why: &str) -> ToolOutcome {
    ToolOutcome::error(format!("{why} It was not run. Go on without it, or say what you would need."))
}
