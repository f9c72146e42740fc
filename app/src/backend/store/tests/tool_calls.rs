//! The record of tool calls: written twice and there once, read by whom it is, purged.

use super::*;
use crate::{
    backend::store::tool_calls::RecordedCall,
    wire::policy::{CallEnd, CalledBy, Rule},
};

impl TestStore {
    fn call(&self, user: UserId, tool: &str) -> RecordedCall {
        RecordedCall {
            id: self.clock.id(),
            user,
            tool: tool.to_owned(),
            server: None,
            via: CalledBy::Program,
            credential: Some("token".to_owned()),
            place: None,
            digest: "abc".to_owned(),
            rule: Rule::ReadOnly,
            decided_by: None,
            end: CallEnd::Begun,
            began_at: self.clock.now(),
            duration_ms: None,
        }
    }
}

on_every_backend! {
    async fn a_call_is_one_row_that_says_who_what_where_and_why(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let c = t.conversation_of(ada).await;
        let call = RecordedCall {
            server: Some("git\0".to_owned()),
            via: CalledBy::Model,
            credential: None,
            place: Some((c, t.clock.id())),
            rule: Rule::Once,
            decided_by: Some(bob),
            ..t.call(ada, "log\0")
        };
        t.record_call(call.clone()).await.unwrap();
        let begun = t.tool_calls(ada, None, 10).await.unwrap().items.pop().unwrap();
        assert_eq!((begun.end, begun.duration_ms), (CallEnd::Begun, None));
        t.record_call(RecordedCall { end: CallEnd::Ok, duration_ms: Some(7), ..call }).await.unwrap();
        let page = t.tool_calls(ada, None, 10).await.unwrap();
        let [row] = &page.items[..] else { panic!("{page:?}") };
        assert_eq!((row.user.as_str(), row.tool.as_str(), row.server.as_deref()), ("ada", "log", Some("git")));
        assert_eq!((row.via, row.conversation, row.credential.as_deref()), (CalledBy::Model, Some(c), None));
        assert_eq!((row.rule, row.decided_by.as_deref()), (Rule::Once, Some("bob")));
        assert_eq!((row.end, row.duration_ms, row.digest.as_str()), (CallEnd::Ok, Some(7), "abc"));
        assert_eq!(row.at, t.clock.now());
    }

    async fn many_at_once_are_all_there_and_read_in_pages_by_whom_they_are(t) {
        // Whoever is first is the administrator.
        let root = t.person("root").await;
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let calls: Vec<_> = (0..300).map(|n| t.call(if n % 3 == 0 { bob } else { ada }, "sum")).collect();
        // Both states of a call may stand in one commit.
        for call in &calls {
            t.post_call(call.clone());
        }
        let ended = calls.iter().map(|call| t.record_call(RecordedCall { end: CallEnd::Ok, ..call.clone() }));
        futures::future::join_all(ended).await.into_iter().for_each(|result| result.unwrap());
        let (mut seen, mut before) = (Vec::new(), None::<String>);
        loop {
            let page = t.tool_calls(ada, before.as_deref(), 70).await.unwrap();
            before = page.items.last().map(|row| row.id.clone());
            seen.extend(page.items);
            if !page.more { break }
        }
        assert_eq!(seen.len(), 200);
        assert!(seen.is_sorted_by(|newer, older| newer.id > older.id));
        assert!(seen.iter().all(|row| row.end == CallEnd::Ok && row.user == "ada"));
        assert_eq!(t.tool_calls(bob, None, 500).await.unwrap().items.len(), 100);
        assert_eq!(t.all_tool_calls(root, None, 500).await.unwrap().items.len(), 300);
        assert!(t.tool_calls(root, None, 500).await.unwrap().items.is_empty());
        assert!(not_found(&t.all_tool_calls(ada, None, 500).await));
    }

    async fn what_was_posted_is_read_by_whoever_asks_next(t) {
        let root = t.person("root").await;
        let ada = t.person("ada").await;
        for _ in 0..5 {
            let call = t.call(ada, "sum");
            t.record_call(call.clone()).await.unwrap();
            t.post_call(RecordedCall { end: CallEnd::Ok, ..call.clone() });
            assert_eq!(t.tool_calls(ada, None, 1).await.unwrap().items[0].end, CallEnd::Ok);
            t.post_call(RecordedCall { end: CallEnd::Failed, ..call });
            assert_eq!(t.all_tool_calls(root, None, 1).await.unwrap().items[0].end, CallEnd::Failed);
        }
    }

    async fn old_records_are_purged(t) {
        let ada = t.person("ada").await;
        // Ids of this process have the latest time of any of its clocks, and other tests have theirs.
        let begun = |tool| {
            let call = t.call(ada, tool);
            RecordedCall { id: uuid::Uuid::from_u128(u128::try_from(call.began_at.0).unwrap() << 80 | 7), ..call }
        };
        t.record_call(begun("old")).await.unwrap();
        t.clock.advance(10);
        let now = t.clock.now();
        t.record_call(begun("new")).await.unwrap();
        assert_eq!(t.purge_tool_calls(now).await.unwrap(), 1);
        let left = t.tool_calls(ada, None, 10).await.unwrap().items;
        assert_eq!(left.iter().map(|row| row.tool.as_str()).collect::<Vec<_>>(), ["new"]);
    }

    async fn a_call_that_cannot_be_recorded_says_so_and_harms_no_turn(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        t.sql("DROP TABLE tool_calls").await.unwrap();
        let call = t.call(ada, "sum");
        let (recorded, sent) = tokio::join!(t.record_call(call), t.send(ada, c, "hello"));
        assert!(matches!(recorded, Err(StoreError::Database(_))), "{recorded:?}");
        assert!(sent.unwrap().running);
    }
    async fn a_connection_that_is_lost_is_replaced_and_nothing_counts_as_written(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        t.record_call(t.call(ada, "sum")).await.unwrap();
        // sqlx panics on the thread of an SQLite connection when a statement's table has gone since it was prepared.
        t.sql("DROP TABLE tool_calls").await.unwrap();
        for round in 0..2 {
            let recorded = t.record_call(t.call(ada, "sum")).await;
            assert!(matches!(recorded, Err(StoreError::Database(_))), "round {round}: {recorded:?}");
            t.exchange(ada, c, "hello", "hi").await;
        }
    }
}
