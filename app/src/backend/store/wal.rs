//! Keeps SQLite's write-ahead log short, beside the writers instead of in their way.
//!
//! By itself SQLite copies the log into the database file within whichever commit finds it long, and everybody who
//! waits for that commit waits for two flushes and thousands of pages. Here a connection of its own does so in the
//! background, in PASSIVE mode, which never makes a writer wait. That cannot always reach the end of a log that is
//! being written to, so the automatic copy stays as the backstop for a long one, with little left to do.

use super::db::{Db, Driver};
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The least time between two copies: what a flush costs is shared by everything written meanwhile.
const INTERVAL: Duration = Duration::from_millis(250);

/// Copies the log whenever `written` tells of something new; ends with `stopping`, or at once where there is no log.
pub(super) async fn keep_short(db: Db, written: Arc<Notify>, stopping: CancellationToken) {
    let Driver::Sqlite(file) = db else { return };
    let mut failing = false;
    let work = async {
        loop {
            written.notified().await;
            let copied = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&file.readers).await;
            // Once for each trouble: a full disk is told of by whoever cannot write, too.
            if let Err(error) = &copied
                && !failing
            {
                tracing::warn!(%error, "the database's log cannot be copied into its file; it is tried again");
            }
            failing = copied.is_err();
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = work => {}
    }
}
