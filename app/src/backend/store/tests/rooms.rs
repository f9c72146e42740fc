//! Members and invitations.

use super::*;
use crate::wire::{id::Millis, limits::MEMBERS_MAX, room::Invited};
use futures::future::join_all;

on_every_backend! {
    async fn joining_shows_the_room_and_twice_is_once(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let c = t.conversation_of(ada).await;
        t.create_invitation(ada, c, "token", Millis(t.clock.now().0 + 10)).await.unwrap();
        t.clock.advance(1);
        assert_eq!(t.join(bob, "token").await.unwrap(), c);
        assert_eq!(t.join(bob, "token").await.unwrap(), c);
        assert_eq!(t.join(ada, "token").await.unwrap(), c);
        let members = t.members(bob, c).await.unwrap();
        let members: Vec<_> = members.iter().map(|m| (m.id, m.name.as_str(), m.owner, m.present)).collect();
        assert_eq!(members, [(ada, "ada", true, false), (bob, "bob", false, false)]);
        assert_eq!(t.member_ids(c).await.unwrap(), [ada, bob]);
        let row = t.conversation(bob, c).await.unwrap().summary;
        assert_eq!((row.owned, row.members), (false, 2));
        assert!(not_found(&t.join(t.clock.id(), "token").await) || !t.is_member(t.clock.id(), c).await.unwrap());
    }

    async fn an_invitation_names_the_room_and_its_owner_for_as_long_as_one_can_join(t) {
        let (ada, bob) = (t.person("Ada").await, t.person("bob").await);
        let c = t.create_conversation(ada, "Engines").await.unwrap().id;
        t.create_invitation(ada, c, "token", Millis(t.clock.now().0 + 10)).await.unwrap();
        let invited = |members| Invited { title: "Engines".to_owned(), by: "Ada".to_owned(), members };
        assert_eq!(t.invitation("token").await.unwrap(), invited(1));
        t.join(bob, "token").await.unwrap();
        assert_eq!(t.invitation("token").await.unwrap(), invited(2));
        assert!(not_found(&t.invitation("never made").await));
        t.delete_conversation(ada, c).await.unwrap();
        assert!(not_found(&t.invitation("token").await));
        t.restore_conversation(ada, c).await.unwrap();
        assert_eq!(t.invitation("token").await.unwrap(), invited(2));
        t.clock.advance(10);
        assert!(not_found(&t.invitation("token").await));
        t.create_invitation(ada, c, "next", Millis(i64::MAX)).await.unwrap();
        assert_eq!(t.invitation("next").await.unwrap(), invited(2));
        t.revoke_invitations(ada, c).await.unwrap();
        assert!(not_found(&t.invitation("next").await));
    }

    async fn invitations_lapse_and_can_be_revoked(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let c = t.conversation_of(ada).await;
        let soon = Millis(t.clock.now().0 + 10);
        let late = Millis(t.clock.now().0 + 1000);
        t.create_invitation(ada, c, "soon", soon).await.unwrap();
        t.create_invitation(ada, c, "late", late).await.unwrap();
        assert_eq!(t.invitations(ada, c).await.unwrap(), [soon, late]);
        t.clock.advance(10);
        assert!(not_found(&t.join(bob, "soon").await));
        assert!(not_found(&t.join(bob, "never made").await));
        assert_eq!(t.invitations(ada, c).await.unwrap(), [late]);
        assert_eq!(t.revoke_invitations(ada, c).await.unwrap(), 2);
        assert!(not_found(&t.join(bob, "late").await));
        assert!(t.invitations(ada, c).await.unwrap().is_empty());
        assert!(!t.is_member(bob, c).await.unwrap());
    }

    async fn a_room_is_full_at_its_limit_even_when_many_join_at_once(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        t.create_invitation(ada, c, "token", Millis(i64::MAX)).await.unwrap();
        let mut people = Vec::new();
        for n in 0..MEMBERS_MAX + 2 {
            people.push(t.person(&format!("guest{n}")).await);
        }
        let joined = join_all(people.iter().map(|by| t.join(*by, "token"))).await;
        assert_eq!(joined.iter().filter(|result| result.is_ok()).count(), MEMBERS_MAX as usize - 1);
        assert_eq!(joined.iter().filter(|result| conflict(result) == "members_full").count(), 3);
        assert_eq!(t.member_ids(c).await.unwrap().len(), MEMBERS_MAX as usize);
        // One who is in already is told so, full or not.
        let inside = people.iter().zip(&joined).find(|(_, result)| result.is_ok()).map(|(by, _)| *by).unwrap();
        assert_eq!(t.join(inside, "token").await.unwrap(), c);
    }

    async fn members_leave_or_are_removed_but_the_owner_stays(t) {
        let (ada, bob, eve) = (t.person("ada").await, t.person("bob").await, t.person("eve").await);
        let c = t.conversation_of(ada).await;
        t.create_invitation(ada, c, "token", Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        t.join(eve, "token").await.unwrap();
        assert!(not_found(&t.remove_member(bob, c, eve).await));
        assert!(not_found(&t.remove_member(bob, c, ada).await));
        assert_eq!(conflict(&t.remove_member(ada, c, ada).await), "owner");
        t.remove_member(bob, c, bob).await.unwrap();
        t.remove_member(ada, c, eve).await.unwrap();
        assert!(not_found(&t.remove_member(ada, c, eve).await));
        assert!(not_found(&t.conversation(bob, c).await));
        assert!(not_found(&t.members(eve, c).await));
        assert_eq!(t.member_ids(c).await.unwrap(), [ada]);
    }

    async fn whoever_is_removed_takes_the_invitations_with_them_and_whoever_leaves_does_not(t) {
        let (ada, bob, eve) = (t.person("ada").await, t.person("bob").await, t.person("eve").await);
        let (c, other) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        let soon = Millis(t.clock.now().0 + 10);
        for (room, token, until) in [(c, "soon", soon), (c, "late", Millis(i64::MAX)), (other, "other", Millis(i64::MAX))] {
            t.create_invitation(ada, room, token, until).await.unwrap();
        }
        for by in [bob, eve] {
            t.join(by, "late").await.unwrap();
        }
        assert_eq!(t.remove_member(eve, c, eve).await.unwrap(), 0);
        assert_eq!(t.join(eve, "late").await.unwrap(), c, "they left by themselves");
        assert!(not_found(&t.remove_member(eve, c, bob).await));
        assert!(not_found(&t.remove_member(ada, c, t.clock.id()).await));
        assert_eq!(t.invitations(ada, c).await.unwrap().len(), 2, "who removes nobody revokes nothing");

        t.clock.advance(10);
        assert_eq!(t.remove_member(ada, c, bob).await.unwrap(), 1, "one had lapsed");
        assert!(not_found(&t.join(bob, "late").await));
        assert!(not_found(&t.invitation("late").await));
        assert_eq!(t.member_ids(c).await.unwrap(), [ada, eve]);
        assert_eq!(t.remove_member(ada, c, eve).await.unwrap(), 0);
        assert_eq!(t.join(bob, "other").await.unwrap(), other, "another room's are its own");
        t.create_invitation(ada, c, "anew", Millis(i64::MAX)).await.unwrap();
        assert_eq!(t.join(bob, "anew").await.unwrap(), c);
    }

    async fn nobody_joins_again_while_they_are_removed(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        for round in 0..8 {
            let c = t.conversation_of(ada).await;
            let token = format!("{round}");
            t.create_invitation(ada, c, &token, Millis(i64::MAX)).await.unwrap();
            t.join(bob, &token).await.unwrap();
            let join = || join_all((0..4).map(|_| t.join(bob, &token)));
            let (early, removed, late) = tokio::join!(join(), t.remove_member(ada, c, bob), join());
            assert_eq!(removed.unwrap(), 1);
            for joined in early.into_iter().chain(late) {
                assert!(not_found(&joined) || joined.unwrap() == c);
            }
            assert_eq!(t.member_ids(c).await.unwrap(), [ada]);
        }
    }
}
