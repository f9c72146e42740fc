//! The conversation store: SQLite or PostgreSQL, one SQL text.
//!
//! Every read of user data takes `by` and puts it in the WHERE; «not yours» and «not there» are both
//! [`StoreError::NotFound`], and so is a deleted conversation, for everything but bringing it back.
//! What a call returned is committed. U+0000 is dropped from every text on its way in.
//! Decision: a struct, not a trait; an SQLite file in a temporary folder is the fake.

mod batch;
mod db;
mod recent;
mod text;
mod wal;
mod writer;

pub mod api_tokens;
pub mod app_contexts;
pub mod apps;
pub mod attachments;
pub mod collections;
pub mod connection_inputs;
pub mod connections;
pub mod conversations;
pub mod messages;
pub mod oauth;
pub mod policies;
pub mod prompts;
pub mod remote_sign_ins;
pub mod rooms;
pub mod sealed;
pub mod search;
pub mod secrets;
pub mod sessions;
pub mod summaries;
pub mod tasks;
pub mod tool_calls;
pub mod turns;
pub mod usage;
pub mod users;

#[cfg(test)]
mod tests;

use self::{
    db::{Db, Tx},
    recent::Recent,
    writer::Writer,
};
use crate::{
    backend::{clock::Clock, config::DatabaseUrl},
    wire::id::{ConversationId, UserId},
};
use std::{
    fmt,
    str::FromStr,
    sync::{Arc, atomic::AtomicU64},
};

/// The store; cloning it is cheap.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    asking: collections::Asking,
    clock: Clock,
    writer: Writer,
    /// Transactions outside of the group commit, counted for [`recent`].
    writes: AtomicU64,
    tokens: Recent<String, api_tokens::ApiToken>,
    access: Recent<(String, String), oauth::Access>,
    rules: Recent<(UserId, Option<ConversationId>), Arc<policies::ToolRules>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// What a store call can fail with.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not there, or not yours.
    #[error("not found")]
    NotFound,
    /// The state of things forbids it; names the rule broken (`username`, `queue_full`, `members_full`, …).
    #[error("conflict: {0}")]
    Conflict(&'static str),
    /// The database is locked or out of connections.
    #[error("the database is busy")]
    Busy,
    /// The disk is full or read-only: nothing was written.
    #[error("the database cannot be written: {0}")]
    Unwritable(String),
    /// The database could not be opened: why, as the end of a sentence for whoever starts the server; no secrets.
    #[error("{0}")]
    Unopened(String),
    /// A row that cannot be read.
    #[error("corrupt row in {table}: {id}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: String,
    },
    /// Anything else.
    #[error(transparent)]
    Database(sqlx::Error),
}

impl Store {
    /// Opens the database, and migrates it. An SQLite file and its folder are made if they are not there.
    ///
    /// The writer's task belongs to the store, not to the process's tasks: turns that end during the drain still need
    /// it, so only [`Store::close`] ends it.
    pub async fn open(url: &DatabaseUrl, clock: Clock) -> Result<Self, StoreError> {
        let db = Db::open(url).await?;
        search::make_index(&db).await?;
        let writer = Writer::start(db.clone(), clock.clone());
        let asking = collections::Asking::beside(&db);
        Ok(Self {
            inner: Arc::new(Inner {
                db,
                asking,
                clock,
                writer,
                writes: AtomicU64::default(),
                tokens: Recent::default(),
                access: Recent::default(),
                rules: Recent::default(),
            }),
        })
    }

    /// How many transactions turns have taken since the store was opened: fewer than they asked for, where several were
    /// committed together.
    pub fn commits(&self) -> u64 {
        self.inner.writer.commits()
    }

    /// Answers whether the database can be reached.
    pub async fn ping(&self) -> Result<(), StoreError> {
        db::read!(self, fetch_one, (i64,), "SELECT CAST(1 AS BIGINT)")?;
        Ok(())
    }

    /// Writes what is queued, then closes every connection.
    pub async fn close(&self) {
        self.inner.writer.close().await;
        self.inner.asking.close().await;
        self.inner.db.close().await;
    }

    /// Begins a write transaction of its own, outside of the group commit.
    async fn begin(&self) -> Result<Tx, StoreError> {
        self.inner.db.begin().await
    }
}

/// An id as it was stored.
fn parse_id<T: FromStr>(table: &'static str, id: &str) -> Result<T, StoreError> {
    id.parse().map_err(|_| StoreError::Corrupt { table, id: id.to_owned() })
}

/// Tokens as a column holds them.
fn column(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// Tokens as they were stored.
fn tokens(column: i64) -> u64 {
    u64::try_from(column).unwrap_or_default()
}
