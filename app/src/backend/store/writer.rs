//! Group commit: what turns write, many at a time.
//!
//! One task takes whatever has queued up while the last commit was under way, writes it in one transaction
//! ([`super::batch`]), and only then answers each caller: an answer means committed. An operation checks before it
//! writes, so one that is refused has written nothing and does not concern the others. If the database itself fails one
//! of them, the batch is rolled back and each is tried again alone; a full disk is not tried again. A panic counts as the
//! database's failure: without this task nobody could write any more. Other writes do not come here; on SQLite they
//! share the one connection.
//!
//! What concerns the same conversation's beginning, or the same turn, waits for the next transaction, in its order; a
//! beginning that must read first ([`Beginning::is_plain`]) has one of its own, and whatever came after it waits.

mod op;

pub(super) use self::op::{Checkpoint, Op, Settle};
use self::op::{Input, Job};
use super::{
    StoreError,
    batch::{self, Batch, Written},
    db::Db,
    search,
    turns::{
        Beginning, Started,
        write::{self, Plan},
    },
    wal,
};
use crate::{
    backend::{clock::Clock, task::Tasks},
    wire::id::UserId,
};
use futures::FutureExt;
use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// Operations in one transaction that somebody waits for, about. As measured with fifty talkers (`make bench`): since a
/// turn waits for two commits and no more for a third, one batch for nearly all of them does more turns than three small
/// ones that take turns with those at work. What nobody waits for goes along with them.
const BATCH: usize = 48;
/// How long records that nobody waits for stay here for company: a commit of their own would hold up whoever comes next.
const LINGER: Duration = Duration::from_millis(20);
/// Operations that may wait; further callers wait for room.
const QUEUE: usize = 1024;
/// How long closing waits for the queue to be written.
const GRACE: Duration = Duration::from_secs(10);

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
        let (written, commits) = (<[Arc<Notify>; 2]>::default(), Arc::<AtomicU64>::default());
        let batches = Batches { db: db.clone(), clock, written: written.clone(), commits: Arc::clone(&commits) };
        let [log, index] = written;
        tasks.spawn("database log", wal::keep_short(db.clone(), log, tasks.stopping()));
        tasks.spawn("search index", search::keep_indexed(db, index, tasks.stopping()));
        tasks.spawn("store writer", async move { batches.run(incoming, stopping).await });
        Self { queue, tasks, commits }
    }

    /// How many transactions it has committed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Hands over one operation and waits until it is committed or refused.
    pub(super) async fn ask<I: Input>(&self, op: fn(Job<I>) -> Op, input: I) -> Result<I::Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(op(Job::new(input, answer))).await.map_err(closed)?;
        answered.await.map_err(|_| StoreError::Database(sqlx::Error::WorkerCrashed))?
    }

    /// Hands over one operation and waits for nothing. Nobody hears what came of it.
    pub(super) fn post<I: Input>(&self, op: fn(Job<I>) -> Op, input: I) {
        // Its other end is gone before the writer sees this, who can tell by that.
        let (answer, _) = oneshot::channel();
        if let Err(error) = self.queue.try_send(op(Job::new(input, answer))) {
            tracing::error!(%error, "the store's queue takes nothing more: something is not written");
        }
    }

    /// Hands over one operation, and waits for it only if the writer is behind: whoever can hand over without waiting
    /// must not fill the queue for those who cannot wait at all ([`Writer::post`]). Nobody hears what came of it.
    ///
    /// # Errors
    /// The store is closed; or, where it was waited for, it was not written.
    pub(super) async fn hand_over<I: Input>(&self, op: fn(Job<I>) -> Op, input: I) -> Result<(), StoreError> {
        if self.queue.capacity() < QUEUE / 2 {
            return self.ask(op, input).await.map(drop);
        }
        let (answer, _) = oneshot::channel();
        self.queue.send(op(Job::new(input, answer))).await.map_err(closed)
    }

    /// Waits until every record handed over before is written, or its failure is in the log. Records keep their order, so
    /// what is answered after them is enough.
    pub(super) async fn settle(&self) {
        // A writer that is gone has nothing left to wait for.
        drop(self.ask(Op::Settle, Settle).await);
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
    written: [Arc<Notify>; 2],
    commits: Arc<AtomicU64>,
}

