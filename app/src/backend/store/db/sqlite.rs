//! An SQLite file's connections: one that writes, and a few that read.
//!
//! sqlx runs each connection on a thread of its own. Going there and back costs more than most statements do, so nothing
//! goes there that need not.
//! Decision: not sqlx's pool. It asks a connection whether it is still there, on a task of its own, each time one is
//! given back, and whoever waits for the connection waits for that journey too. Here whoever saw an error says so, and
//! the next one gets another connection.
//! Transactions are begun and ended by statements of ours, for sqlx's own wait once more until their answer was heard.
//!
//! Decision: whoever waits for a whole transaction is woken when it commits ([`Writing::whole`]). sqlx sends each row and
//! each statement's end by itself, and whoever waits for them is woken at each, takes it and waits again, mostly on the
//! writer's own core and in its place: a fifth of the writer's time under load.

use super::{PATIENCE, StoreError, plain};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    ops::{Deref, DerefMut},
    path::Path,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, Notify, OwnedMappedMutexGuard, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Readers of a file: enough to keep two cores busy while one waits.
const READERS: usize = 4;

/// After so long whoever waits for a transaction looks at its rows, committed or not: it may have failed.
const UNSEEN: Duration = Duration::from_millis(20);
/// Rows and ends of statements that wait for whoever asked: more than a whole transaction has.
const ROWS: usize = 128;

/// Bytes of a page, of a file that is made now. Half of SQLite's default: what a turn writes is small rows at many places,
/// and each place costs the log a whole page.
pub(in crate::backend::store) const PAGE: u32 = 2048;
/// Bytes of pages in the log from which on it is begun anew ([`super::super::wal`]).
pub(in crate::backend::store) const LONG: u32 = 128 << 20;

/// A file's connections; cloning it is cheap.
#[derive(Clone, Debug)]
pub(in crate::backend::store) struct SqliteFile(Arc<Connections>);

#[derive(Debug)]
struct Connections {
    /// The writer's and the readers'.
    options: [SqliteConnectOptions; 2],
    /// None once it is closed.
    writer: Arc<Mutex<Option<One>>>,
    /// As many permits as readers nobody uses.
    free: Arc<Semaphore>,
    /// Opened when first used.
    readers: [Arc<Mutex<Option<One>>>; READERS],
}

#[derive(Debug)]
struct One {
    connection: SqliteConnection,
    state: State,
    /// Told by SQLite when a write transaction is about to be committed.
    committing: Arc<Notify>,
}

/// How whoever had a connection last left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Clear,
    /// Perhaps in a transaction.
    Open,
    /// Perhaps without its thread: sqlx panics there, for one, when a table is gone that a statement was prepared for,
    /// and what is sent to a thread that dies is never answered.
    Lost,
}

impl One {
    async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let mut connection = SqliteConnection::connect_with(options).await?;
        let committing = Arc::<Notify>::default();
        let told = Arc::clone(&committing);
        connection.lock_handle().await?.set_commit_hook(move || {
            told.notify_waiters();
            true
        });
        Ok(Self { connection, state: State::Clear, committing })
    }

    /// Makes it fit for the next one, in no transaction.
    async fn clear(&mut self, options: &SqliteConnectOptions) -> Result<(), sqlx::Error> {
        let undone = match self.state {
            State::Clear => return Ok(()),
            State::Open => {
                let undo = sqlx::query("ROLLBACK").execute(&mut self.connection);
                // There may be nothing to undo: a full disk, for one, makes SQLite itself roll back.
                matches!(timeout(PATIENCE, undo).await, Ok(Ok(_) | Err(sqlx::Error::Database(_))))
            }
            State::Lost => false,
        };
        if undone {
            self.state = State::Clear;
        } else {
            // What the old one left open is undone as it is dropped.
            *self = Self::open(options).await?;
        }
        Ok(())
    }
}

/// The writing connection, while nobody else has it.
#[derive(Debug)]
pub(in crate::backend::store) struct Writing(OwnedMappedMutexGuard<Option<One>, One>);

/// A reading connection, while nobody else has it.
#[derive(Debug)]
struct Reading {
    // In this order: who gets the permit finds the connection unlocked.
    one: OwnedMappedMutexGuard<Option<One>, One>,
    _permit: OwnedSemaphorePermit,
}

/// A write transaction; dropping it rolls it back.
#[derive(Debug)]
pub(in crate::backend::store) struct SqliteTx {
    writing: Writing,
    file: SqliteFile,
}

