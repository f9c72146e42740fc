//! Group commit: what turns write, many at a time.
//!
//! One task takes whatever has queued up while the last commit was under way, runs it in one transaction, commits, and
//! only then answers each caller: an answer means committed. An operation checks before it writes, so one that is
//! refused has written nothing and does not concern the others. If the database itself fails one of them, the batch is
//! rolled back and each is tried again alone; a full disk is not tried again. A panic counts as the database's failure:
//! without this task nobody could write any more. Other writes do not come here; on SQLite they share the one connection.

use super::{
    StoreError,
    db::{Db, Tx},
    search::Unindexed,
    tool_calls::{RecordedCall, Unrecorded},
    turns::{Beginning, FinishTurn, Started, write},
    wal,
};
use crate::{
    backend::{clock::Clock, task::Tasks},
    wire::{
        id::TurnId,
        message::{Message, Part, Usage},
    },
};
use futures::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Operations in one transaction: beyond this a longer batch saves nothing and delays its first caller.
const BATCH: usize = 128;
/// Operations that may wait; further callers wait for room.
const QUEUE: usize = 1024;
/// How long closing waits for the queue to be written.
const GRACE: Duration = Duration::from_secs(10);

/// The text so far of a running turn.
#[derive(Debug)]
pub(super) struct Checkpoint {
    pub(super) turn: TurnId,
    pub(super) parts: Vec<Part>,
    pub(super) usage: Usage,
    /// Its open questions, as JSON.
    pub(super) waiting: Option<String>,
}

/// One operation, who waits for it, and what came of it.
#[derive(Debug)]
pub(super) struct Job<I, O> {
    input: I,
    outcome: Option<Result<O, StoreError>>,
    answer: oneshot::Sender<Result<O, StoreError>>,
}

