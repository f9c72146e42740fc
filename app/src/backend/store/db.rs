//! The two databases behind one face. With `search` and `collections` the only place that knows there are two.
//!
//! One SQL text serves both: `$n` placeholders, TEXT, BIGINT and BOOLEAN only. A statement is written once in `fetch!`,
//! `execute!` or `read!`, whose body is type-checked once for each driver, so the two cannot drift. What turns write,
//! many at a time, is in [`super::batch`]. SQLite has one writing connection and a few readers; PostgreSQL has one pool.

mod sqlite;

pub(super) use self::sqlite::{LONG, PAGE, SqliteFile, SqliteTx};
use super::StoreError;
use crate::backend::config::DatabaseUrl;
use futures::future::BoxFuture;
use secrecy::ExposeSecret;
use sqlx::{
    Executor, PgPool, Postgres, Transaction,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr, time::Duration};

/// How long a caller waits for a connection or a lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections to PostgreSQL: well under its default of 100 for a few processes.
const POSTGRES_CONNECTIONS: u32 = 16;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// One thing for each database.
#[derive(Clone, Debug)]
pub(super) enum Driver<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// An open database.
pub(super) type Db = Driver<SqliteFile, PgPool>;
/// A write transaction; dropping it rolls it back.
pub(super) type Tx = Driver<SqliteTx, Transaction<'static, Postgres>>;

/// Runs the body with the driver's own type.
macro_rules! on {
    ($at:expr, |$c:ident| $body:expr) => {
        match $at {
            $crate::backend::store::db::Driver::Sqlite($c) => $body,
            $crate::backend::store::db::Driver::Postgres($c) => $body,
        }
    };
}

/// Runs one statement in a transaction (`&mut Tx`); how many rows it changed.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::backend::store::db::on!($tx, |c| sqlx::query($sql)$(.bind($bind))*.execute(&mut **c).await.map(|done| done.rows_affected()))
    };
}

/// Runs one statement in a transaction (`&mut Tx`) and reads its rows: `fetch!(tx, fetch_optional, Row, "…", binds)`.
macro_rules! fetch {
    ($tx:expr, $how:ident, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        $crate::backend::store::db::on!($tx, |c| sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.$how(&mut **c).await)
    };
}

/// Reads rows outside of a transaction: `read!(store, fetch_all, Row, "…", binds)`.
macro_rules! read {
    ($store:expr, $how:ident, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => {
        match &$store.inner.db {
            $crate::backend::store::db::Driver::Sqlite(file) =>
                file.ask(async |connection| sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.$how(connection).await).await,
            $crate::backend::store::db::Driver::Postgres(pool) =>
                sqlx::query_as::<_, $row>($sql)$(.bind($bind))*.$how(pool).await,
        }
    };
}

pub(super) use {execute, fetch, on, read};

impl<S, P> Driver<S, P> {
    /// Whether it is SQLite's.
    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

impl Db {
    /// Opens and migrates the database of that address.
    pub(super) async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let url = url.0.expose_secret();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            open_sqlite(path.split('?').next().unwrap_or(path)).await.map(Self::Sqlite)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            open_postgres(url).await.map(Self::Postgres)
        } else {
            Err(StoreError::Unopened("its address must begin with «sqlite:» or «postgres://»".to_owned()))
        }
    }

    /// Begins a write transaction.
    ///
    /// In a box of its own: the wait for a connection, which may have to be opened, has 14 KiB of state, and every future
    /// that ever writes would have to be made, moved and kept with room for it, be it needed or not.
    pub(super) fn begin(&self) -> BoxFuture<'_, Result<Tx, StoreError>> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite(file) => Driver::Sqlite(file.begin().await?),
                Self::Postgres(pool) => Driver::Postgres(pool.begin().await?),
            })
        })
    }

    /// Closes every connection.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(file) => file.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes it durable.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        on!(self, |tx| tx.commit().await)?;
        Ok(())
    }

    /// Undoes it, and waits until that is done.
    pub(super) async fn rollback(self) -> Result<(), StoreError> {
        on!(self, |tx| tx.rollback().await)?;
        Ok(())
    }
}

async fn open_sqlite(path: &str) -> Result<SqliteFile, StoreError> {
    let file = SqliteFile::open(path).await?;
    MIGRATIONS.run(&mut *file.write().await?).await.map_err(unmigrated)?;
    Ok(file)
}

async fn open_postgres(url: &str) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| {
        // The parser's own words name the fault and never quote the address, which holds the password.
        StoreError::Unopened(format!("its address is not a valid postgres:// address: {}", plain(&error)))
    })?;
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .connect_with(options.application_name("parley"))
        .await
        .map_err(|error| StoreError::Unopened(plain(&error)))?;
    // Notices about what exists already would be noise in every start's log.
    pool.execute("SET client_min_messages = warning").await?;
    MIGRATIONS.run(&pool).await.map_err(unmigrated)?;
    Ok(pool)
}

fn unmigrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => StoreError::Unopened(format!("it cannot be migrated: {}", plain(&error))),
        other => StoreError::Unopened(format!("it cannot be migrated: {other}")),
    }
}

/// The innermost words of an error: those of the database or of the operating system.
fn plain(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(inner) => inner.message().to_owned(),
        sqlx::Error::Io(inner) => inner.to_string(),
        sqlx::Error::Configuration(inner) => inner.to_string(),
        sqlx::Error::PoolTimedOut => "it does not answer".to_owned(),
        other => other.to_string(),
    }
}

impl From<sqlx::Error> for StoreError {
    /// Sorts out what a caller can act on: SQLite's primary result codes, PostgreSQL's SQLSTATE (appendix A).
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::PoolTimedOut => return Self::Busy,
            sqlx::Error::Database(inner) => inner.code().map(std::borrow::Cow::into_owned).unwrap_or_default(),
            _ => return Self::Database(error),
        };
        let sqlite = matches!(&error, sqlx::Error::Database(inner)
            if inner.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some());
        match (sqlite, code.as_str()) {
            (true, code) => match code.parse::<i32>().unwrap_or_default() & 0xff {
                // BUSY, LOCKED
                5 | 6 => Self::Busy,
                // READONLY, IOERR, FULL, CANTOPEN
                8 | 10 | 13 | 14 => Self::Unwritable(plain(&error)),
                _ => Self::Database(error),
            },
            // lock_not_available, deadlock_detected, serialization_failure, too_many_connections
            (false, "55P03" | "40P01" | "40001" | "53300") => Self::Busy,
            // disk_full, read_only_sql_transaction, io_error
            (false, "53100" | "25006" | "58030") => Self::Unwritable(plain(&error)),
            _ => Self::Database(error),
        }
    }
}
