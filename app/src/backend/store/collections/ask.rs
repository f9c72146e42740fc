//! Asking: running the statement of a plan and reading what it finds.
//!
//! Invariant: a costly question holds up nobody else. Questions have a few connections of their own that can only read,
//! a person has one of them at a time, and each question is stopped by the database itself when its time is over, even
//! if nobody waits for its answer any more.

use super::{
    CollectionError, Collections,
    declare::{Collection, Kind},
    emit::{self, Part},
    place::{self, After},
    plan::{self, Output},
    sql::{Bind, Dialect, Statement},
};
use crate::{
    backend::store::{
        Store, StoreError,
        db::{Db, Driver, on},
    },
    wire::id::UserId,
};
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, ColumnIndex, Decode, Executor, PgPool, Row, SqlitePool, Type, postgres::PgPoolOptions,
    sqlite::SqlitePoolOptions,
};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a question may take in the database.
const TIME: Duration = Duration::from_secs(5);
/// [`TIME`] for PostgreSQL.
const SETTINGS: &str = "SET statement_timeout = 5000; SET default_transaction_read_only = on";
/// Questions at one time.
const CONNECTIONS: u32 = 2;
/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// Steps of SQLite between two looks at the time: well below a millisecond of work.
const STEPS: i32 = 10_000;

/// Queues that people wait in; those of one queue wait for each other.
const QUEUES: usize = 64;

/// The connections for questions.
pub(in crate::backend::store) struct Asking {
    pool: Driver<SqlitePool, PgPool>,
    queues: [Semaphore; QUEUES],
}

impl Asking {
    /// Connections beside those of `db`, opened when the first question comes.
    pub(in crate::backend::store) fn beside(db: &Db) -> Self {
        Self { pool: pool(db), queues: std::array::from_fn(|_| Semaphore::new(1)) }
    }

    /// Closes every connection.
    pub(in crate::backend::store) async fn close(&self) {
        on!(&self.pool, |pool| pool.close().await);
    }

    /// Waits until no other question of that person is under way.
    async fn turn(&self, by: UserId) -> Result<SemaphorePermit<'_>, StoreError> {
        // The last bytes of a UUIDv7 are random.
        let queue = &self.queues[usize::from(by.0.as_bytes()[15]) % QUEUES];
        let turn = tokio::time::timeout(PATIENCE, queue.acquire()).await;
        turn.ok().and_then(Result::ok).ok_or(StoreError::Busy)
    }
}

fn pool(db: &Db) -> Driver<SqlitePool, PgPool> {
    match db {
        Driver::Sqlite(file) => {
            let options = file.options().clone().with_regexp();
            let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
            Driver::Sqlite(pool.test_before_acquire(false).connect_lazy_with(options))
        }
        Driver::Postgres(pool) => {
            let options = (*pool.connect_options()).clone();
            let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
            let pool = pool.after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(SETTINGS).await?;
                    Ok(())
                })
            });
            Driver::Postgres(pool.connect_lazy_with(options))
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The collection's name.
    pub collection: &'a str,
    /// The stages, as the caller wrote them.
    pub pipeline: &'a [Value],
    /// Rows of a page; the collection's own limits apply.
    pub rows: Option<u32>,
    /// What came before.
    pub after: After<'a>,
    /// Characters of each text that are wanted.
    pub characters: u32,
}

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// Where.
    pub collection: &'static Collection,
    /// The columns; dots in their names make objects.
    pub columns: Vec<Output>,
    /// The rows, in order.
    pub rows: Vec<Vec<Cell>>,
    /// Each row's place, for [`After::Keys`], where it has one.
    pub keys: Vec<Option<Vec<Cell>>>,
    /// Whether more follow.
    pub more: bool,
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// None.
    Null,
    /// A text or an id.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// A time.
    Date(i64),
}

impl Cell {
    /// As JSON.
    pub fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Int(n) => (*n).into(),
            Self::Double(n) => (*n).into(),
            Self::Bool(yes) => (*yes).into(),
            Self::Date(ms) => time(*ms).into(),
        }
    }
}

/// A time as RFC 3339 in UTC, to the millisecond, so that it can be asked for again.
pub fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |t| t.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// A statement of run-time text with its binds.
macro_rules! query {
    ($text:expr, $binds:expr) => {{
        let mut query = sqlx::query(AssertSqlSafe($text)).persistent(false);
        for bind in $binds {
            query = match bind {
                Bind::Text(text) => query.bind(text),
                Bind::Int(n) => query.bind(n),
                Bind::Double(n) => query.bind(n),
                Bind::Bool(yes) => query.bind(yes),
                Bind::Null(Kind::Text | Kind::Id) => query.bind(None::<String>),
                Bind::Null(Kind::Int | Kind::Date) => query.bind(None::<i64>),
                Bind::Null(Kind::Double) => query.bind(None::<f64>),
                Bind::Null(Kind::Bool) => query.bind(None::<bool>),
            };
        }
        query
    }};
}

