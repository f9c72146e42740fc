//! [`Keeping`]: a call's task at another server, kept with its turn.
//!
//! Invariant: whoever is told that a task is kept may rely on it: it is stored. When the process ends, its call rests
//! and the task goes on there; when somebody stops the turn, it is called off.

use super::{Chat, live::LiveTurn, resume};
use crate::{
    backend::{
        store::{
            Store,
            turns::waiting::{BegunRecord, KeptTask, WaitingTask},
        },
        tools::kept::Keep,
    },
    wire::id::CallId,
};
use futures::future::{BoxFuture, FutureExt};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Where one call keeps its task.
pub(super) struct Keeping {
    store: Store,
    turn: Arc<LiveTurn>,
    call: CallId,
    record: BegunRecord,
    left: Option<KeptTask>,
    closed: CancellationToken,
}

impl Keep for Keeping {
    fn left(&self) -> Option<KeptTask> {
        self.left.clone()
    }

    fn keep(&self, task: KeptTask) -> BoxFuture<'_, bool> {
        let kept = WaitingTask { call: self.call.clone(), record: self.record, task };
        async move {
            self.turn.keep_task(kept);
            let stored = resume::store(&self.store, &self.turn, &self.turn.so_far()).await;
            if let Err(error) = &stored {
                tracing::warn!(%error, turn.id = %self.turn.id, "a server's task cannot be kept: a restart loses it");
                self.turn.forget_task(&self.call);
            }
            stored.is_ok()
        }
        .boxed()
    }

    fn rests(&self) -> bool {
        self.closed.is_cancelled() && !self.turn.is_stopped() && self.turn.has_task(&self.call)
    }
}

impl Chat {
    /// Where a call keeps its task; `left`: what an earlier process kept.
    pub(super) fn keeping(
        &self,
        turn: &Arc<LiveTurn>,
        call: &CallId,
        record: BegunRecord,
        left: Option<KeptTask>,
    ) -> Arc<Keeping> {
        let (store, turn, call, closed) = (self.store.clone(), Arc::clone(turn), call.clone(), self.closed.clone());
        Arc::new(Keeping { store, turn, call, record, left, closed })
    }

    /// Waits until the process ends while another server works at the call.
    pub(super) async fn rests(&self, turn: &LiveTurn, call: &CallId) {
        self.closed.cancelled().await;
        // What is not kept yet may still come to its end, or be kept, within the time the drain gives.
        while !turn.has_task(call) {
            tokio::time::sleep(self.options.checkpoint).await;
        }
    }
}
