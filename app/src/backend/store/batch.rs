//! What the group commit writes in one transaction: any number of turns begun, kept and ended, and records of calls.
//!
//! Each kind of operation has a list of statements that work on all of its kind at once: a list in JSON says what. So
//! SQLite is given a whole transaction, from BEGIN to COMMIT, as one text of one journey (its connection has a thread of
//! its own), prepared once; PostgreSQL gets a statement at a time, few for many operations.
//!
//! The texts are the same for both databases, but for how a list is read: `given($1)` is put in for each.
//!
//! What people and models say is made findable later; here it is only noted that it waits for that ([`super::search`]).
//!
//! Invariants: every durable change takes the next number of its conversation's clock, by an UPDATE that also locks the
//! conversation's row. One that is refused writes nothing and does not concern the others: the first statement of a kind
//! checks every condition, and the others know by what it wrote. A conversation begins one turn of a batch, and a turn is
//! kept or ended once; [`super::writer`] sees to that.

use super::{
    StoreError,
    db::{Db, Driver, Tx, execute, fetch},
    messages::{MessageRow, reply_columns},
    text::to_json,
};
use serde::Serialize;
use sqlx::{FromRow, Row};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// A turn's text so far.
#[derive(Debug, Serialize)]
pub(super) struct GivenCheckpoint {
    pub(super) turn: String,
    pub(super) parts: String,
    pub(super) lease: i64,
    pub(super) input: i64,
    pub(super) output: i64,
    pub(super) cached: i64,
    pub(super) waiting: Option<String>,
}

/// A turn's end.
#[derive(Debug, Serialize)]
pub(super) struct GivenFinish {
    pub(super) turn: String,
    pub(super) now: i64,
    pub(super) parts: String,
    pub(super) status: &'static str,
    pub(super) input: i64,
    pub(super) output: i64,
    pub(super) cached: i64,
    pub(super) fault: Option<String>,
}

/// A turn's beginning, with what its person says.
#[derive(Debug, Serialize)]
pub(super) struct GivenStart {
    pub(super) conversation: String,
    pub(super) by: String,
    pub(super) turn: String,
    pub(super) reply: String,
    pub(super) model: String,
    pub(super) scopes: Option<String>,
    pub(super) now: i64,
    pub(super) lease: i64,
    /// Turns that may wait.
    pub(super) queue: i64,
    /// 1: its first message follows the newest leaf, and not `parent`.
    pub(super) at_head: i64,
    pub(super) parent: Option<String>,
    /// What the reply begins with.
    pub(super) begun: String,
    /// The same, if it is anything: a crash before the first checkpoint must not lose it.
    pub(super) checkpoint: Option<String>,
    /// The person's message, if there is one, with its key and parts.
    pub(super) message: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) said: Option<String>,
}

/// A call's record.
#[derive(Debug, Serialize)]
pub(super) struct GivenCall {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) tool: String,
    pub(super) server: Option<String>,
    pub(super) via: &'static str,
    pub(super) credential: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) turn: Option<String>,
    pub(super) digest: String,
    pub(super) rule: &'static str,
    pub(super) decided_by: Option<String>,
    pub(super) outcome: &'static str,
    pub(super) began_at: i64,
    pub(super) duration_ms: Option<i64>,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) checkpoints: Vec<GivenCheckpoint>,
    pub(super) finishes: Vec<GivenFinish>,
    pub(super) starts: Vec<GivenStart>,
    pub(super) calls: Vec<GivenCall>,
}

/// What the database said of a turn that began.
#[derive(Debug, FromRow)]
pub(super) struct StartedRow {
    pub(super) id: String,
    pub(super) position: i64,
    pub(super) runs: bool,
    pub(super) previous_head_id: Option<String>,
    pub(super) title: String,
    pub(super) author: String,
}

/// What was written, by the turns' ids: what is not here was refused.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) kept: HashSet<String>,
    /// Their replies, without parts.
    pub(super) finished: HashMap<String, MessageRow>,
    pub(super) started: HashMap<String, StartedRow>,
}

/// A row of any of the statements, told by its length.
enum AnyRow {
    Kept(String),
    Over,
    Started(StartedRow),
    Finished(Box<MessageRow>),
}

impl<'r, R: Row> FromRow<'r, R> for AnyRow
where
    (String,): FromRow<'r, R>,
    StartedRow: FromRow<'r, R>,
    MessageRow: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        match row.len() {
            1 => <(String,)>::from_row(row).map(|(turn,)| Self::Kept(turn)),
            2 => Ok(Self::Over),
            6 => StartedRow::from_row(row).map(Self::Started),
            _ => MessageRow::from_row(row).map(|row| Self::Finished(Box::new(row))),
        }
    }
}

