//! Nothing of others can be read or changed: every function, asked by a stranger, says `NotFound`.

use super::*;
use crate::wire::{
    id::{Millis, Seq},
    policy::{FloorKind, Policy},
};

/// The name of each call a stranger made, and whether it said `NotFound`.
macro_rules! refused {
    ($($call:expr),+ $(,)?) => { [$((stringify!($call), not_found(&$call.await))),+] };
}

on_every_backend! {
    async fn a_stranger_finds_nothing_anywhere(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let c = t.conversation_of(ada).await;
        let (question, reply) = t.exchange(ada, c, "secret", "whisper").await;
        let running = t.send(ada, c, "more").await.unwrap();
        let session = t.session(ada, "hash").await;
        t.keep_summary(ada, reply.id, "secret", &ModelId("m".to_owned())).await.unwrap();
        t.create_invitation(ada, c, "token", Millis(i64::MAX)).await.unwrap();
        let before = t.conversation(ada, c).await.unwrap();
        let nobody = t.clock.id();
        for by in [eve, nobody] {
            let send = |parent| NewTurnKind::Send { conversation: c, parent, client_id: t.client_id(), parts: text("x") };
            for (call, refused) in refused![
                t.conversation(by, c),
                t.rename_conversation(by, c, "mine"),
                t.pin_conversation(by, c, true),
                t.delete_conversation(by, c),
                t.restore_conversation(by, c),
                t.since(by, c, Seq(0), 10),
                t.page(by, c, None, 10),
                t.message(by, question.id),
                t.message(by, reply.id),
                t.path(by, reply.id, 10),
                t.branch_after(by, reply.id, None, 10),
                t.keep_summary(by, reply.id, "theirs", &ModelId("m".to_owned())),
                t.members(by, c),
                t.create_invitation(by, c, "theirs", Millis(i64::MAX)),
                t.revoke_invitations(by, c),
                t.invitations(by, c),
                t.join(by, "theirs"),
                t.remove_member(by, c, ada),
                t.remove_member(by, c, by),
                t.search(by, "secret", Some(c), 10),
                t.revoke_session(by, session),
                t.turn(by, running.turn),
                t.set_tool_policy(by, Some(c), "x", Policy::Allow, ""),
                t.switch_tool(by, c, "x", false),
                t.set_tool_floor(by, FloorKind::Tool, "x", Some(Policy::Deny)),
                t.all_tool_calls(by, None, 10),
                t.start(by, send(None)),
                t.start(by, send(Some(reply.id))),
                t.edit(by, question.id, "x"),
                t.start(by, NewTurnKind::Regenerate { message: reply.id }),
                t.start(by, NewTurnKind::Continue { message: reply.id }),
            ] {
                assert!(refused, "{call}");
            }
            assert!(!t.is_member(by, c).await.unwrap());
            assert!(t.conversations(by, None, 10).await.unwrap().items.is_empty());
            assert!(t.search(by, "secret", None, 10).await.unwrap().is_empty());
            let found = t.find(by, "secret", 10).await.unwrap();
            assert!(found.titles.is_empty() && found.messages.is_empty());
            assert!(t.sessions(by, None).await.unwrap().is_empty());
            assert!(t.summary(by, reply.id).await.unwrap().is_none());
        }
        let after = t.conversation(ada, c).await.unwrap();
        assert_eq!((after.summary, after.seq, after.head), (before.summary, before.seq, before.head));
        assert_eq!(t.invitations(ada, c).await.unwrap().len(), 1);
        assert!(t.session_by_token("hash").await.unwrap().is_some());
    }

    async fn a_member_does_not_own(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let c = t.conversation_of(ada).await;
        t.create_invitation(ada, c, "token", Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        let (question, reply) = t.exchange(ada, c, "q", "a").await;
        for (call, refused) in refused![
            t.rename_conversation(bob, c, "mine"),
            t.delete_conversation(bob, c),
            t.restore_conversation(bob, c),
            t.create_invitation(bob, c, "theirs", Millis(i64::MAX)),
            t.revoke_invitations(bob, c),
            t.invitations(bob, c),
            t.remove_member(bob, c, ada),
            t.switch_tool(bob, c, "x", false),
        ] {
            assert!(refused, "{call}");
        }
        assert_eq!(conflict(&t.edit(bob, question.id, "x").await), "not_yours");
        t.pin_conversation(bob, c, true).await.unwrap();
        assert!(!t.conversation(ada, c).await.unwrap().summary.pinned, "a pin is one's own");
        assert!(t.start(bob, NewTurnKind::Regenerate { message: reply.id }).await.unwrap().running);
        assert_eq!(t.send(bob, c, "mine").await.unwrap().message.unwrap().author.unwrap().id, bob);
        // Whoever left has nothing left.
        t.remove_member(bob, c, bob).await.unwrap();
        assert!(not_found(&t.send(bob, c, "x").await));
        assert!(not_found(&t.message(bob, reply.id).await));
    }
}