pub(super) use query;

impl Store {
    /// What `by` may see of what is asked for. At most one page of rows comes.
    ///
    /// # Errors
    /// [`CollectionError::Invalid`] says what to mend; [`CollectionError::Place`] if it cannot begin there;
    /// [`CollectionError::TooLong`] if the database took too long.
    pub async fn ask(
        &self,
        by: UserId,
        collections: &Collections,
        question: Question<'_>,
    ) -> Result<Found, CollectionError> {
        let collection = collections.get(question.collection);
        let collection = collection.ok_or_else(|| {
            CollectionError::Invalid(format!("{}.", capital(&collections.unknown(question.collection))))
        })?;
        let plan = plan::plan(collections, collection, question.pipeline).map_err(CollectionError::Invalid)?;
        let last = plan.last_limit.and_then(|limit| u32::try_from(limit).ok());
        let rows = question.rows.or(last).unwrap_or(collection.limit).clamp(1, collection.limit_max);
        let (only, skip) = match question.after {
            After::Rows(skip) => (None, skip),
            After::Keys(_) if !plan.keyed => return Err(CollectionError::Place),
            After::Keys(keys) => {
                (Some(place::behind(&plan.order, &plan.kinds, keys).ok_or(CollectionError::Place)?), 0)
            }
        };
        let part = Part { only, skip: skip.into(), rows: i64::from(rows) + 1, characters: question.characters.into() };
        let mut statement = Statement::new(self.dialect(), by.to_string());
        let text = emit::answer(&mut statement, &plan, &part).into_text();
        let mut kinds: Vec<Kind> = plan.outputs.iter().map(|output| output.kind).collect();
        let told = kinds.len();
        kinds.extend(plan.order.iter().filter(|_| plan.keyed).map(|(col, _)| plan.kinds[col.0]));
        let _turn = self.inner.asking.turn(by).await?;
        let mut found = self.run(text, statement.binds, &kinds).await.map_err(CollectionError::from)?;
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        let more = found.len() > rows;
        found.truncate(rows);
        let keys = found.iter_mut().map(|row| Some(row.split_off(told)).filter(|_| plan.keyed).and_then(place::keys));
        let keys = keys.collect();
        Ok(Found { collection, columns: plan.outputs, rows: found, keys, more })
    }

    pub(super) fn dialect(&self) -> Dialect {
        match self.inner.asking.pool {
            Driver::Sqlite(_) => Dialect::Sqlite,
            Driver::Postgres(_) => Dialect::Postgres,
        }
    }

    async fn run(&self, text: String, binds: Vec<Bind>, kinds: &[Kind]) -> Result<Vec<Vec<Cell>>, sqlx::Error> {
        match &self.inner.asking.pool {
            Driver::Sqlite(pool) => {
                let mut connection = pool.acquire().await?;
                let until = Instant::now() + TIME;
                // It takes the place of the one before. Should this future be dropped, the statement still ends in time.
                connection.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < until);
                let rows = query!(text, binds).fetch_all(&mut *connection).await?;
                rows.iter().map(|row| cells(row, kinds)).collect()
            }
            Driver::Postgres(pool) => {
                let rows = query!(text, binds).fetch_all(pool).await?;
                rows.iter().map(|row| cells(row, kinds)).collect()
            }
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn cells<'r, R: Row>(row: &'r R, kinds: &[Kind]) -> Result<Vec<Cell>, sqlx::Error>
where
    usize: ColumnIndex<R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    f64: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
{
    let cell = |(at, kind): (usize, &Kind)| {
        Ok(match kind {
            Kind::Text | Kind::Id => row.try_get::<Option<String>, _>(at)?.map(Cell::Text),
            Kind::Int => row.try_get::<Option<i64>, _>(at)?.map(Cell::Int),
            Kind::Date => row.try_get::<Option<i64>, _>(at)?.map(Cell::Date),
            Kind::Double => row.try_get::<Option<f64>, _>(at)?.map(Cell::Double),
            Kind::Bool => row.try_get::<Option<bool>, _>(at)?.map(Cell::Bool),
        }
        .unwrap_or(Cell::Null))
    };
    kinds.iter().enumerate().map(cell).collect()
}