const CHECKPOINT: &[&str] = &["UPDATE turns SET
         checkpoint = g.value ->> 'parts', lease_until = CAST(g.value ->> 'lease' AS BIGINT),
         usage_input = CAST(g.value ->> 'input' AS BIGINT), usage_output = CAST(g.value ->> 'output' AS BIGINT),
         usage_cached = CAST(g.value ->> 'cached' AS BIGINT), waiting = g.value ->> 'waiting'
     FROM given($1) AS g WHERE turns.id = g.value ->> 'turn' AND turns.state = 'running' RETURNING id"];

/// PostgreSQL's, before [`FINISH`]: what that finds not to be over stays so until it is done. SQLite has one writer.
const LOCK: &str =
    "SELECT id FROM turns WHERE id IN (SELECT g.value ->> 'turn' FROM given($1) AS g) ORDER BY id FOR UPDATE";

const FINISH: &[&str] = &[
    "UPDATE conversations SET last_seq = last_seq + e.ended, updated_at = e.at FROM
         (SELECT t.conversation_id AS room, COUNT(*) AS ended, MAX(CAST(g.value ->> 'now' AS BIGINT)) AS at
          FROM given($1) AS g JOIN turns t ON t.id = g.value ->> 'turn' WHERE t.state <> 'done'
          GROUP BY t.conversation_id) AS e
     WHERE conversations.id = e.room",
    // Of several that end in one conversation each has its own number.
    concat!(
        "UPDATE messages SET
             seq = (SELECT c.last_seq FROM conversations c WHERE c.id = messages.conversation_id) - e.behind,
             parts = e.told ->> 'parts', status = e.told ->> 'status',
             usage_input = CAST(e.told ->> 'input' AS BIGINT), usage_output = CAST(e.told ->> 'output' AS BIGINT),
             usage_cached = CAST(e.told ->> 'cached' AS BIGINT), fault = e.told ->> 'fault'
         FROM (SELECT t.reply_id AS reply, g.value AS told,
                      ROW_NUMBER() OVER (PARTITION BY t.conversation_id ORDER BY t.id DESC) - 1 AS behind
               FROM given($1) AS g JOIN turns t ON t.id = g.value ->> 'turn' WHERE t.state <> 'done') AS e
         WHERE messages.id = e.reply RETURNING ",
        reply_columns!()
    ),
    "INSERT INTO unindexed_messages (message_id) SELECT t.reply_id
     FROM given($1) AS g JOIN turns t ON t.id = g.value ->> 'turn' WHERE t.state <> 'done'",
    "UPDATE turns SET
         state = 'done', checkpoint = NULL, waiting = NULL, finished_at = CAST(g.value ->> 'now' AS BIGINT),
         usage_input = CAST(g.value ->> 'input' AS BIGINT), usage_output = CAST(g.value ->> 'output' AS BIGINT),
         usage_cached = CAST(g.value ->> 'cached' AS BIGINT)
     FROM given($1) AS g WHERE turns.id = g.value ->> 'turn' AND turns.state <> 'done'",
];

/// Advances the clock and moves the head, if every condition holds, then inserts the message, the reply under it and the
/// turn, which are for those whose head was moved. Whether the turn runs is asked after the conversation's lock was got:
/// while the first statement waited for it, another process may have started one.
const START: &[&str] = &[
    "UPDATE conversations SET
         last_seq = last_seq + CASE WHEN g.value ->> 'message' IS NULL THEN 1 ELSE 2 END, previous_head_id = head_id,
         head_id = g.value ->> 'reply', model = g.value ->> 'model',
         updated_at = CAST(g.value ->> 'now' AS BIGINT)
     FROM given($1) AS g
     WHERE conversations.id = g.value ->> 'conversation' AND deleted_at IS NULL
       AND EXISTS (SELECT 1 FROM members m
                   WHERE m.conversation_id = conversations.id AND m.user_id = g.value ->> 'by')
       AND NOT EXISTS (SELECT 1 FROM messages s
                       WHERE s.conversation_id = conversations.id AND s.client_id = g.value ->> 'client_id')
       AND (g.value ->> 'parent' IS NULL OR EXISTS
            (SELECT 1 FROM messages p WHERE p.id = g.value ->> 'parent' AND p.conversation_id = conversations.id))
       AND (SELECT COUNT(*) FROM turns q
            WHERE q.conversation_id = conversations.id AND q.state <> 'done' AND q.state = 'queued')
           < CAST(g.value ->> 'queue' AS BIGINT)",
    "INSERT INTO messages (id, conversation_id, parent_id, position, seq, role, author_id, parts, status, client_id,
                           created_at)
     SELECT g.value ->> 'message', c.id,
            CASE WHEN CAST(g.value ->> 'at_head' AS BIGINT) = 1 THEN c.previous_head_id ELSE g.value ->> 'parent' END,
            c.last_seq - 1, c.last_seq - 1, 'user', g.value ->> 'by', g.value ->> 'said', 'complete',
            g.value ->> 'client_id', CAST(g.value ->> 'now' AS BIGINT)
     FROM given($1) AS g JOIN conversations c ON c.id = g.value ->> 'conversation'
     WHERE c.head_id = g.value ->> 'reply' AND g.value ->> 'message' IS NOT NULL",
    "INSERT INTO messages (id, conversation_id, parent_id, position, seq, role, parts, status, turn_id, model,
                           created_at)
     SELECT g.value ->> 'reply', c.id,
            CASE WHEN g.value ->> 'message' IS NOT NULL THEN g.value ->> 'message'
                 WHEN CAST(g.value ->> 'at_head' AS BIGINT) = 1 THEN c.previous_head_id
                 ELSE g.value ->> 'parent' END,
            c.last_seq, c.last_seq, 'assistant', g.value ->> 'begun', 'pending', g.value ->> 'turn',
            g.value ->> 'model', CAST(g.value ->> 'now' AS BIGINT)
     FROM given($1) AS g JOIN conversations c ON c.id = g.value ->> 'conversation'
     WHERE c.head_id = g.value ->> 'reply'",
    "INSERT INTO unindexed_messages (message_id) SELECT g.value ->> 'message'
     FROM given($1) AS g JOIN conversations c ON c.id = g.value ->> 'conversation'
     WHERE c.head_id = g.value ->> 'reply' AND g.value ->> 'message' IS NOT NULL",
    "INSERT INTO turns (id, conversation_id, reply_id, user_id, model, state, position, checkpoint, lease_until,
                        created_at, scopes)
     SELECT g.value ->> 'turn', c.id, g.value ->> 'reply', g.value ->> 'by', g.value ->> 'model',
            CASE WHEN EXISTS (SELECT 1 FROM turns l WHERE l.conversation_id = c.id AND l.state <> 'done')
                 THEN 'queued' ELSE 'running' END,
            c.last_seq, g.value ->> 'checkpoint', CAST(g.value ->> 'lease' AS BIGINT),
            CAST(g.value ->> 'now' AS BIGINT), g.value ->> 'scopes'
     FROM given($1) AS g JOIN conversations c ON c.id = g.value ->> 'conversation'
     WHERE c.head_id = g.value ->> 'reply'
     RETURNING id, position, CASE WHEN state = 'running' THEN TRUE ELSE FALSE END AS runs,
               (SELECT c.previous_head_id FROM conversations c WHERE c.id = turns.conversation_id) AS previous_head_id,
               (SELECT c.title FROM conversations c WHERE c.id = turns.conversation_id) AS title,
               (SELECT u.name FROM users u WHERE u.id = turns.user_id) AS author",
];

