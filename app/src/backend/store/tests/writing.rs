//! The writer's task in trouble: whoever waits for it gets an error, never nothing.

use super::*;
use std::time::Duration;
use tokio::{runtime, time::timeout};

/// A safety net, not a measure.
const PATIENCE: Duration = Duration::from_secs(30);

fn crashed<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Database(sqlx::Error::WorkerCrashed | sqlx::Error::PoolClosed)))
}

on_every_backend! {
    async fn a_panic_is_an_error_and_the_writer_goes_on(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let (_, reply) = t.exchange(ada, c, "before", "kept").await;
        let running = t.send(ada, c, "running").await.unwrap();
        let before = t.conversation(ada, c).await.unwrap().seq;
        // At the end of time a lease cannot be counted.
        let far = i64::MAX - t.clock.now().0;
        t.clock.advance(far);
        let parts = text("so far");
        let (sent, kept) = futures::join!(
            timeout(PATIENCE, t.send(ada, c, "never")),
            timeout(PATIENCE, t.checkpoint(running.turn, &parts, Usage::default())),
        );
        assert!(crashed(&sent.unwrap()) && crashed(&kept.unwrap()));
        t.clock.advance(-far);
        assert_eq!(t.conversation(ada, c).await.unwrap().seq, before, "nothing of it was written");
        assert_eq!(t.message(ada, reply.id).await.unwrap(), reply);
        t.end(running.turn, TurnEnd::Complete, "done").await.unwrap();
        t.exchange(ada, c, "after", "stored").await;
    }
}

#[test]
fn a_writer_that_is_gone_is_an_error_for_who_waits_and_for_who_comes() {
    let threads = || runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (ours, theirs) = (threads(), threads());
    let (t, ada, c) = theirs.block_on(async {
        let t = TestStore::sqlite().await;
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        (t, ada, c)
    });
    ours.block_on(async {
        // The file's only writing connection is taken: the writer stands still with what it was given.
        let taken = t.begin().await.unwrap();
        let mut waiting = Box::pin(t.send(ada, c, "waits"));
        assert!(futures::poll!(&mut waiting).is_pending());
        theirs.shutdown_background();
        assert!(crashed(&timeout(PATIENCE, waiting).await.unwrap()));
        assert!(crashed(&timeout(PATIENCE, t.send(ada, c, "comes")).await.unwrap()));
        taken.rollback().await.unwrap();
        assert_eq!(t.conversation(ada, c).await.unwrap().seq.0, 0, "reading goes on");
    });
}