impl Batches {
    async fn run(&self, mut incoming: mpsc::Receiver<Op>, stopping: CancellationToken) {
        let mut waiting = Vec::with_capacity(batch::MOST);
        // Committed, and answered while the next batch is written: what the answers set off must not hold that up.
        let mut committed = Vec::new();
        loop {
            // What came meanwhile goes along with what had to wait.
            while has_room(&waiting)
                && let Ok(op) = incoming.try_recv()
            {
                waiting.push(op);
            }
            if waiting.is_empty() {
                answer(&mut committed);
                tokio::select! {
                    biased;
                    taken = incoming.recv_many(&mut waiting, BATCH) => if taken == 0 { return },
                    () = stopping.cancelled(), if !incoming.is_closed() => { incoming.close(); continue }
                }
            }
            linger(&mut waiting, &mut incoming, &mut committed).await;
            let mut batch = compatible(&mut waiting);
            let (written, ()) = tokio::join!(biased; self.commit(&mut batch), async { answer(&mut committed) });
            match written {
                Ok(()) => committed = batch,
                Err(StoreError::Unwritable(why)) => {
                    batch.drain(..).for_each(|op| op.answer(Some(StoreError::Unwritable(why.clone()))));
                }
                Err(_) => {
                    let mut busy = false;
                    for mut op in batch.drain(..) {
                        // Where no connection is to be had, each attempt takes its time: those that somebody waits for
                        // are tried, the others are in the log.
                        let failed = if busy && !op.is_awaited() {
                            Some(StoreError::Busy)
                        } else {
                            self.commit(std::slice::from_mut(&mut op)).await.err()
                        };
                        busy |= matches!(failed, Some(StoreError::Busy));
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

    async fn transaction(&self, ops: &mut [Op]) -> Result<(), StoreError> {
        match ops {
            [Op::Start(job)] if !job.input.is_plain() => self.start_alone(job).await?,
            _ if ops.iter().all(|op| matches!(op, Op::Settle(_))) => {
                for op in ops {
                    op.give(&self.clock, &mut Batch::default())?;
                    op.read(&mut Written::default());
                }
                return Ok(());
            }
            _ => self.write(ops).await?,
        }
        self.written.iter().for_each(|told| told.notify_one());
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn write(&self, ops: &mut [Op]) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for op in &mut *ops {
            op.give(&self.clock, &mut batch)?;
        }
        let mut written = batch.commit(&self.db).await?;
        for op in ops {
            let refused = op.read(&mut written);
            // The others are committed: nothing that happens now may fail them.
            if let (Some(plan), Op::Start(job)) = (refused, op) {
                let why = self.refusal(job.input.new.by, &plan).await;
                job.keep(why.map(Box::new));
            }
        }
        Ok(())
    }

    async fn refusal(&self, by: UserId, plan: &Plan) -> Result<Started, StoreError> {
        let mut tx = self.db.begin().await?;
        let why = write::refusal(&mut tx, by, plan).await;
        tx.rollback().await?;
        why
    }

    async fn start_alone(&self, job: &mut Job<Box<Beginning>>) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        let started = write::start(&mut tx, &self.clock, &job.input).await;
        match started {
            Ok(_) | Err(StoreError::NotFound | StoreError::Conflict(_) | StoreError::Corrupt { .. }) => {
                tx.commit().await?;
                job.keep(started.map(Box::new));
                Ok(())
            }
            Err(error) => {
                // A rollback that fails as well leaves the connection to whoever gets it next, who sees to that.
                drop(tx.rollback().await);
                Err(error)
            }
        }
    }
}

fn closed(_: mpsc::error::SendError<Op>) -> StoreError {
    StoreError::Database(sqlx::Error::PoolClosed)
}

/// Tells everybody whose operation is committed.
fn answer(committed: &mut Vec<Op>) {
    committed.drain(..).for_each(|op| op.answer(None));
}

/// Whether another operation can go along.
fn has_room(waiting: &[Op]) -> bool {
    waiting.len() < batch::MOST && waiting.iter().filter(|op| op.is_awaited()).count() < BATCH
}

/// Lets records that nobody waits for go along with something that somebody waits for, if that comes soon. What is
/// `committed` is answered first.
async fn linger(waiting: &mut Vec<Op>, incoming: &mut mpsc::Receiver<Op>, committed: &mut Vec<Op>) {
    let until = Instant::now() + LINGER;
    while waiting.len() < batch::MOST && !waiting.iter().any(Op::is_awaited) {
        answer(committed);
        let room = (batch::MOST - waiting.len()).min(BATCH);
        // What ends the wait: time, or that nothing more will come.
        if timeout_at(until, incoming.recv_many(waiting, room)).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// Takes those that can share a transaction, in their order.
fn compatible(waiting: &mut Vec<Op>) -> Vec<Op> {
    let (mut batch, mut left, mut keys) = (Vec::with_capacity(waiting.len()), Vec::new(), HashSet::new());
    let mut ops = waiting.drain(..);
    while let Some(op) = ops.next() {
        if op.is_alone() {
            if batch.is_empty() && left.is_empty() {
                batch.push(op);
            } else {
                left.push(op);
            }
            left.extend(ops.by_ref());
        } else if op.key().is_none_or(|key| keys.insert(key)) {
            batch.push(op);
        } else {
            left.push(op);
        }
    }
    drop(ops);
    *waiting = left;
    batch
}
