//! Keeps SQLite's write-ahead log short, beside the writers instead of in their way.
//!
//! By itself SQLite copies the log into the database file within whichever commit finds it long, and everybody who
//! waits for that commit waits for two flushes and thousands of pages. Here a connection of its own does so in the
//! background, in PASSIVE mode, which never makes a writer wait for a lock. Under a steady load that never quite reaches
//! the end, so the log goes on growing: when it is long, the writers' own connection copies the little that is left,
//! flushes the database file and begins the log anew. SQLite's automatic copy stays as the backstop for a log that even
//! this does not keep short.
//!
//! Decision: little and often. A flush holds up whatever is written meanwhile, for as long as there is much to flush, so
//! a second's pages at once cost the slowest replies tens of milliseconds before their first word, and ten seconds'
//! pages more. A tenth's are gone within a few. Flushing seldom was tried and is worse; it costs no throughput.

use super::{
    StoreError,
    db::{Db, Driver, LONG, PAGE, SqliteFile},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// From the first commit to the copy of it and of what was written after it: what answers a person comes first.
const INTERVAL: Duration = Duration::from_millis(100);

/// Copies the log whenever `written` tells of something new; ends with `stopping`, or at once where there is no log.
pub(super) async fn keep_short(db: Db, written: Arc<Notify>, stopping: CancellationToken) {
    let Driver::Sqlite(file) = db else { return };
    let work = async {
        let mut failing = false;
        let long = pages_of(&file, LONG).await;
        loop {
            written.notified().await;
            tokio::time::sleep(INTERVAL).await;
            let copied = copy(&file, long).await;
            // Once for each trouble: a full disk is told of by whoever cannot write, too.
            if let Err(error) = &copied
                && !failing
            {
                tracing::warn!(%error, "the database's log cannot be copied into its file; it is tried again");
            }
            failing = copied.is_err();
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = work => {}
    }
}

/// How many of the file's pages that many bytes are: an older file has larger pages than one that is made now.
async fn pages_of(file: &SqliteFile, bytes: u32) -> i64 {
    let asked = file.ask(async |connection| sqlx::query_scalar("PRAGMA page_size").fetch_one(connection).await).await;
    let page: i64 = asked.unwrap_or_else(|error| {
        tracing::warn!(%error, "the size of the database's pages cannot be read");
        PAGE.into()
    });
    i64::from(bytes) / page.max(1)
}

/// Copies what can be copied now, and has a log of more than `long` pages begun anew: whoever writes then waits for two
/// flushes, tens of milliseconds, which should happen seldom enough that only one reply in hundreds meets it.
async fn copy(file: &SqliteFile, long: i64) -> Result<(), StoreError> {
    // Its answer: whether it was kept from it, pages of log, pages copied.
    let copying = sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)");
    let (_, pages, _): (i64, i64, i64) = file.ask(async |connection| copying.fetch_one(connection).await).await?;
    if pages > long {
        sqlx::query("PRAGMA wal_checkpoint(RESTART)").execute(&mut *file.write().await?).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests end by panicking")]

    use super::*;
    use crate::backend::test::TestStore;

    async fn pages(file: &SqliteFile) -> i64 {
        let sql = "PRAGMA wal_checkpoint(PASSIVE)";
        let asked = sqlx::query_as::<_, (i64, i64, i64)>(sql);
        file.ask(async |connection| asked.fetch_one(connection).await).await.unwrap().1
    }

    #[tokio::test]
    async fn a_long_log_is_begun_anew() {
        let store = TestStore::sqlite().await;
        let Driver::Sqlite(file) = &store.inner.db else { panic!("not SQLite") };
        assert_eq!(pages_of(file, 10 * PAGE).await, 10);
        sqlx::query("CREATE TABLE filler (it TEXT NOT NULL)").execute(&mut *file.write().await.unwrap()).await.unwrap();
        let many = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                    INSERT INTO filler SELECT hex(randomblob(1900)) FROM n";
        sqlx::query(many).bind(200).execute(&mut *file.write().await.unwrap()).await.unwrap();
        assert!(pages(file).await > 100);
        copy(file, 100).await.unwrap();
        sqlx::query("INSERT INTO filler VALUES ('x')").execute(&mut *file.write().await.unwrap()).await.unwrap();
        assert!(pages(file).await < 10);
        store.discard().await;
    }
}