impl<I, O> Job<I, O> {
    /// Keeps what came of it, unless the database failed: then the whole transaction is void.
    fn keep(&mut self, result: Result<O, StoreError>) -> Result<(), StoreError> {
        match result {
            Ok(_) | Err(StoreError::NotFound | StoreError::Conflict(_) | StoreError::Corrupt { .. }) => {
                self.outcome = Some(result);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Tells whoever waits; they may have gone, which does not undo what was written.
    fn answer(self, failed: Option<StoreError>) {
        let result = match failed {
            Some(error) => Err(error),
            None => self.outcome.unwrap_or(Err(StoreError::Busy)),
        };
        drop(self.answer.send(result));
    }
}

/// What the writer can do.
#[derive(Debug)]
pub(super) enum Op {
    Start(Job<Box<Beginning>, Box<Started>>),
    Checkpoint(Job<Checkpoint, ()>),
    Finish(Job<Box<FinishTurn>, Box<Message>>),
    Record(Job<Box<RecordedCall>, ()>),
}

/// What the operations of a transaction leave to its end.
#[derive(Debug, Default)]
struct Gathered {
    unindexed: Unindexed,
    unrecorded: Unrecorded,
}

impl Op {
    async fn run(&mut self, tx: &mut Tx, clock: &Clock, gathered: &mut Gathered) -> Result<(), StoreError> {
        let Gathered { unindexed, unrecorded } = gathered;
        match self {
            Self::Start(job) => {
                let result = write::start(tx, clock, &job.input, unindexed).await.map(Box::new);
                job.keep(result)
            }
            Self::Checkpoint(job) => {
                let result = write::checkpoint(tx, clock, &job.input).await;
                job.keep(result)
            }
            Self::Finish(job) => {
                let result = write::finish(tx, clock, &job.input, unindexed).await.map(Box::new);
                job.keep(result)
            }
            Self::Record(job) => {
                unrecorded.add((*job.input).clone());
                job.keep(Ok(()))
            }
        }
    }

    fn answer(self, failed: Option<StoreError>) {
        match self {
            Self::Start(job) => job.answer(failed),
            Self::Checkpoint(job) => job.answer(failed),
            Self::Finish(job) => job.answer(failed),
            Self::Record(job) => {
                if let (Some(error), true) = (&failed, job.answer.is_closed()) {
                    tracing::error!(%error, tool = job.input.tool, "what came of a tool call is not recorded");
                }
                job.answer(failed);
            }
        }
    }
}

/// The way to the writer's task.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Op>,
    tasks: Tasks,
    /// Transactions that were committed.
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the task; it ends with [`Writer::close`], or when the last sender is gone.
    pub(super) fn start(db: Db, clock: Clock) -> Self {
        let (queue, incoming) = mpsc::channel(QUEUE);
        let tasks = Tasks::default();
        let stopping = tasks.stopping();
        let (written, commits) = (Arc::new(Notify::new()), Arc::<AtomicU64>::default());
        let batches = Batches { db: db.clone(), clock, written: Arc::clone(&written), commits: Arc::clone(&commits) };
        tasks.spawn("database log", wal::keep_short(db, written, tasks.stopping()));
        tasks.spawn("store writer", async move { batches.run(incoming, stopping).await });
        Self { queue, tasks, commits }
    }

    /// How many transactions it has committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Hands over one operation and waits until it is committed or refused.
    pub(super) async fn ask<I, O>(&self, op: impl FnOnce(Job<I, O>) -> Op, input: I) -> Result<O, StoreError> {
        let (answer, answered) = oneshot::channel();
        let closed = |_| StoreError::Database(sqlx::Error::PoolClosed);
        self.queue.send(op(Job { input, outcome: None, answer })).await.map_err(closed)?;
        answered.await.map_err(|_| StoreError::Database(sqlx::Error::WorkerCrashed))?
    }

    /// Hands over one operation and waits for nothing. Nobody hears what came of it.
    pub(super) fn post<I, O>(&self, op: impl FnOnce(Job<I, O>) -> Op, input: I) {
        let (answer, _unheard) = oneshot::channel();
        if let Err(error) = self.queue.try_send(op(Job { input, outcome: None, answer })) {
            tracing::error!(%error, "the store's queue takes nothing more: something is not written");
        }
    }

    /// Takes nothing more, and waits until what was taken is written.
    pub(super) async fn close(&self) {
        self.tasks.stop();
        if !self.tasks.wait(GRACE).await {
            tracing::error!("the store's queue could not be written before the end");
        }
    }
}

struct Batches {
    db: Db,
    clock: Clock,
    /// Told after each commit.
    written: Arc<Notify>,
    commits: Arc<AtomicU64>,
}

impl Batches {
    async fn run(&self, mut incoming: mpsc::Receiver<Op>, stopping: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                taken = incoming.recv_many(&mut batch, BATCH) => if taken == 0 { return },
                () = stopping.cancelled(), if !incoming.is_closed() => { incoming.close(); continue }
            }
            match self.commit(&mut batch).await {
                Ok(()) => batch.drain(..).for_each(|op| op.answer(None)),
                Err(StoreError::Unwritable(why)) => {
                    batch.drain(..).for_each(|op| op.answer(Some(StoreError::Unwritable(why.clone()))));
                }
                Err(_) => {
                    for mut op in batch.drain(..) {
                        let failed = self.commit(std::slice::from_mut(&mut op)).await.err();
                        op.answer(failed);
                    }
                }
            }
        }
    }

    async fn commit(&self, batch: &mut [Op]) -> Result<(), StoreError> {
        AssertUnwindSafe(self.transaction(batch)).catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("writing panicked");
            Err(StoreError::Database(sqlx::Error::WorkerCrashed))
        })
    }

    async fn transaction(&self, batch: &mut [Op]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        match self.write(&mut tx, batch).await {
            Ok(()) => {
                tx.commit().await?;
                self.written.notify_one();
                self.commits.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                // A rollback that fails as well leaves the connection to the pool, which replaces it.
                drop(tx.rollback().await);
                Err(error)
            }
        }
    }

    async fn write(&self, tx: &mut Tx, batch: &mut [Op]) -> Result<(), StoreError> {
        let mut gathered = Gathered::default();
        for op in batch {
            op.run(tx, &self.clock, &mut gathered).await?;
        }
        gathered.unrecorded.record(tx).await?;
        gathered.unindexed.index(tx).await
    }
}
