//! Conversations: their list, their names, deletion and its undoing.

use super::*;
use crate::wire::{id::Millis, limits::UNDO_MS};

on_every_backend! {
    async fn a_new_conversation_is_empty_and_its_makers(t) {
        let ada = t.person("ada").await;
        let made = t.create_conversation(ada, "Pl\0ans").await.unwrap();
        assert_eq!((made.title.as_str(), made.owned, made.pinned, made.members), ("Plans", true, false, 1));
        let row = t.conversation(ada, made.id).await.unwrap();
        assert_eq!((row.seq.0, row.head, row.model), (0, None, None));
        assert_eq!(row.summary, made);
        assert!(t.page(ada, made.id, None, 10).await.unwrap().items.is_empty());
        assert!(not_found(&t.create_conversation(t.clock.id(), "").await));
    }

    async fn the_list_is_pinned_first_then_newest_and_pages_meet(t) {
        let ada = t.person("ada").await;
        let mut made = Vec::new();
        for n in 0..7 {
            // Two each share a time: their ids decide.
            t.clock.advance(n % 2);
            made.push(t.conversation_of(ada).await);
        }
        t.pin_conversation(ada, made[1], true).await.unwrap();
        t.pin_conversation(ada, made[4], true).await.unwrap();
        t.clock.advance(1);
        t.send(ada, made[0], "now the newest").await.unwrap();
        let wanted = [made[4], made[1], made[0], made[6], made[5], made[3], made[2]];
        for limit in 1..9 {
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let page = t.conversations(ada, before, limit).await.unwrap();
                assert!(page.items.len() <= limit as usize);
                before = page.items.last().map(|row| (row.pinned, row.updated_at, row.id));
                seen.extend(page.items.iter().map(|row| row.id));
                if !page.more {
                    break;
                }
            }
            assert_eq!(seen, wanted, "pages of {limit}");
        }
        assert!(!t.pin_conversation(ada, made[4], false).await.unwrap().pinned);
    }

    async fn titles(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        assert!(t.send(ada, c, "hi").await.unwrap().untitled);
        assert!(t.title_if_empty(c, "First").await.unwrap());
        assert!(!t.title_if_empty(c, "Second").await.unwrap());
        assert!(!t.send(ada, c, "hi").await.unwrap().untitled);
        assert_eq!(t.rename_conversation(ada, c, "Third").await.unwrap().title, "Third");
        assert!(!t.title_if_empty(t.clock.id(), "x").await.unwrap());
    }

    async fn a_room_is_made_once_for_each_owner_and_found_by_its_members(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let (a, b) = tokio::join!(t.room(ada, "lobby"), t.room(ada, "lobby"));
        let lobby = a.unwrap();
        assert_eq!(b.unwrap(), lobby);
        assert_ne!(t.room(ada, "Lobby").await.unwrap(), lobby);
        t.create_invitation(ada, lobby, "token", Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        assert_eq!(t.room(bob, "lobby").await.unwrap(), lobby);
        t.remove_member(ada, lobby, bob).await.unwrap();
        let own = t.room(bob, "lobby").await.unwrap();
        assert_ne!(own, lobby);
        t.create_invitation(ada, lobby, "another", Millis(i64::MAX)).await.unwrap();
        t.join(bob, "another").await.unwrap();
        assert_eq!(t.room(bob, "lobby").await.unwrap(), own);
        assert!(not_found(&t.room(t.clock.id(), "lobby").await));
    }

    async fn what_is_deleted_is_gone_for_all_until_its_owner_restores_it(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let c = t.conversation_of(ada).await;
        t.create_invitation(ada, c, "token", Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        let (question, _) = t.exchange(ada, c, "where", "here").await;
        let running = t.send(ada, c, "and now").await.unwrap();
        let queued = t.send(bob, c, "me too").await.unwrap();
        assert!(not_found(&t.delete_conversation(bob, c).await));
        assert_eq!(t.delete_conversation(ada, c).await.unwrap(), [ada, bob]);
        assert!(not_found(&t.delete_conversation(ada, c).await));
        for by in [ada, bob] {
            assert!(not_found(&t.conversation(by, c).await));
            assert!(not_found(&t.message(by, question.id).await));
            assert!(not_found(&t.send(by, c, "x").await));
            assert!(t.search(by, "where", None, 10).await.unwrap().is_empty());
            assert!(t.conversations(by, None, 10).await.unwrap().items.is_empty());
        }
        assert!(t.member_ids(c).await.unwrap().is_empty());
        assert!(not_found(&t.join(bob, "token").await));
        // A turn that runs may end; none begins.
        t.end(running.turn, TurnEnd::Complete, "late").await.unwrap();
        assert!(t.begin_queued(c).await.unwrap().is_none());
        assert!(t.waiting_conversations().await.unwrap().is_empty());
        assert!(not_found(&t.restore_conversation(bob, c).await));
        t.clock.advance(UNDO_MS - 1);
        assert_eq!(t.purge_deleted().await.unwrap(), 0);
        assert_eq!(t.restore_conversation(ada, c).await.unwrap().members, 2);
        assert_eq!(t.restore_conversation(ada, c).await.unwrap().id, c);
        assert_eq!(t.page(bob, c, None, 10).await.unwrap().items.len(), 6);
        assert_eq!(t.waiting_conversations().await.unwrap(), [c]);
        assert_eq!(t.begin_queued(c).await.unwrap().unwrap().id, queued.turn);
    }

    async fn a_purge_leaves_nothing_behind_and_nobody_elses_things_alone(t) {
        let ada = t.person("ada").await;
        let (kept, gone) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        t.exchange(ada, kept, "apples", "pears").await;
        let (question, reply) = t.exchange(ada, gone, "apples", "plums").await;
        let running = t.send(ada, gone, "more").await.unwrap();
        t.delete_conversation(ada, gone).await.unwrap();
        t.clock.advance(UNDO_MS);
        assert!(not_found(&t.restore_conversation(ada, gone).await));
        assert_eq!(t.purge_deleted().await.unwrap(), 1);
        assert_eq!(t.purge_deleted().await.unwrap(), 0);
        for id in [question.id, reply.id] {
            assert!(not_found(&t.message(ada, id).await));
        }
        assert!(not_found(&t.end(running.turn, TurnEnd::Complete, "late").await));
        assert!(not_found(&t.checkpoint(running.turn, &[], Usage::default()).await));
        assert_eq!(t.search(ada, "apples", None, 10).await.unwrap().len(), 1);
        let left: (i64,) = crate::backend::store::db::read!(t.store, fetch_one, (i64,),
            "SELECT COUNT(*) FROM message_search").unwrap();
        assert_eq!(left.0, 2, "what the index still holds");
    }

    async fn a_room_name_taken_since_the_deletion_forbids_restoring(t) {
        let ada = t.person("ada").await;
        let old = t.room(ada, "lobby").await.unwrap();
        t.delete_conversation(ada, old).await.unwrap();
        let new = t.room(ada, "lobby").await.unwrap();
        assert_ne!(old, new);
        assert_eq!(conflict(&t.restore_conversation(ada, old).await), "room_name");
        t.delete_conversation(ada, new).await.unwrap();
        t.restore_conversation(ada, old).await.unwrap();
    }
}