const CALL: &[&str] = &["INSERT INTO tool_calls (id, user_id, tool, server, via, credential, conversation_id, turn_id,
         digest, rule, decided_by, outcome, began_at, duration_ms)
     SELECT g.value ->> 'id', g.value ->> 'user', g.value ->> 'tool', g.value ->> 'server', g.value ->> 'via',
            g.value ->> 'credential', g.value ->> 'conversation', g.value ->> 'turn', g.value ->> 'digest',
            g.value ->> 'rule', g.value ->> 'decided_by', g.value ->> 'outcome',
            CAST(g.value ->> 'began_at' AS BIGINT), CAST(g.value ->> 'duration_ms' AS BIGINT)
     FROM given($1) AS g WHERE TRUE
     ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, duration_ms = excluded.duration_ms"];

/// The kinds, in the order they are written in.
const KINDS: [&[&str]; 4] = [CHECKPOINT, FINISH, START, CALL];
/// Where [`FINISH`] is among them.
const ENDS: usize = 1;

/// What stands behind COMMIT: its row says that everything before it was done. If the connection's thread dies, the rows
/// only end.
const OVER: &str = "SELECT 1, 1";

/// Whole transactions of SQLite's, one for each set of kinds (the bits of its number), with their lists as `$1` to `$4`.
static WHOLE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let whole = |set: usize| {
        let kinds = KINDS.into_iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
        let statements = kinds.flat_map(|(at, kind)| for_sqlite(kind, at + 1));
        let (begin, commit) = (["BEGIN IMMEDIATE".to_owned()], ["COMMIT".to_owned(), OVER.to_owned()]);
        begin.into_iter().chain(statements).chain(commit).collect::<Vec<_>>().join(";\n")
    };
    (0..1 << KINDS.len()).map(whole).collect()
});

