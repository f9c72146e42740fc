//! The group commit: many share a transaction, failures stay with whoever caused them, closing loses nothing, a full disk is survived.

use super::*;
use crate::wire::id::Seq;
use std::time::Duration;

on_every_backend! {
    async fn one_that_the_database_refuses_does_not_fail_the_others(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        // A rule of the database's that the store knows nothing of.
        t.sql("CREATE UNIQUE INDEX trap ON messages (parts) WHERE role = 'user'").await.unwrap();
        t.send(ada, c, "boom").await.unwrap();
        let mut rooms = Vec::new();
        for _ in 0..40 {
            rooms.push(t.conversation_of(ada).await);
        }
        let t = &*t;
        let started = futures::future::join_all(rooms.iter().enumerate().map(|(n, room)| async move {
            let words = if n % 5 == 0 { "boom".to_owned() } else { format!("fine {n}") };
            (n % 5 == 0, *room, t.send(ada, *room, &words).await)
        })).await;
        for (bad, room, result) in started {
            let seq = t.conversation(ada, room).await.unwrap().seq;
            if bad {
                assert!(matches!(result, Err(StoreError::Database(_))), "{result:?}");
                assert_eq!(seq, Seq(0), "a failure leaves nothing");
            } else {
                assert_eq!(result.unwrap().reply.seq, Seq(2));
                assert_eq!(seq, Seq(2));
            }
        }
    }

    async fn many_at_once_share_few_transactions(t) {
        const SENDERS: usize = 200;
        let ada = t.person("ada").await;
        let mut rooms = Vec::new();
        for _ in 0..SENDERS {
            rooms.push(t.conversation_of(ada).await);
        }
        let before = t.commits();
        let t = &*t;
        let started = futures::future::try_join_all(rooms.iter().map(|room| t.send(ada, *room, "hi"))).await.unwrap();
        let sent = t.commits() - before;
        let end = |turn: TurnId| t.end(turn, TurnEnd::Complete, "hello");
        futures::future::try_join_all(started.iter().map(|started| end(started.turn))).await.unwrap();
        let ended = t.commits() - before - sent;
        // All of them stand in the queue before the first commit is done.
        for commits in [sent, ended] {
            assert!((1..=SENDERS as u64 / 10).contains(&commits), "{commits} transactions");
        }
        // One that is alone waits for nobody.
        t.send(ada, rooms[0], "and?").await.unwrap();
        assert_eq!(t.commits() - before - sent - ended, 1);
    }

    async fn refusals_among_many_concern_nobody_else(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let mut rooms = Vec::new();
        for _ in 0..60 {
            rooms.push(t.conversation_of(ada).await);
        }
        let t = &*t;
        let results = futures::future::join_all(rooms.iter().enumerate().map(|(n, room)| async move {
            t.send(if n % 3 == 0 { eve } else { ada }, *room, "hi").await
        })).await;
        for (n, result) in results.iter().enumerate() {
            assert_eq!(not_found(result), n % 3 == 0);
        }
    }

    async fn closing_writes_what_was_asked_before_and_refuses_what_comes_after(t) {
        let ada = t.person("ada").await;
        let mut rooms = Vec::new();
        for _ in 0..200 {
            rooms.push(t.conversation_of(ada).await);
        }
        let asking = &*t;
        let all = futures::future::join_all(rooms.iter().map(|room| asking.send(ada, *room, "hi")));
        let (results, ()) = tokio::join!(all, async {
            tokio::task::yield_now().await;
            asking.close().await;
        });
        assert!(matches!(t.send(ada, rooms[0], "late").await, Err(StoreError::Database(sqlx::Error::PoolClosed))));
        t.reopen().await;
        for (room, result) in rooms.iter().zip(results) {
            let stored = t.conversation(ada, *room).await.unwrap().seq == Seq(2);
            assert_eq!(stored, result.is_ok(), "{result:?}");
        }
    }

    async fn a_caller_who_goes_away_does_not_stop_the_writer(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        for _ in 0..10 {
            drop(tokio::time::timeout(Duration::from_micros(50), t.send(ada, c, "gone")).await);
        }
        t.send(ada, c, "still here").await.unwrap();
        let all = t.page(ada, c, None, 100).await.unwrap().items;
        assert!(all.len() >= 2 && all.len().is_multiple_of(2));
    }
}
