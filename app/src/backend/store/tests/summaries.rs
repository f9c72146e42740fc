//! Summaries: of several the one furthest along, on every branch that has its message and on no other.

use super::*;
use crate::{
    backend::store::{db::read, summaries::Summary},
    wire::limits::UNDO_MS,
};

impl TestStore {
    async fn sum_up(&self, by: UserId, upto: MessageId, says: &str) -> Result<(), StoreError> {
        self.keep_summary(by, upto, says, &ModelId("vendor/test".to_owned())).await
    }

    /// What the summary says that is valid for a branch.
    async fn summed_up(&self, by: UserId, leaf: MessageId) -> Option<String> {
        self.summary(by, leaf).await.unwrap().map(|summary| summary.text)
    }

    /// The texts of a branch after a message.
    async fn after(&self, by: UserId, leaf: MessageId, after: Option<MessageId>, limit: u32) -> Vec<String> {
        let messages = self.branch_after(by, leaf, after, limit).await.unwrap();
        messages.iter().map(Message::text).collect()
    }

    async fn count_summaries(&self) -> i64 {
        read!(self.store, fetch_one, (i64,), "SELECT COUNT(*) FROM summaries").unwrap().0
    }
}

on_every_backend! {
    async fn a_summary_is_valid_where_its_message_is_on_the_branch(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let (_, a1) = t.exchange(ada, c, "q1", "a1").await;
        let (q2, a2) = t.exchange(ada, c, "q2", "a2").await;
        let (_, a3) = t.exchange(ada, c, "q3", "a3").await;
        assert_eq!(t.summary(ada, a3.id).await.unwrap(), None);
        t.sum_up(ada, a1.id, "of one").await.unwrap();
        t.sum_up(ada, a2.id, "of \0two").await.unwrap();
        let expected = Summary { upto: a2.id, text: "of two".to_owned() };
        assert_eq!(t.summary(ada, a3.id).await.unwrap(), Some(expected.clone()));
        assert_eq!(t.summary(ada, a2.id).await.unwrap(), Some(expected), "it covers its message");
        assert_eq!(t.summed_up(ada, q2.id).await.as_deref(), Some("of one"), "it covers nothing older");

        let edited = t.edit(ada, q2.id, "q2, rather").await.unwrap();
        let beside = t.end(edited.turn, TurnEnd::Complete, "a2, rather").await.unwrap();
        assert_eq!(t.summed_up(ada, beside.id).await.as_deref(), Some("of one"), "another branch after the first reply");
        assert_eq!(t.after(ada, beside.id, Some(a1.id), 10).await, ["q2, rather", "a2, rather"]);
        t.sum_up(ada, a1.id, "of one, again").await.unwrap();
        assert_eq!(t.summed_up(ada, beside.id).await.as_deref(), Some("of one, again"));
        assert_eq!(t.count_summaries().await, 2);
    }

    async fn what_follows_a_message_is_read_from_there_on(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let (q1, _) = t.exchange(ada, c, "q1", "a1").await;
        let (_, a2) = t.exchange(ada, c, "q2", "a2").await;
        assert_eq!(t.after(ada, a2.id, None, 10).await, ["q1", "a1", "q2", "a2"]);
        assert_eq!(t.after(ada, a2.id, Some(q1.id), 2).await, ["a1", "q2"], "the oldest of them");
        assert!(not_found(&t.branch_after(ada, a2.id, Some(a2.id), 10).await), "nothing follows");
        assert_eq!(t.after(ada, q1.id, Some(a2.id), 10).await, ["q1"], "it is not on that branch");
    }

    async fn summaries_are_for_members_and_go_with_what_they_are_of(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let (c, other) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        let (_, reply) = t.exchange(ada, c, "q", "a").await;
        let (_, kept) = t.exchange(ada, other, "q", "a").await;
        assert!(not_found(&t.sum_up(eve, reply.id, "mine").await));
        t.sum_up(ada, reply.id, "of ada").await.unwrap();
        t.sum_up(ada, kept.id, "of another").await.unwrap();
        assert_eq!(t.summed_up(eve, reply.id).await, None);
        assert!(not_found(&t.branch_after(eve, reply.id, None, 10).await));
        t.create_invitation(ada, c, "token", crate::wire::id::Millis(i64::MAX)).await.unwrap();
        t.join(eve, "token").await.unwrap();
        assert_eq!(t.summed_up(eve, reply.id).await.as_deref(), Some("of ada"));

        t.delete_conversation(ada, c).await.unwrap();
        assert_eq!(t.summed_up(ada, reply.id).await, None);
        assert!(not_found(&t.sum_up(ada, reply.id, "late").await));
        t.clock.advance(UNDO_MS);
        assert_eq!(t.purge_deleted().await.unwrap(), 1);
        assert_eq!(t.count_summaries().await, 1);
        t.sql("DELETE FROM messages").await.unwrap();
        assert_eq!(t.count_summaries().await, 0, "a summary goes with its message");
    }
}
