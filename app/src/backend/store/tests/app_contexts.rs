//! What apps told the model: each app's last word, one's own, bounded, taken away by its version.

use super::*;
use crate::{
    backend::store::{app_contexts::AppContext, connections::StoredConnection},
    wire::{
        id::{CallId, ConnectionId},
        limits::{APP_CONTEXTS_MAX, UNDO_MS},
        message::Resource,
    },
};

fn word(says: &str) -> Resource {
    Resource {
        server: "Charts".to_owned(),
        uri: "ui://charts/page".to_owned(),
        name: "Draw".to_owned(),
        text: says.to_owned(),
        cut: false,
        app: true,
    }
}

fn call(name: &str) -> CallId {
    CallId(name.to_owned())
}

fn said(words: &[AppContext]) -> Vec<&str> {
    words.iter().map(|word| word.material.text.as_str()).collect()
}

on_every_backend! {
    async fn the_last_word_of_an_app_waits_for_its_person(t) {
        let (ada, bob) = (t.person("ada").await, t.person("bob").await);
        let c = t.conversation_of(ada).await;
        let (_, reply) = t.exchange(ada, c, "draw", "drawn").await;
        let (one, two) = (call("one"), call("two"));
        assert_eq!(t.keep_app_context(ada, "s", (reply.id, &one), &word("first")).await.unwrap(), c);
        t.keep_app_context(ada, "s", (reply.id, &two), &word("other")).await.unwrap();
        t.keep_app_context(ada, "s", (reply.id, &one), &word("second")).await.unwrap();
        assert_eq!(t.app_context(ada, (reply.id, &one)).await.unwrap(), Some(word("second")));
        let waiting = t.app_contexts(ada, c).await.unwrap();
        assert_eq!(said(&waiting), ["other", "second"]);
        assert_eq!(t.conversations_with_app_contexts().await.unwrap(), [(ada, c)]);

        // Another's is another's, also of the same app, and nobody keeps one where they may not read.
        assert!(not_found(&t.keep_app_context(bob, "s", (reply.id, &one), &word("his")).await));
        assert!(not_found(&t.keep_app_context(ada, "s", (t.clock.id(), &one), &word("nowhere")).await));
        t.create_invitation(ada, c, "token", crate::wire::id::Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        t.keep_app_context(bob, "s", (reply.id, &one), &word("his")).await.unwrap();
        t.forget_app_contexts(bob, &waiting).await.unwrap();
        t.withdraw_app_context(bob, (reply.id, &two)).await.unwrap();
        assert_eq!(said(&t.app_contexts(ada, c).await.unwrap()), ["other", "second"]);
        assert_eq!(said(&t.app_contexts(bob, c).await.unwrap()), ["his"]);

        // What was said meanwhile stays.
        t.keep_app_context(ada, "s", (reply.id, &one), &word("third")).await.unwrap();
        t.forget_app_contexts(ada, &waiting).await.unwrap();
        assert_eq!(said(&t.app_contexts(ada, c).await.unwrap()), ["third"]);
        t.withdraw_app_context(ada, (reply.id, &one)).await.unwrap();
        assert_eq!(t.app_context(ada, (reply.id, &one)).await.unwrap(), None);
        assert_eq!(t.conversations_with_app_contexts().await.unwrap(), [(bob, c)]);
    }

    async fn only_the_newest_apps_of_a_conversation_are_heard(t) {
        let ada = t.person("ada").await;
        let (c, other) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        let (_, reply) = t.exchange(ada, c, "draw", "drawn").await;
        let (_, elsewhere) = t.exchange(ada, other, "draw", "drawn").await;
        t.keep_app_context(ada, "s", (elsewhere.id, &call("0")), &word("elsewhere")).await.unwrap();
        for n in 0..=APP_CONTEXTS_MAX {
            t.keep_app_context(ada, "s", (reply.id, &call(&n.to_string())), &word(&n.to_string())).await.unwrap();
        }
        let newest: Vec<String> = (1..=APP_CONTEXTS_MAX).map(|n| n.to_string()).collect();
        assert_eq!(said(&t.app_contexts(ada, c).await.unwrap()), newest);
        assert_eq!(said(&t.app_contexts(ada, other).await.unwrap()), ["elsewhere"]);
    }

    async fn words_go_with_their_connection_and_their_conversation(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let (_, reply) = t.exchange(ada, c, "draw", "drawn").await;
        let id: ConnectionId = t.clock.id();
        let new = StoredConnection { id, name: "x".to_owned(), prefix: "x".to_owned(), access: "sealed".to_owned() };
        t.create_connection(ada, &new).await.unwrap();
        t.keep_app_context(ada, &id.to_string(), (reply.id, &call("a")), &word("of it")).await.unwrap();
        t.keep_app_context(ada, "operator:y", (reply.id, &call("b")), &word("of another")).await.unwrap();
        t.remove_connection(ada, id).await.unwrap();
        assert_eq!(said(&t.app_contexts(ada, c).await.unwrap()), ["of another"]);
        t.delete_conversation(ada, c).await.unwrap();
        assert!(not_found(&t.keep_app_context(ada, "s", (reply.id, &call("a")), &word("late")).await));
        t.clock.advance(UNDO_MS);
        assert_eq!(t.purge_deleted().await.unwrap(), 1);
        assert!(t.app_contexts(ada, c).await.unwrap().is_empty());
    }
}
