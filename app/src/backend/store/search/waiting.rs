//! Makes messages findable, a little after they were written.
//!
//! Invariant: a message waits in `unindexed_messages` from the transaction that wrote it until the one that indexed it,
//! so a crash loses none; and a search first indexes what waits, so none is found late.
//! Decision: not in the message's own transaction. FTS5 writes a segment of its index for each transaction and goes on
//! merging them, which took nearly half of the time that a message took to be stored; many at once cost little more than
//! one.

use super::{
    super::{
        StoreError,
        db::{Db, Driver, Tx, fetch},
        text::to_json,
    },
    quoted,
    words::words,
};
use crate::wire::message::{Part, searched_text};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Words of a message that are found: a tsvector holds positions up to 16,383 and a megabyte of text.
const INDEXED_WORDS: usize = 16_000;
/// Messages that are indexed in one transaction: writers wait for a millisecond or two.
const AT_ONCE: i64 = 32;
/// From the first message that waits to indexing it and those after it.
const INTERVAL: Duration = Duration::from_millis(250);

/// Indexes what waits, now and whenever `written` tells of something new; ends with `stopping`.
pub(in crate::backend::store) async fn keep_indexed(db: Db, written: Arc<Notify>, stopping: CancellationToken) {
    let work = async {
        let mut failing = false;
        loop {
            let indexed = index(&db).await;
            if let Err(error) = &indexed
                && !failing
            {
                tracing::warn!(%error, "messages cannot be indexed; it is tried again");
            }
            failing = indexed.is_err();
            written.notified().await;
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = work => {}
    }
}

/// Indexes everything that waits.
pub(super) async fn index(db: &Db) -> Result<(), StoreError> {
    while any(db).await? {
        let mut tx = db.begin().await?;
        index_some(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn any(db: &Db) -> Result<bool, StoreError> {
    let sql = "SELECT message_id FROM unindexed_messages LIMIT 1";
    let one: Option<(String,)> = match db {
        Driver::Sqlite(file) => {
            file.ask(async |connection| sqlx::query_as(sql).fetch_optional(connection).await).await?
        }
        Driver::Postgres(pool) => sqlx::query_as(sql).fetch_optional(pool).await?,
    };
    Ok(one.is_some())
}

/// Another process that takes the same ones waits for this one, and then finds them gone.
async fn index_some(tx: &mut Tx) -> Result<(), StoreError> {
    let waiting = fetch!(
        &mut *tx,
        fetch_all,
        (String, Option<String>),
        "DELETE FROM unindexed_messages
         WHERE message_id IN (SELECT u.message_id FROM unindexed_messages u LIMIT $1)
         RETURNING message_id, (SELECT m.parts FROM messages m WHERE m.id = message_id) AS parts",
        AT_ONCE,
    )?;
    let mut texts: Vec<(String, String)> = Vec::with_capacity(waiting.len());
    for (message, parts) in waiting {
        // Messages that are gone, or that nobody can read any more, have no words.
        let parts: Vec<Part> = parts.and_then(|parts| serde_json::from_str(&parts).ok()).unwrap_or_default();
        let words = indexed(tx, &searched_text(&parts));
        if !words.is_empty() {
            texts.push((message, words));
        }
    }
    match tx {
        Driver::Sqlite(tx) => {
            let sql = "INSERT INTO message_search (message, words) SELECT value ->> 0, value ->> 1 FROM json_each($1)";
            sqlx::query(sql).bind(to_json(&texts)?).execute(&mut **tx).await?;
        }
        Driver::Postgres(tx) => {
            let (messages, words): (Vec<String>, Vec<String>) = texts.into_iter().unzip();
            let sql = "INSERT INTO message_search (message, words)
                       SELECT t.message, CAST(t.words AS TSVECTOR) FROM UNNEST($1, $2) AS t (message, words)";
            sqlx::query(sql).bind(messages).bind(words).execute(&mut **tx).await?;
        }
    }
    Ok(())
}

/// What of a message's text goes into the index, as its database takes it; nothing if it has no word.
fn indexed(tx: &Tx, text: &str) -> String {
    let words = words(text).take(INDEXED_WORDS).map(|word| word.folded);
    let words: Vec<String> = match tx {
        Driver::Sqlite(_) => words.collect(),
        Driver::Postgres(_) => words.enumerate().map(|(at, word)| format!("{}:{}", quoted(&word), at + 1)).collect(),
    };
    words.join(" ")
}
