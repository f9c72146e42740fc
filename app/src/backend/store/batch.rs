//! What the group commit writes in one transaction: any number of turns begun, kept and ended, and records of calls.
//!
//! Each kind of operation has a list of statements that work on all of its kind at once: they read a table `given`, whose
//! rows are values beside the text ([`given`]). So SQLite is given a whole transaction, from BEGIN to COMMIT, as one text
//! of one journey (its connection has a thread of its own), prepared once for each mixture of sizes; PostgreSQL gets a
//! statement at a time, few for many operations. The texts are the same for both.
//!
//! Decision: values, and not one list in JSON. SQLite took it apart anew in every statement, which was a fifth of the time
//! that a turn took to be stored.
//!
//! What people and models say is made findable later; here it is only noted that it waits for that ([`super::search`]).
//!
//! Invariants: every durable change takes the next number of its conversation's clock, by an UPDATE that also locks the
//! conversation's row. One that is refused writes nothing and does not concern the others: the first statement of a kind
//! checks every condition, and the others know by what it wrote. A conversation begins one turn of a batch, and a turn is
//! kept or ended once; [`super::writer`] sees to that.

mod given;

use self::given::{CLASSES, Given, List, Value, bind, numbered, reading};
pub(super) use self::given::{GivenCall, GivenCheckpoint, GivenFinish, GivenStart, MOST};
use super::{
    StoreError,
    db::{Db, Driver, Tx, on},
    messages::{MessageRow, reply_columns},
};
use sqlx::{FromRow, Row};
use std::{
    collections::{HashMap, HashSet},
    sync::OnceLock,
};

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
         checkpoint = g.parts, lease_until = g.lease, usage_input = g.input, usage_output = g.output,
         usage_cached = g.cached, waiting = g.waiting
     FROM given AS g WHERE turns.id = g.turn AND turns.state = 'running' RETURNING id"];

/// PostgreSQL's, before [`FINISH`]: what that finds not to be over stays so until it is done. SQLite has one writer.
const LOCK: &str = "SELECT id FROM turns WHERE id IN (SELECT g.turn FROM given AS g) ORDER BY id FOR UPDATE";

const FINISH: &[&str] = &[
    "UPDATE conversations SET last_seq = last_seq + e.ended, updated_at = e.at FROM
         (SELECT t.conversation_id AS room, COUNT(*) AS ended, MAX(g.now) AS at
          FROM given AS g JOIN turns t ON t.id = g.turn WHERE t.state <> 'done'
          GROUP BY t.conversation_id) AS e
     WHERE conversations.id = e.room",
    // Of several that end in one conversation each has its own number.
    concat!(
        "UPDATE messages SET
             seq = (SELECT c.last_seq FROM conversations c WHERE c.id = messages.conversation_id) - e.behind,
             parts = e.told, status = e.became, fault = e.why,
             usage_input = e.input, usage_output = e.output, usage_cached = e.cached
         FROM (SELECT t.reply_id AS reply, g.parts AS told, g.status AS became, g.fault AS why, g.input, g.output,
                      g.cached,
                      ROW_NUMBER() OVER (PARTITION BY t.conversation_id ORDER BY t.id DESC) - 1 AS behind
               FROM given AS g JOIN turns t ON t.id = g.turn WHERE t.state <> 'done') AS e
         WHERE messages.id = e.reply RETURNING ",
        reply_columns!()
    ),
    "INSERT INTO unindexed_messages (message_id) SELECT t.reply_id
     FROM given AS g JOIN turns t ON t.id = g.turn WHERE t.state <> 'done'",
    "UPDATE turns SET
         state = 'done', checkpoint = NULL, waiting = NULL, finished_at = g.now,
         usage_input = g.input, usage_output = g.output, usage_cached = g.cached
     FROM given AS g WHERE turns.id = g.turn AND turns.state <> 'done'",
];

