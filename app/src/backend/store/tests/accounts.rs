//! Accounts, sessions, decisions on tools, usage.

use super::*;
use crate::{
    backend::store::users::User,
    wire::{
        account::Username,
        id::{Millis, SessionId},
        limits::SESSION_MS,
    },
};
use futures::future::join_all;
use std::collections::BTreeSet;

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

on_every_backend! {
    async fn the_first_account_is_the_administrator(t) {
        let first = t.create_user(&name("ada"), "phc", false).await.unwrap();
        let second = t.create_user(&name("bob"), "phc", false).await.unwrap();
        let third = t.create_user(&name("eve"), "phc", true).await.unwrap();
        assert!(first.admin && !second.admin && third.admin);
        assert_eq!(t.count_users().await.unwrap(), 3);
    }

    async fn two_first_accounts_at_once_make_one_administrator(t) {
        let (ada, bob) = (name("ada"), name("bob"));
        let (a, b) = tokio::join!(t.create_user(&ada, "phc", false), t.create_user(&bob, "phc", false));
        assert!(a.unwrap().admin != b.unwrap().admin);
    }

    async fn names_are_compared_folded_and_kept_as_written(t) {
        let made = t.create_user(&name("Zoë"), "phc", false).await.unwrap();
        assert_eq!(conflict(&t.create_user(&name("ZOË"), "phc", false).await), "username");
        let found = t.user_by_name(&name("zOË")).await.unwrap().unwrap();
        assert_eq!((found.id, found.name.as_str()), (made.id, "Zoë"));
        assert!(t.user_by_name(&name("zoe")).await.unwrap().is_none());
        assert_eq!(t.user(made.id).await.unwrap().unwrap().password_hash, "phc");
        assert!(t.user(t.clock.id()).await.unwrap().is_none());
    }

    async fn a_refused_first_account_does_not_use_up_the_administrator(t) {
        t.sql("DELETE FROM founding").await.unwrap();
        t.person("ada").await;
        t.sql("DELETE FROM founding").await.unwrap();
        assert_eq!(conflict(&t.create_user(&name("ada"), "phc", false).await), "username");
        assert!(t.create_user(&name("bob"), "phc", false).await.unwrap().admin);
    }

    async fn a_session_lapses_when_unused_and_lives_while_used(t) {
        let ada = t.person("ada").await;
        let user = t.user(ada).await.unwrap().unwrap();
        let id = t.create_session(&user, "hash", "Fire\0fox", "127.0.0.1").await.unwrap();
        t.clock.advance(SESSION_MS - 1);
        let session = t.session_by_token("hash").await.unwrap().unwrap();
        assert_eq!((session.id, session.user, session.name.as_str(), session.admin), (id, ada, "ada", true));
        t.touch_session(id).await.unwrap();
        t.clock.advance(SESSION_MS - 1);
        assert_eq!(t.session_by_token("hash").await.unwrap().unwrap().id, id);
        assert_eq!(t.sessions(ada, Some(id)).await.unwrap()[0].agent, "Firefox");
        t.clock.advance(1);
        assert!(t.session_by_token("hash").await.unwrap().is_none());
        assert!(t.sessions(ada, None).await.unwrap().is_empty());
        assert!(not_found(&t.touch_session(id).await));
        assert!(t.session_by_token("other").await.unwrap().is_none());
        assert!(not_found(&t.create_session(&User { id: t.clock.id(), ..user }, "hash 2", "", "").await));
    }

    async fn sessions_are_listed_newest_first_and_end_one_by_one(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let first = t.session(ada, "1").await;
        t.clock.advance(5);
        let second = t.session(ada, "2").await;
        let other = t.session(bob, "3").await;
        let listed = t.sessions(ada, Some(first)).await.unwrap();
        let listed: Vec<(SessionId, bool)> = listed.iter().map(|row| (row.id, row.current)).collect();
        assert_eq!(listed, [(second, false), (first, true)]);
        assert!(not_found(&t.revoke_session(ada, other).await));
        t.revoke_session(ada, first).await.unwrap();
        assert!(not_found(&t.revoke_session(ada, first).await));
        assert!(t.session_by_token("1").await.unwrap().is_none());
        assert!(t.session_by_token("3").await.unwrap().is_some());
    }

    async fn a_new_password_ends_the_other_sessions(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let user = t.user(ada).await.unwrap().unwrap();
        let kept = t.session(ada, "1").await;
        let ended = t.session(ada, "2").await;
        t.session(bob, "3").await;
        assert_eq!(t.set_password(&user, "new", Some(kept)).await.unwrap(), [ended]);
        let user = t.user(ada).await.unwrap().unwrap();
        assert_eq!(user.password_hash, "new");
        assert!(t.session_by_token("1").await.unwrap().is_some());
        assert!(t.session_by_token("2").await.unwrap().is_none());
        assert!(t.session_by_token("3").await.unwrap().is_some());
        assert_eq!(t.set_password(&user, "newer", None).await.unwrap(), [kept]);
        assert!(not_found(&t.set_password(&User { id: t.clock.id(), ..user }, "x", None).await));
    }

    async fn what_an_old_password_let_through_is_refused(t) {
        let ada = t.person("ada").await;
        let before = t.user(ada).await.unwrap().unwrap();
        let kept = t.session(ada, "1").await;
        t.set_password(&before, "new", Some(kept)).await.unwrap();
        assert!(not_found(&t.create_session(&before, "2", "", "").await));
        assert!(not_found(&t.set_password(&before, "theirs", None).await));
        assert_eq!(t.user(ada).await.unwrap().unwrap().password_hash, "new");
        assert_eq!(t.sessions(ada, None).await.unwrap().len(), 1);
        assert!(t.session_by_token("1").await.unwrap().is_some());
    }

    async fn no_session_by_the_old_password_outlives_its_change(t) {
        for round in 0..8 {
            let ada = t.person(&format!("ada{round}")).await;
            let user = t.user(ada).await.unwrap().unwrap();
            let kept = t.session(ada, &format!("{round}")).await;
            let tokens: Vec<String> = (0..8).map(|n| format!("{round} {n}")).collect();
            let sign_in = |tokens| join_all(Vec::from(tokens).into_iter().map(|token: String| {
                let (t, user) = (&*t, &user);
                async move { t.create_session(user, &token, "", "").await }
            }));
            let (early, late) = tokens.split_at(4);
            let (early, ended, late) =
                tokio::join!(sign_in(early), t.set_password(&user, "new", Some(kept)), sign_in(late));
            let made = early.into_iter().chain(late).filter(|made| !not_found(made));
            let made: BTreeSet<SessionId> = made.map(Result::unwrap).collect();
            assert_eq!(ended.unwrap().into_iter().collect::<BTreeSet<_>>(), made);
            let left: Vec<SessionId> = t.sessions(ada, None).await.unwrap().iter().map(|row| row.id).collect();
            assert_eq!(left, [kept]);
        }
    }

    async fn usage_counts_own_turns_since_a_time_and_survives_a_purge(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        assert_eq!(t.usage(ada, Millis(0)).await.unwrap(), (Usage::default(), 0));
        let c = t.conversation_of(ada).await;
        let (_, first) = t.exchange(ada, c, "a", "b").await;
        t.clock.advance(1000);
        let later = t.clock.now();
        t.exchange(ada, c, "c", "d").await;
        let running = t.send(ada, c, "not finished").await.unwrap();
        let twice = (Usage { input: 20, output: 10, cached: 4 }, 2);
        assert_eq!(t.usage(ada, Millis(0)).await.unwrap(), twice);
        assert_eq!(t.usage(ada, later).await.unwrap(), (Usage { input: 10, output: 5, cached: 2 }, 1));
        assert_eq!(t.usage(bob, Millis(0)).await.unwrap().1, 0);
        let title = Usage { input: 100, output: 7, cached: 50 };
        assert!(not_found(&t.add_usage(running.turn, title).await), "not over yet");
        assert!(not_found(&t.add_usage(t.clock.id(), title).await));
        t.add_usage(first.turn.unwrap(), title).await.unwrap();
        let twice = (Usage { input: 120, output: 17, cached: 54 }, 2);
        assert_eq!(t.usage(ada, Millis(0)).await.unwrap(), twice, "more tokens, no more turns");
        assert_eq!(t.message(ada, first.id).await.unwrap().usage, first.usage, "the reply cost what it cost");
        t.delete_conversation(ada, c).await.unwrap();
        t.clock.advance(crate::wire::limits::UNDO_MS);
        assert_eq!(t.purge_deleted().await.unwrap(), 1);
        assert_eq!(t.usage(ada, Millis(0)).await.unwrap(), twice);
    }
}
