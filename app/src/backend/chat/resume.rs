//! Turns that wait for a person or for another server's task outlive the process: they rest in the store, and the next
//! process asks again, or goes on looking after the task.
//!
//! Invariant: a turn that rests has told nobody an end; its conversation's next turn goes on waiting for it. After the
//! restart it is what it was: its parts, its questions with what is left of their time, its tasks, its rounds. A call
//! that was at work here when the process ended is told to have been cut off, for nobody knows what it did; one that
//! another server works at as a task is not made again: its result is fetched.

use super::{
    Chat,
    approval::{Fate, Proposed},
    live::{LiveTurn, SoFar},
};
use crate::{
    backend::store::{
        Store, StoreError,
        turns::{FinishTurn, waiting::Suspended},
    },
    wire::{
        message::{Fault, FaultKind, TurnEnd},
        tool,
    },
};
use std::sync::Arc;

impl Chat {
    /// Stores what a turn is so far, with its open questions.
    pub(super) async fn store_so_far(&self, turn: &LiveTurn, so_far: &SoFar) -> Result<(), StoreError> {
        store(&self.store, turn, so_far).await
    }

    /// Leaves a turn that waits to the next process.
    pub(super) async fn rest(&self, turn: &LiveTurn) {
        if !turn.close_once() {
            return;
        }
        if let Err(error) = self.store_so_far(turn, &turn.so_far()).await {
            tracing::error!(%error, turn.id = %turn.id, "a turn that waits is kept without its last results");
        }
        self.rooms.with(turn.conversation, |room| room.leave(turn.id));
        self.quiet.notify_waiters();
    }

    /// Goes on with the turns that waited when the last process ended.
    pub(super) async fn resume(self: &Arc<Self>) {
        let suspended = match self.store.suspended_turns().await {
            Ok(suspended) => suspended,
            Err(error) => return tracing::error!(%error, "turns that wait for a person cannot be read"),
        };
        for turn in suspended {
            let conversation = turn.row.conversation;
            self.resume_one(turn).await;
            self.adopt_queue(conversation).await;
        }
    }

    pub(super) async fn resume_one(self: &Arc<Self>, stored: Suspended) {
        let turn = match self.adopt(&stored.row).await {
            Ok(turn) => turn,
            Err(error) => {
                tracing::warn!(%error, turn.id = %stored.row.id, "a turn that waits cannot be gone on with");
                return self.interrupt(stored).await;
            }
        };
        if !turn.begin() {
            return;
        }
        let asked = turn.take_up(stored, tool::RESTARTED).into_iter();
        let calls =
            asked.map(|(part, call, asked, answer)| Proposed { part, call, fate: Fate::Ask(answer, asked.until) });
        let tasks = turn.tasks().into_iter();
        let calls =
            calls.chain(tasks.map(|(part, call, task)| Proposed { part, call, fate: Fate::GoesOn(task) })).collect();
        turn.announce();
        self.tasks.spawn("turn", Arc::clone(self).run(turn, Some(calls)));
    }

    /// Closes a turn that waited, for its conversation or its person is not there any more.
    async fn interrupt(&self, stored: Suspended) {
        let fault = Fault {
            kind: FaultKind::Interrupted,
            message: "The server was restarted while this reply waited, and it cannot go on.".to_owned(),
            retry: true,
        };
        let Suspended { row, parts, usage, .. } = stored;
        let finish = FinishTurn { turn: row.id, end: TurnEnd::Interrupted, parts, usage, fault: Some(fault) };
        match self.write_end(&finish).await {
            Ok(message) => self.tell(message),
            Err(error) => tracing::error!(%error, turn.id = %row.id, "nor can it be closed"),
        }
    }
}

/// Stores what a turn is so far, with all that it waits for.
pub(super) async fn store(store: &Store, turn: &LiveTurn, so_far: &SoFar) -> Result<(), StoreError> {
    let SoFar { parts, usage, waiting, .. } = so_far;
    match waiting {
        Some(waiting) => store.wait(turn.id, parts, *usage, waiting).await,
        None => store.checkpoint(turn.id, parts, *usage).await,
    }
}
