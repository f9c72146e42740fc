//! An SQLite file's connections: one that writes, and a few that read.
//!
//! sqlx runs each connection on a thread of its own. Going there and back costs more than most statements do, so nothing
//! goes there that need not.
//! Decision: not sqlx's pool. It asks a connection whether it is still there, on a task of its own, each time one is
//! given back, and whoever waits for the connection waits for that journey too; a file's connection is always there.
//! Transactions are begun and ended by statements of ours, for sqlx's own wait once more until their answer was heard.

use super::{PATIENCE, StoreError, plain};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    ops::{Deref, DerefMut},
    path::Path,
    sync::Arc,
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Readers of a file: enough to keep two cores busy while one waits.
const READERS: usize = 4;

/// A file's connections; cloning it is cheap.
#[derive(Clone, Debug)]
pub(in crate::backend::store) struct SqliteFile(Arc<Connections>);

#[derive(Debug)]
struct Connections {
    options: SqliteConnectOptions,
    /// None once it is closed.
    writer: Arc<Mutex<Option<Writer>>>,
    /// As many permits as readers nobody uses.
    free: Arc<Semaphore>,
    readers: [Arc<Mutex<Option<SqliteConnection>>>; READERS],
}

#[derive(Debug)]
struct Writer {
    connection: SqliteConnection,
    /// Whoever had it last may have left a transaction open.
    unclear: bool,
}

/// The writing connection, while nobody else has it.
#[derive(Debug)]
pub(in crate::backend::store) struct Writing(OwnedMappedMutexGuard<Option<Writer>, Writer>);

/// A reading connection, while nobody else has it.
#[derive(Debug)]
pub(in crate::backend::store) struct Reading {
    // In this order: who gets the permit finds the connection unlocked.
    connection: OwnedMappedMutexGuard<Option<SqliteConnection>, SqliteConnection>,
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
        let connection = SqliteConnection::connect_with(&options).await;
        let connection = connection.map_err(|error| StoreError::Unopened(plain(&error)))?;
        let connections = Connections {
            writer: Arc::new(Mutex::new(Some(Writer { connection, unclear: false }))),
            options: options.pragma("query_only", "on"),
            free: Arc::new(Semaphore::new(READERS)),
            readers: std::array::from_fn(|_| Arc::default()),
        };
        Ok(Self(Arc::new(connections)))
    }

    /// How to open further readers.
    pub(in crate::backend::store) fn options(&self) -> &SqliteConnectOptions {
        &self.0.options
    }

    /// Waits for the writing connection. It is in no transaction.
    pub(in crate::backend::store) async fn write(&self) -> Result<Writing, sqlx::Error> {
        let writer = timeout(PATIENCE, Arc::clone(&self.0.writer).lock_owned()).await;
        let writer = writer.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let writer = OwnedMutexGuard::try_map(writer, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed)?;
        let mut writing = Writing(writer);
        if writing.0.unclear {
            // There may be nothing to undo: a full disk, for one, makes SQLite itself roll back.
            let undone = sqlx::query("ROLLBACK").execute(&mut *writing).await;
            tracing::debug!(undone = undone.is_ok(), "a transaction was left open");
            writing.0.unclear = false;
        }
        Ok(writing)
    }

    /// Begins a write transaction, IMMEDIATE: one that reads first and writes later fails under load.
    pub(super) async fn begin(&self) -> Result<SqliteTx, sqlx::Error> {
        let mut tx = SqliteTx { writing: self.write().await?, file: self.clone() };
        tx.writing.0.unclear = true;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *tx).await?;
        Ok(tx)
    }

    /// Waits for a reading connection.
    pub(in crate::backend::store) async fn read(&self) -> Result<Reading, sqlx::Error> {
        let permit = timeout(PATIENCE, Arc::clone(&self.0.free).acquire_owned()).await;
        let permit = permit.map_err(|_| sqlx::Error::PoolTimedOut)?.map_err(|_| sqlx::Error::PoolClosed)?;
        let unlocked = self.0.readers.iter().find_map(|reader| Arc::clone(reader).try_lock_owned().ok());
        let mut reader = unlocked.ok_or(sqlx::Error::PoolTimedOut)?;
        if reader.is_none() {
            *reader = Some(SqliteConnection::connect_with(&self.0.options).await?);
        }
        let connection = OwnedMutexGuard::try_map(reader, Option::as_mut).map_err(|_| sqlx::Error::PoolClosed)?;
        Ok(Reading { connection, _permit: permit })
    }

    /// Closes every connection, as soon as whoever has one gives it back.
    pub(super) async fn close(&self) {
        self.0.free.close();
        for reader in &self.0.readers {
            let closed = reader.lock().await.take();
            Self::end(closed).await;
        }
        let writer = self.0.writer.lock().await.take();
        Self::end(writer.map(|writer| writer.connection)).await;
    }

    async fn end(connection: Option<SqliteConnection>) {
        if let Some(connection) = connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "a connection to the database did not close");
        }
    }
}

impl Writing {
    /// Runs `work`, which begins a transaction of its own and ends it. What it leaves open, because it failed or was
    /// dropped, is undone.
    pub(in crate::backend::store) async fn whole<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        self.0.unclear = true;
        let done = work(&mut self.0.connection).await;
        if done.is_err() {
            let undone = sqlx::query("ROLLBACK").execute(&mut self.0.connection).await;
            tracing::debug!(undone = undone.is_ok(), "a transaction failed");
        }
        self.0.unclear = false;
        done
    }
}

impl SqliteTx {
    /// Makes it durable.
    pub(in crate::backend::store) async fn commit(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("COMMIT").execute(&mut *self.writing).await?;
        self.writing.0.unclear = false;
        Ok(())
    }

    /// Undoes it, and waits until that is done.
    pub(super) async fn rollback(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("ROLLBACK").execute(&mut *self.writing).await?;
        self.writing.0.unclear = false;
        Ok(())
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        if !self.writing.0.unclear {
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

impl Deref for Reading {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl DerefMut for Reading {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

fn options(path: &str) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What was committed outlives the process at any moment; only a power cut may undo the last moments, whole
        // transactions of them. FULL would flush the disk before every answer.
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .statement_cache_capacity(256)
        .pragma("temp_store", "memory")
        .pragma("cache_size", "-16000")
        // Pages; `wal` copies them long before. No mmap_size: every growth of the file would make every connection map
        // it anew, which commits felt.
        .pragma("wal_autocheckpoint", "64000")
        .pragma("journal_size_limit", "67108864")
}