impl SqliteFile {
    /// Opens the file with its writer; it is made, with its folder, if it is not there.
    pub(super) async fn open(path: &str) -> Result<Self, StoreError> {
        if path.is_empty() || path.starts_with(':') {
            return Err(StoreError::Unopened("its address «sqlite:» needs the path of a file".to_owned()));
        }
        if let Some(folder) = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)
                .map_err(|error| StoreError::Unopened(format!("its folder cannot be made: {error}")))?;
        }
        let options = options(path);
        let writer = One::open(&options).await.map_err(|error| StoreError::Unopened(plain(&error)))?;
        let connections = Connections {
            writer: Arc::new(Mutex::new(Some(writer))),
            options: [options.clone(), options.pragma("query_only", "on")],
            free: Arc::new(Semaphore::new(READERS)),
            readers: std::array::from_fn(|_| Arc::default()),
        };
        Ok(Self(Arc::new(connections)))
    }

    /// How to open further readers.
    pub(in crate::backend::store) fn options(&self) -> &SqliteConnectOptions {
        &self.0.options[1]
    }

    /// Waits for the writing connection. It is in no transaction.
    pub(in crate::backend::store) async fn write(&self) -> Result<Writing, sqlx::Error> {
        let writer = timeout(PATIENCE, Arc::clone(&self.0.writer).lock_owned()).await;
        let writer = writer.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let writer = OwnedMutexGuard::try_map(writer, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed)?;
        let mut writing = Writing(writer);
        writing.0.clear(&self.0.options[0]).await?;
        Ok(writing)
    }

    /// Begins a write transaction, IMMEDIATE: one that reads first and writes later fails under load.
    pub(super) async fn begin(&self) -> Result<SqliteTx, sqlx::Error> {
        let mut tx = SqliteTx { writing: self.write().await?, file: self.clone() };
        tx.writing.0.state = State::Open;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *tx).await?;
        Ok(tx)
    }

    /// Waits for a reading connection, for one question. Until that is answered the connection counts as lost.
    async fn read(&self) -> Result<Reading, sqlx::Error> {
        let permit = timeout(PATIENCE, Arc::clone(&self.0.free).acquire_owned()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let unlocked = self.0.readers.iter().find_map(|reader| Arc::clone(reader).try_lock_owned().ok());
        let mut reader = unlocked.ok_or(sqlx::Error::PoolTimedOut)?;
        match &mut *reader {
            None => *reader = Some(One::open(self.options()).await?),
            Some(one) => one.clear(self.options()).await?,
        }
        let mut one = OwnedMutexGuard::try_map(reader, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed)?;
        one.state = State::Lost;
        Ok(Reading { one, _permit: permit })
    }

    /// Asks a reading connection one question. After an error, or if the answer is not waited for, the next reader gets
    /// another connection.
    pub(in crate::backend::store) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let mut reading = self.read().await?;
        let answer = question(&mut reading.one.connection).await;
        if answer.is_ok() {
            reading.one.state = State::Clear;
        }
        answer
    }

    /// Closes every connection, as soon as whoever has one gives it back.
    pub(super) async fn close(&self) {
        self.0.free.close();
        for reader in &self.0.readers {
            Self::end(reader.lock().await.take()).await;
        }
        Self::end(self.0.writer.lock().await.take()).await;
    }

    async fn end(one: Option<One>) {
        if let Some(One { connection, .. }) = one
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "a connection to the database did not close");
        }
    }
}

impl Writing {
    /// Runs a text that begins a transaction of its own and ends it; its rows, the last of which `ends` it. What it leaves
    /// open, because it failed or was dropped, is undone.
    pub(in crate::backend::store) async fn whole<O>(
        &mut self,
        ask: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxStream<'c, Result<O, sqlx::Error>>,
        ends: impl FnOnce(&O) -> bool,
    ) -> Result<Vec<O>, sqlx::Error> {
        let One { connection, state, committing } = &mut *self.0;
        *state = State::Lost;
        let mut committed = pin!(committing.notified());
        committed.as_mut().enable();
        let mut rows = ask(connection);
        let mut all = Vec::new();
        // Sends the text. Nobody is woken by its rows.
        let sent = rows.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
        match sent {
            Poll::Pending => drop(timeout(UNSEEN, committed).await),
            Poll::Ready(first) => all.extend(first.transpose()?),
        }
        while let Some(row) = rows.try_next().await? {
            all.push(row);
        }
        if !all.last().is_some_and(ends) {
            return Err(sqlx::Error::WorkerCrashed);
        }
        *state = State::Clear;
        Ok(all)
    }
}

impl SqliteTx {
    /// Makes it durable.
    pub(in crate::backend::store) async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("COMMIT").execute(&mut *self.writing).await?;
        self.writing.0.state = State::Clear;
        Ok(())
    }

    /// Undoes it, and waits until that is done.
    pub(super) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("ROLLBACK").execute(&mut *self.writing).await?;
        self.writing.0.state = State::Clear;
        Ok(())
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        if self.writing.0.state == State::Clear {
            return;
        }
        // Whoever waits for the connection undoes it; if nobody does, this does: other processes wait for the file.
        if let Ok(runtime) = Handle::try_current() {
            let file = self.file.clone();
            runtime.spawn(async move { drop(file.write().await) });
        }
    }
}

impl Deref for Writing {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.0.connection
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0.connection
    }
}

impl Deref for SqliteTx {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.writing
    }
}

impl DerefMut for SqliteTx {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.writing
    }
}

fn options(path: &str) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .page_size(PAGE)
        .journal_mode(SqliteJournalMode::Wal)
        // What was committed outlives the process at any moment; only a power cut may undo the last moments, whole
        // transactions of them. FULL would flush the disk before every answer.
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .statement_cache_capacity(256)
        .row_buffer_size(ROWS)
        .pragma("temp_store", "memory")
        // Four megabytes. Each commit that split a page looks through the whole table of what is cached, so a larger one
        // makes every commit slower; what is not here is in the system's cache of the file.
        .pragma("cache_size", "-4000")
        // Pages; `wal` copies them long before. No mmap_size: every growth of the file would make every connection map
        // it anew, which commits felt.
        .pragma("wal_autocheckpoint", (2 * LONG / PAGE).to_string())
        // Bytes: longer than `wal` lets the log become. To cut off its end takes some systems a fifth of a second, while
        // nobody can write.
        .pragma("journal_size_limit", (2 * u64::from(LONG)).to_string())
}
