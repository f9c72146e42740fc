//! A full disk: refused in words, nothing acknowledged lost, and over when there is space again.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_acknowledged_and_passes() {
    let t = TestStore::sqlite().await;
    let ada = t.person("ada").await;
    let c = t.conversation_of(ada).await;
    let (_, reply) = t.exchange(ada, c, "before", "kept").await;
    let words = "many words ".repeat(5_000);
    for round in 0..3 {
        t.limit_pages(64).await;
        let mut acknowledged = t.conversation(ada, c).await.unwrap().seq;
        let mut refused = None;
        for _ in 0..100 {
            match t.send(ada, c, &words).await {
                Ok(started) => acknowledged = started.reply.seq,
                Err(StoreError::Conflict("queue_full")) => {}
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        assert!(matches!(refused, Some(StoreError::Unwritable(_))), "round {round}: {refused:?}");
        assert_eq!(t.conversation(ada, c).await.unwrap().seq, acknowledged);
        assert_eq!(t.message(ada, reply.id).await.unwrap(), reply);
        t.limit_pages(1_000_000).await;
        for turn in t.live_turns(c).await.unwrap() {
            t.end(turn.id, TurnEnd::Stopped, "").await.unwrap();
        }
        t.exchange(ada, c, "space again", "stored").await;
        t.conversation_of(ada).await;
    }
    t.discard().await;
}

impl TestStore {
    /// Makes the file as good as full: SQLite takes at most so many pages more than it has (or, past that, that many).
    async fn limit_pages(&self, spare: i64) {
        let crate::backend::store::db::Driver::Sqlite(mut tx) = self.begin().await.unwrap() else { return };
        let used: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *tx).await.unwrap();
        let sql = format!("PRAGMA max_page_count = {}", used + spare);
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}
