//! Several people: presence, typing, removal, deletion.

use super::*;
use crate::backend::{hub::Change, test::on_every_backend};

async fn join(t: &TestStore, w: &World, name: &str) -> Caller {
    let user = caller(t, name).await;
    t.create_invitation(w.ann.user, w.room, name, Millis(i64::MAX)).await.unwrap();
    t.join(user.user, name).await.unwrap();
    w.chat.members_changed(w.room).await;
    user
}

on_every_backend! {
    async fn people_see_each_other_come_type_and_go(t) {
        let w = World::new(t).await;
        let ben = join(t, &w, "ben").await;
        let mut ann_tab = w.tab().await;
        let mut ben_tab = Tab::open(&w, &ben, w.room).await;
        let both = |e: &ChatEvent| matches!(e, ChatEvent::Members { members, .. } if members.iter().all(|m| m.present));
        ann_tab.until(both).await;
        ben_tab.until(both).await;
        ben_tab.say(ClientEvent::Typing);
        ben_tab.say(ClientEvent::Ping);
        ben_tab.until(|e| matches!(e, ChatEvent::Pong { .. })).await;
        ann_tab.until(|e| matches!(e, ChatEvent::Typing { user, name, .. } if *user == ben.user && name == "ben")).await;
        drop(ben_tab);
        ann_tab.until(|e| matches!(e, ChatEvent::Members { members, .. } if members.iter().any(|m| !m.present))).await;
        assert_eq!(w.chat.present(w.room), HashSet::from([w.ann.user]));
    }

    async fn names_are_told_to_the_model_and_rows_to_each_member(t) {
        let w = World::new(t).await;
        let ben = join(t, &w, "ben").await;
        let mut ben_tab = Tab::open(&w, &ben, w.room).await;
        w.script.push("say hi");
        let started = w.send(&w.ann, "who am I?").await.unwrap();
        ben_tab.until(|e| matches!(e, ChatEvent::Conversation { summary } if !summary.owned && summary.members == 2)).await;
        w.settled(started.reply.id).await;
        let request = w.script.requests().pop().unwrap();
        assert!(format!("{:?}", request.turns).contains("[ann] who am I?"));
    }

    async fn a_removed_member_leaves_at_once(t) {
        let w = World::new(t).await;
        let ben = join(t, &w, "ben").await;
        let mut tab = Tab::open(&w, &ben, w.room).await;
        t.remove_member(w.ann.user, w.room, ben.user).await.unwrap();
        w.chat.member_removed(w.room, ben.user).await;
        tab.until(|e| matches!(e, ChatEvent::ConversationGone { conversation } if *conversation == w.room)).await;
        assert_eq!(tab.bye().await, Some(ByeReason::Removed));
        let mut tab = Tab::connect(&w.chat, &ben);
        tab.say(ClientEvent::Hello { conversation: Some(w.room), after: Seq(0) });
        assert_eq!(tab.refused().await.1, ApiError::NotFound);
        assert_eq!(w.hub.listeners(Topic::Conversation(w.room)), 0);
    }

    async fn who_is_left_alone_learns_it(t) {
        let w = World::new(t).await;
        let ben = join(t, &w, "ben").await;
        let mut tab = w.tab().await;
        t.remove_member(w.ann.user, w.room, ben.user).await.unwrap();
        w.chat.member_removed(w.room, ben.user).await;
        tab.until(|e| matches!(e, ChatEvent::Members { members, .. } if members.len() == 1)).await;
    }

    async fn a_deleted_conversation_ends_its_turns_and_sockets(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, "script:\nhang").await.unwrap();
        let members = t.delete_conversation(w.ann.user, w.room).await.unwrap();
        w.chat.conversation_deleted(w.room, &members);
        assert_eq!(tab.bye().await, Some(ByeReason::Removed));
        while !w.chat.live(w.room).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(w.script.live(), 0);
    }

    async fn what_waited_in_a_deleted_conversation_ends_when_it_is_back(t) {
        let w = World::new(t).await;
        let running = w.send(&w.ann, "script:\nhang").await.unwrap();
        let waiting = [w.send(&w.ann, "script:\nsay b").await.unwrap(), w.send(&w.ann, "script:\nsay c").await.unwrap()];
        let members = t.delete_conversation(w.ann.user, w.room).await.unwrap();
        w.chat.conversation_deleted(w.room, &members);
        while w.chat.live(w.room).iter().any(|turn| turn.turn == running.turn) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        t.restore_conversation(w.ann.user, w.room).await.unwrap();
        w.chat.conversation_restored(w.room).await;
        for started in waiting {
            assert_eq!(w.settled(started.reply.id).await.status, Status::Stopped);
        }
        assert!(w.chat.live(w.room).is_empty());
    }

    async fn an_older_row_is_not_told_after_a_newer_one(t) {
        let w = World::new(t).await;
        let mut tab = Tab::open(&w, &w.ann, w.room).await;
        let first = w.send(&w.ann, "script:\nsay a").await.unwrap();
        let done = w.settled(first.reply.id).await;
        // Its title is told a moment after it: nothing else is under way then.
        tab.until(|e| matches!(e, ChatEvent::Conversation { summary } if !summary.title.is_empty())).await;
        let telling = w.chat.rooms.telling(w.room).await;
        let touched = w.chat.touched(w.room, Millis(done.created_at.0 + 1));
        tokio::pin!(touched);
        assert!(futures::poll!(&mut touched).is_pending(), "it waits for whoever tells this room's rows");
        t.rename_conversation(w.ann.user, w.room, "Renamed").await.unwrap();
        drop(telling);
        tokio::join!(touched, w.chat.conversation_changed(w.room));
        tab.until(|e| matches!(e, ChatEvent::Conversation { summary } if summary.title == "Renamed")).await;
        tab.say(ClientEvent::Ping);
        let next = tab.until(|e| matches!(e, ChatEvent::Conversation { .. } | ChatEvent::Pong { .. })).await;
        assert!(matches!(&*next, ChatEvent::Pong { .. }), "nothing older comes after it: {next:?}");
    }

    async fn what_tools_change_beside_the_chat_is_known_to_it_at_once(t) {
        let w = World::new(t).await;
        let ben = join(t, &w, "ben").await;
        let mut tab = Tab::open(&w, &ben, w.room).await;
        let first = w.send(&w.ann, "script:\nsay a").await.unwrap();
        w.settled(first.reply.id).await;
        t.rename_conversation(w.ann.user, w.room, "Renamed").await.unwrap();
        w.hub.changed(Change::Conversation(w.room));
        tab.until(|e| matches!(e, ChatEvent::Conversation { summary } if summary.title == "Renamed")).await;
        w.send(&w.ann, "script:\nhang").await.unwrap();
        let members = t.delete_conversation(w.ann.user, w.room).await.unwrap();
        w.hub.changed(Change::Deleted(w.room, &members));
        assert_eq!(tab.bye().await, Some(ByeReason::Removed));
        while !w.chat.live(w.room).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