/// Each kind's statements, with its list as `$1`.
type Texts = [Vec<String>; KINDS.len()];

static SQLITE: LazyLock<Texts> = LazyLock::new(|| KINDS.map(|kind| for_sqlite(kind, 1)));
static POSTGRES: LazyLock<Texts> = LazyLock::new(|| KINDS.map(for_postgres));
static LOCKING: LazyLock<String> = LazyLock::new(|| for_postgres(&[LOCK]).concat());

fn for_sqlite(kind: &[&str], list: usize) -> Vec<String> {
    let given = format!("(SELECT value FROM json_each(${list}))");
    kind.iter().map(|text| text.replace("given($1)", &given)).collect()
}

fn for_postgres(kind: &[&str]) -> Vec<String> {
    let given = "(SELECT e.value FROM jsonb_array_elements(CAST($1 AS JSONB)) AS e (value))";
    kind.iter().map(|text| text.replace("given($1)", given)).collect()
}

impl Batch {
    /// Notes a call; of one that is noted twice the later state counts.
    pub(super) fn record(&mut self, call: GivenCall) {
        match self.calls.iter_mut().find(|noted| noted.id == call.id) {
            Some(noted) => *noted = call,
            None => self.calls.push(call),
        }
    }

    /// Writes it in a transaction of its own, for good.
    pub(super) async fn commit(self, db: &Db) -> Result<Written, StoreError> {
        match db {
            Driver::Sqlite(file) => {
                let lists = self.lists()?;
                let set = (0..).zip(&lists).map(|(at, list)| usize::from(list.is_some()) << at).sum::<usize>();
                let Some(whole) = WHOLE.get(set) else { return Ok(Written::default()) };
                let mut writing = file.write().await?;
                let rows = writing
                    .whole(async |connection| {
                        let mut whole = sqlx::query_as::<_, AnyRow>(whole.as_str());
                        for list in lists {
                            whole = whole.bind(list);
                        }
                        let rows = whole.fetch_all(connection).await?;
                        let over = matches!(rows.last(), Some(AnyRow::Over));
                        if over { Ok(rows) } else { Err(sqlx::Error::WorkerCrashed) }
                    })
                    .await?;
                Ok(Written::of(rows))
            }
            Driver::Postgres(_) => {
                let mut tx = db.begin().await?;
                let written = self.write(&mut tx).await?;
                tx.commit().await?;
                Ok(written)
            }
        }
    }

    /// Writes it in a transaction.
    pub(super) async fn write(self, tx: &mut Tx) -> Result<Written, StoreError> {
        let (texts, lock) = if tx.is_sqlite() { (&*SQLITE, None) } else { (&*POSTGRES, Some(LOCKING.as_str())) };
        let mut rows = Vec::new();
        for ((kind, text), list) in texts.iter().enumerate().zip(self.lists()?) {
            let Some(list) = list else { continue };
            if kind == ENDS
                && let Some(lock) = lock
            {
                execute!(&mut *tx, lock, list.as_str())?;
            }
            for text in text {
                rows.extend(fetch!(&mut *tx, fetch_all, AnyRow, text.as_str(), list.as_str())?);
            }
        }
        Ok(Written::of(rows))
    }

    /// The lists of the kinds, in their order, as JSON; `None` where there is nothing.
    fn lists(&self) -> Result<[Option<String>; KINDS.len()], StoreError> {
        Ok([list(&self.checkpoints)?, list(&self.finishes)?, list(&self.starts)?, list(&self.calls)?])
    }
}

/// The JSON of a list with anything in it.
fn list<T: Serialize>(items: &[T]) -> Result<Option<String>, StoreError> {
    if items.is_empty() { Ok(None) } else { to_json(&items).map(Some) }
}

impl Written {
    fn of(rows: Vec<AnyRow>) -> Self {
        let mut written = Self::default();
        for row in rows {
            match row {
                AnyRow::Kept(turn) => drop(written.kept.insert(turn)),
                AnyRow::Over => {}
                AnyRow::Started(row) => drop(written.started.insert(row.id.clone(), row)),
                AnyRow::Finished(row) => {
                    let turn = row.turn_id.clone().unwrap_or_default();
                    drop(written.finished.insert(turn, *row));
                }
            }
        }
        written
    }
}
