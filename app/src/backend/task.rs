//! The only place that spawns: every task is named, tracked, cancelled and awaited at drain.

use std::{future::Future, time::Duration};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// The process's background tasks.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Runs `work` until it ends; a task that must end at drain watches [`Tasks::stopping`].
    pub fn spawn<F>(&self, name: &'static str, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        use tracing::Instrument;
        // Boxed: a spawned future is moved several times, and some are several kilobytes.
        self.tracker.spawn(Box::pin(work.instrument(tracing::debug_span!("task", task = name))));
    }

    /// For work that somebody else spawned (a socket's, by the HTTP server): as long as the token is there, the end of
    /// the process waits for it as for a task.
    pub fn hold(&self) -> TaskTrackerToken {
        self.tracker.token()
    }

    /// Cancelled when the process begins to drain.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells every task to end.
    pub fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
    }

    /// Waits for every task, at most `grace`; whether all ended.
    pub async fn wait(&self, grace: Duration) -> bool {
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait()).await.is_ok()
    }
}
