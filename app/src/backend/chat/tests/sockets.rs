//! Frames: hello first, limits, resends, floods, what is not one's own.

use super::*;
use crate::{
    backend::test::on_every_backend,
    wire::{id::CallId, tool::Approval},
};

fn text(w: &World, text: &str) -> (ClientId, ClientEvent) {
    let (client_id, text) = (w.key(), text.to_owned());
    let (conversation, parent, files, references, model) = (w.room, None, Vec::new(), Vec::new(), None);
    (client_id, ClientEvent::Send { client_id, conversation, parent, text, files, references, model })
}

on_every_backend! {
    async fn hello_comes_first(t) {
        let w = World::new(t).await;
        let mut tab = Tab::connect(&w.chat, &w.ann);
        tab.say(ClientEvent::Ping);
        assert!(matches!(tab.refused().await.1, ApiError::Invalid { field, .. } if field == "frame"));
        assert!(tab.next().await.is_none());
        let mut tab = Tab::connect(&w.chat, &w.ann);
        tab.hello(None).await;
        tab.say(ClientEvent::Ping);
        tab.until(|e| matches!(e, ChatEvent::Pong { .. })).await;
        tab.say.close_channel();
        assert!(tab.next().await.is_none());
    }

    async fn drafts_come_back_with_the_reason(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        for (bad, part) in [
            (" \n".to_owned(), "nothing"),
            ("\u{200b}\u{feff}\u{7}\u{202e}".to_owned(), "nothing"),
            ("é \0 b".to_owned(), "the character NUL (U+0000) in it, after 2 others"),
            ("x".repeat(32_001), "32001 characters; at most 32000"),
        ] {
            let (key, event) = text(&w, &bad);
            tab.say(event);
            let (reply_to, error) = tab.refused().await;
            assert_eq!(reply_to, Some(key));
            assert!(error.to_string().contains(part), "{error}");
        }
        let (key, event) = text(&w, "hi");
        let ClientEvent::Send { client_id, conversation, parent, text, files, references, .. } = event else {
            unreachable!()
        };
        let model = Some(ModelId("no/such".to_owned()));
        tab.say(ClientEvent::Send { client_id, conversation, parent, text, files, references, model });
        let (reply_to, error) = tab.refused().await;
        assert!(reply_to == Some(key) && error.to_string().contains("no/such"));
        assert!(w.script.requests().is_empty());
        // What is there is kept as it was written, and a new version is a message too.
        let kept = "script:\n# \u{1b}[1m\u{200b}\nsay heard";
        let files = Vec::new();
        tab.say(ClientEvent::Send {
            client_id: w.key(),
            conversation,
            parent: None,
            text: kept.to_owned(),
            files,
            references: Vec::new(),
            model: None,
        });
        tab.until(|e| matches!(e, ChatEvent::TurnEnded { .. })).await;
        let sent = tab.messages.values().find(|message| message.role == Role::User).unwrap().clone();
        assert_eq!(sent.text(), kept);
        let key = w.key();
        tab.say(ClientEvent::Edit { client_id: key, message: sent.id, text: "a\0b".to_owned(), model: None });
        let (reply_to, error) = tab.refused().await;
        assert!(reply_to == Some(key) && error.to_string().contains("NUL"), "{error}");
    }

    async fn sending_again_changes_nothing(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let (key, event) = text(&w, "script:\nsay once");
        tab.say(event.clone());
        tab.until(|e| matches!(e, ChatEvent::TurnEnded { .. })).await;
        let before = tab.messages.clone();
        tab.say(event);
        tab.until(|e| matches!(e, ChatEvent::Message { message } if message.client_id == Some(key))).await;
        tab.until(|e| matches!(e, ChatEvent::Message { message } if message.role == Role::Assistant)).await;
        assert_eq!(tab.messages, before);
        assert_eq!(w.script.requests().len(), 1);
    }

    async fn a_flood_of_bad_frames_closes(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        tab.say.unbounded_send(Err(ApiError::invalid("frame", "no JSON"))).unwrap();
        tab.refused().await;
        tab.say(ClientEvent::Ping);
        tab.until(|e| matches!(e, ChatEvent::Pong { .. })).await;
        for _ in 0..100 {
            tab.say.unbounded_send(Err(ApiError::invalid("frame", "no JSON"))).unwrap();
        }
        assert_eq!(tab.bye().await, Some(ByeReason::Behind));
    }

    async fn a_revoked_session_closes_its_sockets(t) {
        let w = World::new(t).await;
        let session = t.session(w.ann.user, "hash").await;
        let by = Caller { via: Via::Session(session), ..w.ann.clone() };
        let mut tab = Tab::open(&w, &by, w.room).await;
        let mut other = w.tab().await;
        t.revoke_session(w.ann.user, session).await.unwrap();
        w.chat.session_ended(session);
        assert_eq!(tab.bye().await, Some(ByeReason::SignedOut));
        other.hello(Some(w.room)).await;
        let mut late = Tab::connect(&w.chat, &by);
        late.say(ClientEvent::Hello { conversation: Some(w.room), after: Seq(0) });
        assert_eq!(late.bye().await, Some(ByeReason::SignedOut));
    }

    async fn what_is_not_ones_own_is_not_there(t) {
        let w = World::new(t).await;
        let live = w.send(&w.ann, "script:\ntool write {}").await.unwrap();
        let (zed, key) = (caller(t, "zed").await, w.key());
        let mut tab = Tab::connect(&w.chat, &zed);
        tab.hello(None).await;
        let message = live.message.unwrap().id;
        let mine = w.tab().await;
        for event in [
            ClientEvent::Hello { conversation: Some(w.room), after: Seq(0) },
            text(&w, "hi").1,
            ClientEvent::Edit { client_id: key, message, text: "hi".to_owned(), model: None },
            ClientEvent::Regenerate { message: live.reply.id, model: None },
            ClientEvent::Continue { message: live.reply.id },
            ClientEvent::Stop { turn: live.turn },
            ClientEvent::Decide {
                turn: live.turn,
                call: CallId("scripted_1".to_owned()),
                approval: Approval::Once,
                arguments: None,
            },
        ] {
            tab.say(event);
            assert_eq!(tab.refused().await.1, ApiError::NotFound);
        }
        assert!(w.chat.live(w.room).len() == 1 && mine.messages.len() == 2);
        w.chat.stop(&w.ann, live.turn).await.unwrap();
    }

    async fn limits_say_when_to_try_again(t) {
        let w = World::new(t).await;
        let (strict, ..) = chat(t, quick());
        let mut strict = Arc::into_inner(strict).unwrap();
        strict.sending = Box::new(|_| Err(Duration::from_millis(1_500)));
        let strict = Arc::new(strict);
        let mut tab = Tab::connect(&strict, &w.ann);
        tab.hello(Some(w.room)).await;
        let (key, event) = text(&w, "hi");
        tab.say(event);
        assert_eq!(tab.refused().await, (Some(key), ApiError::TooMany { retry_after_s: 2 }));
    }
}

#[test]
fn an_idle_socket_is_small() {
    let hub = Hub::default();
    let size = size_of_val(&hub.listen()) + size_of::<super::super::converse::Socket>();
    assert!(size < 1024, "{size} bytes");
}
