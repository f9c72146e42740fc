//! The chat socket over the wire: one message from end to end, who may open one, and who ends it.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    PASSWORD, TestApp, path_of,
    socket::{NORMAL, Socket},
};
use app::wire::{
    error::ApiError,
    event::{ByeReason, ChatEvent, ClientEvent, TextKind},
    id::Seq,
    message::{Role, Status, TurnEnd},
};
use reqwest::StatusCode;

#[tokio::test]
async fn what_is_said_is_answered_live_and_stored() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    let key = tab.send(room, "script:\nsay one two three\nsay four").await;
    let mut heard = String::new();
    loop {
        match tab.next().await.unwrap() {
            ChatEvent::Delta { offset, kind: TextKind::Text, text, .. } => {
                assert_eq!(offset as usize, heard.len());
                heard.push_str(&text);
            }
            ChatEvent::TurnEnded { end, .. } => {
                assert_eq!(end, TurnEnd::Complete);
                break;
            }
            ChatEvent::Refused { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    assert_eq!(heard, "one two three\nfour");
    let stored = ada.messages(room).await;
    let [question, reply] = &stored[..] else { panic!("{stored:?}") };
    assert_eq!((question.role, question.client_id), (Role::User, Some(key)));
    assert_eq!((reply.role, reply.status, reply.text()), (Role::Assistant, Status::Complete, heard));
    app.stop().await;
}

/// Hears a socket to its end; whether the end of its session was the last it heard, and messages before that.
async fn signed_out(mut socket: Socket) -> (bool, usize) {
    let (mut messages, mut last) = (0, None);
    while let Some(event) = socket.next().await {
        messages += usize::from(matches!(event, ChatEvent::Message { .. }));
        last = Some(event);
    }
    (last == Some(ChatEvent::Bye { reason: ByeReason::SignedOut }), messages)
}

#[tokio::test]
async fn only_the_session_that_ends_loses_its_sockets_and_before_whatever_is_said_next() {
    let app = TestApp::scripted().await;
    let laptop = app.person("ada").await;
    let mut stays = laptop.guide("lobby").await;
    let room = laptop.conversations().await[0].id;
    for way in ["sign_out", "revoke_session"] {
        let phone = app.visitor();
        phone.sign_in("ada", PASSWORD).await;
        let (tab, elsewhere, guide) = (phone.tab(room).await, phone.socket().await, phone.guide("lobby").await);
        let done = if way == "sign_out" {
            phone.call(&path_of(way), &[]).await
        } else {
            let rows: Vec<serde_json::Value> = laptop.call(&path_of("sessions"), &[]).await.json().await.unwrap();
            let other = rows.iter().find(|row| row["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
            laptop.call(&path_of(way), &[("id", &other)]).await
        };
        assert!(done.status().is_success(), "{way}: {}", done.status());
        // No socket that only looks at its session now and then would miss this.
        stays.say("script:\nsay later").await;
        assert_eq!(stays.reply().await.0, "later");
        for socket in [tab, elsewhere] {
            assert_eq!(signed_out(socket).await, (true, 0), "{way}");
        }
        let (heard, code, words) = guide.ended().await;
        assert!(matches!(&heard[..], [last] if last.message == "You were signed out."), "{way}: {heard:?}");
        assert_eq!((code, words.as_str()), (NORMAL, ""), "{way}");
        assert_eq!(phone.try_socket(Some(&app.url)).await.unwrap_err(), StatusCode::UNAUTHORIZED, "{way}");
        assert_eq!(phone.upgrade("/ws/chat/lobby/", Some(&app.url)).await.status(), StatusCode::UNAUTHORIZED, "{way}");
    }
}

#[tokio::test]
async fn who_is_not_signed_in_or_comes_from_elsewhere_gets_no_socket() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    for origin in [None, Some("null"), Some("https://evil.example")] {
        assert_eq!(ada.try_socket(origin).await.unwrap_err(), StatusCode::FORBIDDEN, "{origin:?}");
    }
    let stranger = app.visitor();
    assert_eq!(stranger.try_socket(Some(&app.url)).await.unwrap_err(), StatusCode::UNAUTHORIZED);
    stranger.set_cookie(ada.cookie().map(|cookie| cookie.replace(|c: char| c.is_ascii_digit(), "x")));
    assert_eq!(stranger.try_socket(Some(&app.url)).await.unwrap_err(), StatusCode::UNAUTHORIZED);
    ada.socket().await.hello(None).await;
}

#[tokio::test]
async fn who_is_removed_from_a_room_is_told_and_let_go_at_once() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.room().await;
    ada.invite(&bob, room).await;
    let (mut hers, mut his, mut elsewhere) =
        (ada.tab(room).await, bob.tab(room).await, bob.tab(bob.room().await).await);
    hers.until(|e| matches!(e, ChatEvent::Members { members, .. } if members.len() == 2)).await;
    ada.remove("bob", room).await;
    his.until(|event| matches!(event, ChatEvent::ConversationGone { conversation } if *conversation == room)).await;
    assert_eq!(his.ended().await, (Some(ByeReason::Removed), NORMAL, String::new()));
    hers.until(|e| matches!(e, ChatEvent::Members { members, .. } if members.len() == 1)).await;
    // The other tabs of whoever was removed stay, without that room.
    elsewhere.until(|event| matches!(event, ChatEvent::ConversationGone { .. })).await;
    elsewhere.is_answered().await;
    let mut back = bob.socket().await;
    back.say(&ClientEvent::Hello { conversation: Some(room), after: Seq(0) }).await;
    let refused = back.until(|event| matches!(event, ChatEvent::Refused { .. })).await;
    assert_eq!(refused, ChatEvent::Refused { reply_to: None, error: ApiError::NotFound });
}