/// Advances the clock and moves the head, if every condition holds, then inserts the message, the reply under it and the
/// turn, which are for those whose head was moved. Whether the turn runs is asked after the conversation's lock was got:
/// while the first statement waited for it, another process may have started one.
const START: &[&str] = &[
    "UPDATE conversations SET
         last_seq = last_seq + CASE WHEN g.message IS NULL THEN 1 ELSE 2 END, previous_head_id = head_id,
         head_id = g.reply, model = g.model, updated_at = g.now
     FROM given AS g
     WHERE conversations.id = g.conversation AND deleted_at IS NULL
       AND EXISTS (SELECT 1 FROM members m
                   WHERE m.conversation_id = conversations.id AND m.user_id = g.person)
       AND NOT EXISTS (SELECT 1 FROM messages s
                       WHERE s.conversation_id = conversations.id AND s.client_id = g.client_id)
       AND (g.parent IS NULL OR EXISTS
            (SELECT 1 FROM messages p WHERE p.id = g.parent AND p.conversation_id = conversations.id))
       AND (SELECT COUNT(*) FROM turns q
            WHERE q.conversation_id = conversations.id AND q.state <> 'done' AND q.state = 'queued')
           < g.queue",
    "INSERT INTO messages (id, conversation_id, parent_id, position, seq, role, author_id, parts, status, client_id,
                           created_at)
     SELECT g.message, c.id, CASE WHEN g.at_head = 1 THEN c.previous_head_id ELSE g.parent END,
            c.last_seq - 1, c.last_seq - 1, 'user', g.person, g.said, 'complete', g.client_id, g.now
     FROM given AS g JOIN conversations c ON c.id = g.conversation
     WHERE c.head_id = g.reply AND g.message IS NOT NULL",
    "INSERT INTO messages (id, conversation_id, parent_id, position, seq, role, parts, status, turn_id, model,
                           created_at)
     SELECT g.reply, c.id,
            CASE WHEN g.message IS NOT NULL THEN g.message WHEN g.at_head = 1 THEN c.previous_head_id
                 ELSE g.parent END,
            c.last_seq, c.last_seq, 'assistant', g.begun, 'pending', g.turn, g.model, g.now
     FROM given AS g JOIN conversations c ON c.id = g.conversation
     WHERE c.head_id = g.reply",
    "INSERT INTO unindexed_messages (message_id) SELECT g.message
     FROM given AS g JOIN conversations c ON c.id = g.conversation
     WHERE c.head_id = g.reply AND g.message IS NOT NULL",
    "INSERT INTO turns (id, conversation_id, reply_id, user_id, model, state, position, checkpoint, lease_until,
                        created_at, scopes)
     SELECT g.turn, c.id, g.reply, g.person, g.model,
            CASE WHEN EXISTS (SELECT 1 FROM turns l WHERE l.conversation_id = c.id AND l.state <> 'done')
                 THEN 'queued' ELSE 'running' END,
            c.last_seq, g.checkpoint, g.lease, g.now, g.scopes
     FROM given AS g JOIN conversations c ON c.id = g.conversation
     WHERE c.head_id = g.reply
     RETURNING id, position, CASE WHEN state = 'running' THEN TRUE ELSE FALSE END AS runs,
               (SELECT c.previous_head_id FROM conversations c WHERE c.id = turns.conversation_id) AS previous_head_id,
               (SELECT c.title FROM conversations c WHERE c.id = turns.conversation_id) AS title,
               (SELECT u.name FROM users u WHERE u.id = turns.user_id) AS author",
];

const CALL: &[&str] = &["INSERT INTO tool_calls (id, user_id, tool, server, via, credential, conversation_id, turn_id,
         digest, rule, decided_by, outcome, began_at, duration_ms)
     SELECT g.id, g.person, g.tool, g.server, g.via, g.credential, g.conversation, g.turn, g.digest, g.rule,
            g.decided_by, g.outcome, g.began_at, g.duration_ms
     FROM given AS g WHERE g.id IS NOT NULL
     ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, duration_ms = excluded.duration_ms"];

/// The kinds, in the order they are written in, with the columns of their rows.
const KINDS: [(&[&str], &[&str]); 4] = [
    (CHECKPOINT, GivenCheckpoint::COLUMNS),
    (FINISH, GivenFinish::COLUMNS),
    (START, GivenStart::COLUMNS),
    (CALL, GivenCall::COLUMNS),
];

