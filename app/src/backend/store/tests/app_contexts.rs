//! What apps told the model: each app's last word, one's own, bounded, taken away by its version.

use super::*;
use crate::{
    backend::store::{Store, app_contexts::AppContext, connections::StoredConnection},
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

impl TestStore {
    /// Sends a message that takes along what apps of those servers said; after `parent`, or after the newest leaf.
    async fn say_hearing(
        &self,
        by: UserId,
        conversation: ConversationId,
        parent: Option<MessageId>,
        servers: &[&str],
    ) -> Started {
        let (client_id, parts) = (self.client_id(), text("And?"));
        let kind = NewTurnKind::Send { conversation, parent, client_id, parts };
        self.start_hearing(by, kind, servers).await.unwrap()
    }

    async fn start_hearing(&self, by: UserId, kind: NewTurnKind, servers: &[&str]) -> Result<Started, StoreError> {
        let new = NewTurn { by, kind, model: ModelId("offline/assistant".to_owned()), scopes: None };
        let servers = servers.iter().map(|&server| server.to_owned()).collect();
        self.start_turn_hearing(new, servers).await
    }

    async fn waiting(&self, by: UserId, c: ConversationId) -> Vec<AppContext> {
        self.app_contexts(by, c, None).await.unwrap()
    }
}

/// What a message took along.
fn took(started: &Started) -> Vec<String> {
    let parts = &started.message.as_ref().unwrap().parts;
    let words = parts.iter().filter_map(|part| match part {
        Part::Resource(word) => Some(word.text.clone()),
        _ => None,
    });
    words.collect()
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
        let waiting = t.waiting(ada, c).await;
        assert_eq!(said(&waiting), ["other", "second"]);
        assert!(waiting.iter().all(|word| word.here && word.server == "s" && word.message == reply.id));
        assert_eq!(t.conversations_with_app_contexts().await.unwrap(), [(ada, c)]);

        // Another's is another's, also of the same app, and nobody keeps one where they may not read.
        assert!(not_found(&t.keep_app_context(bob, "s", (reply.id, &one), &word("his")).await));
        assert!(not_found(&t.keep_app_context(ada, "s", (t.clock.id(), &one), &word("nowhere")).await));
        t.create_invitation(ada, c, "token", crate::wire::id::Millis(i64::MAX)).await.unwrap();
        t.join(bob, "token").await.unwrap();
        t.keep_app_context(bob, "s", (reply.id, &one), &word("his")).await.unwrap();
        assert_eq!(t.withdraw_app_context(bob, (reply.id, &two)).await.unwrap(), None);
        assert_eq!(said(&t.waiting(ada, c).await), ["other", "second"]);
        assert_eq!(said(&t.waiting(bob, c).await), ["his"]);

        // It goes with its person's next message, in the order in which it was said, and once.
        let sent = t.say_hearing(ada, c, None, &["s"]).await;
        assert_eq!(took(&sent), ["other", "second"]);
        let stored = t.message(ada, sent.message.as_ref().unwrap().id).await.unwrap();
        assert_eq!(stored.parts, sent.message.as_ref().unwrap().parts);
        assert_eq!(stored.text(), "And?");
        assert!(t.waiting(ada, c).await.is_empty());
        assert!(took(&t.say_hearing(ada, c, None, &["s"]).await).is_empty());
        assert_eq!(said(&t.waiting(bob, c).await), ["his"]);

        t.keep_app_context(ada, "s", (reply.id, &one), &word("third")).await.unwrap();
        assert_eq!(t.withdraw_app_context(ada, (reply.id, &one)).await.unwrap(), Some(c));
        assert_eq!(t.withdraw_app_context(ada, (reply.id, &one)).await.unwrap(), None);
        assert_eq!(t.conversations_with_app_contexts().await.unwrap(), [(bob, c)]);
    }

    async fn of_two_messages_at_once_one_takes_the_words(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let (_, reply) = t.exchange(ada, c, "draw", "drawn").await;
        t.keep_app_context(ada, "s", (reply.id, &call("a")), &word("once")).await.unwrap();
        // As another process does, with a writer of its own.
        let elsewhere = Store::open(&t.url, t.clock.clone()).await.unwrap();
        let new = || {
            let (client_id, parts) = (t.client_id(), text("And?"));
            let kind = NewTurnKind::Send { conversation: c, parent: None, client_id, parts };
            NewTurn { by: ada, kind, model: ModelId("offline/assistant".to_owned()), scopes: None }
        };
        let heard = || vec!["s".to_owned()];
        let (first, second) = tokio::join!(
            t.start_turn_hearing(new(), heard()),
            elsewhere.start_turn_hearing(new(), heard())
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        elsewhere.close().await;
        assert_eq!([took(&first), took(&second)].concat(), ["once"]);
    }

    async fn words_go_only_on_their_branch_and_while_their_server_is_heard(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let (question, before) = t.exchange(ada, c, "hello", "hello").await;
        let (_, drawn) = t.exchange(ada, c, "draw", "drawn").await;
        t.keep_app_context(ada, "s", (drawn.id, &call("a")), &word("of s")).await.unwrap();
        t.keep_app_context(ada, "off", (drawn.id, &call("b")), &word("of another")).await.unwrap();

        // Beside the drawing: neither goes.
        let beside = t.app_contexts(ada, c, Some(before.id)).await.unwrap();
        assert!(beside.len() == 2 && beside.iter().all(|word| !word.here));
        let elsewhere = t.say_hearing(ada, c, Some(before.id), &["s", "off"]).await;
        assert!(took(&elsewhere).is_empty());
        assert_eq!(t.waiting(ada, c).await.len(), 2);
        assert!(t.waiting(ada, c).await.iter().all(|word| !word.here), "the newest leaf is that other branch");

        // After it: what is heard. A new version of a message and another reply take none.
        let client_id = t.client_id();
        let parts = text("hello again");
        let edited = NewTurnKind::Edit { message: question.id, client_id, parts };
        assert!(took(&t.start_hearing(ada, edited, &["s"]).await.unwrap()).is_empty());
        let again = NewTurnKind::Regenerate { message: drawn.id };
        assert!(t.start_hearing(ada, again, &["s"]).await.unwrap().message.is_none());
        let sent = t.say_hearing(ada, c, Some(drawn.id), &["s"]).await;
        assert_eq!(took(&sent), ["of s"]);
        assert_eq!(said(&t.waiting(ada, c).await), ["of another"]);
    }

    async fn a_message_that_is_refused_or_was_sent_before_takes_nothing(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let (_, drawn) = t.exchange(ada, c, "draw", "drawn").await;
        let keep = async |says: &str| {
            t.keep_app_context(ada, "s", (drawn.id, &call("a")), &word(says)).await.unwrap();
        };
        let (client_id, parts) = (t.client_id(), text("And?"));
        let kind = NewTurnKind::Send { conversation: c, parent: None, client_id, parts };
        keep("first").await;
        let sent = t.start_hearing(ada, kind.clone(), &["s"]).await.unwrap();
        keep("second").await;
        let again = t.start_hearing(ada, kind, &["s"]).await.unwrap();
        assert!(again.duplicate && again.message.unwrap().parts == sent.message.unwrap().parts);
        for _ in 1..crate::wire::limits::QUEUE_MAX {
            t.send(ada, c, "wait").await.unwrap();
        }
        t.send(ada, c, "wait").await.unwrap();
        let (client_id, parts) = (t.client_id(), text("too many"));
        let kind = NewTurnKind::Send { conversation: c, parent: None, client_id, parts };
        assert!(matches!(t.start_hearing(ada, kind, &["s"]).await, Err(StoreError::Conflict("queue_full"))));
        assert_eq!(said(&t.waiting(ada, c).await), ["second"]);
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
        assert_eq!(said(&t.waiting(ada, c).await), newest);
        assert_eq!(said(&t.waiting(ada, other).await), ["elsewhere"]);
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
        assert_eq!(said(&t.waiting(ada, c).await), ["of another"]);
        t.delete_conversation(ada, c).await.unwrap();
        assert!(not_found(&t.keep_app_context(ada, "s", (reply.id, &call("a")), &word("late")).await));
        t.clock.advance(UNDO_MS);
        assert_eq!(t.purge_deleted().await.unwrap(), 1);
        assert!(t.waiting(ada, c).await.is_empty());
    }
}
