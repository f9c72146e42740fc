//! Work of a call that outlives the process elsewhere: a task at another server.
//!
//! Invariant: what is kept is stored before anybody waits for it, so that after a restart the call is gone on with and
//! not made again.

use crate::backend::store::turns::waiting::KeptTask;
use futures::future::{BoxFuture, FutureExt, ready};

/// Where a call keeps what it needs to be gone on with.
pub trait Keep: Send + Sync {
    /// What an earlier process kept of this call: it has begun already.
    fn left(&self) -> Option<KeptTask>;
    /// Keeps it; whether it is stored.
    fn keep(&self, task: KeptTask) -> BoxFuture<'_, bool>;
    /// Whether the process ends and a later one goes on: then the task is not to be called off.
    fn rests(&self) -> bool;
}

/// Where nothing outlives the call.
#[derive(Clone, Copy, Debug)]
pub struct Nowhere;

impl Keep for Nowhere {
    fn left(&self) -> Option<KeptTask> {
        None
    }

    fn keep(&self, _task: KeptTask) -> BoxFuture<'_, bool> {
        ready(false).boxed()
    }

    fn rests(&self) -> bool {
        false
    }
}