/// What stands behind COMMIT: its row says that everything before it was done. If the connection's thread dies, the rows
/// only end.
const OVER: &str = "SELECT 1, 1";

/// A transaction as SQLite is given it.
struct Whole {
    text: String,
    /// For each place of its statements which of the lists' values stands there.
    order: Vec<usize>,
}

/// Whole transactions of SQLite's, one for each mixture of lists' sizes, made when first needed.
static WHOLE: [OnceLock<Whole>; MIXTURES] = [const { OnceLock::new() }; MIXTURES];
const MIXTURES: usize = CLASSES * CLASSES * CLASSES * CLASSES;
/// Each kind's statements for each size of its list.
static ALONE: [[OnceLock<Vec<String>>; CLASSES]; KINDS.len()] =
    [const { [const { OnceLock::new() }; CLASSES] }; KINDS.len()];
/// [`LOCK`] for each size of [`FINISH`]'s list.
static LOCKING: [OnceLock<String>; CLASSES] = [const { OnceLock::new() }; CLASSES];

/// The whole transaction that writes lists of these sizes.
/// Its places have no numbers: sqlx asks for each place's name, and SQLite looks for that among all the others'.
fn whole(lists: &[List; KINDS.len()]) -> &'static Whole {
    let mixture = lists.iter().fold(0, |number, list| number * CLASSES + list.class);
    WHOLE[mixture].get_or_init(|| {
        let (mut texts, mut order) = (vec!["BEGIN IMMEDIATE".to_owned()], Vec::new());
        let mut first = 0;
        for ((kind, columns), list) in KINDS.into_iter().zip(lists).filter(|(_, list)| !list.values.is_empty()) {
            for text in kind {
                texts.push(reading(text, columns, list.class, |at| {
                    order.push(first + at);
                    "?".to_owned()
                }));
            }
            first += list.values.len();
        }
        texts.extend(["COMMIT".to_owned(), OVER.to_owned()]);
        Whole { text: texts.join(";\n"), order }
    })
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
                let Whole { text, order } = whole(&lists);
                let values: Vec<Value> = lists.into_iter().flat_map(|list| list.values).collect();
                let given = order.iter().map(|at| values[*at].clone());
                let query = bind(sqlx::query_as::<_, AnyRow>(text.as_str()), given);
                let over = |row: &AnyRow| matches!(row, AnyRow::Over);
                let rows = file.write().await?.whole(|connection| query.fetch(connection), over).await?;
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
        let lists = self.lists()?;
        let mut rows = Vec::new();
        if let (Driver::Postgres(_), [_, List { class: class @ 1.., values }, ..]) = (&tx, &lists) {
            let lock = LOCKING[*class].get_or_init(|| reading(LOCK, GivenFinish::COLUMNS, *class, numbered));
            let _locked = read(tx, lock, values).await?;
        }
        for ((kind, columns), (alone, List { class, values })) in KINDS.into_iter().zip(ALONE.iter().zip(&lists)) {
            if values.is_empty() {
                continue;
            }
            let all = || kind.iter().map(|text| reading(text, columns, *class, numbered)).collect();
            for text in alone[*class].get_or_init(all) {
                rows.extend(read(tx, text, values).await?);
            }
        }
        Ok(Written::of(rows))
    }

    /// The lists of the kinds, in their order.
    fn lists(self) -> Result<[List; KINDS.len()], sqlx::Error> {
        let Self { checkpoints, finishes, starts, calls } = self;
        Ok([List::of(checkpoints)?, List::of(finishes)?, List::of(starts)?, List::of(calls)?])
    }
}

/// Runs one statement with its list.
async fn read(tx: &mut Tx, text: &'static str, values: &[Value]) -> Result<Vec<AnyRow>, sqlx::Error> {
    let values = values.iter().cloned();
    on!(tx, |tx| bind(sqlx::query_as::<_, AnyRow>(text), values).fetch_all(&mut **tx).await)
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
