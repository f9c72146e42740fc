//! The chat socket over the wire: one message from end to end, who may open one, and who ends it.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{PASSWORD, TestApp, TestUser, path_of, socket::NORMAL};
use app::wire::{
    error::ApiError,
    event::{ByeReason, ChatEvent, ClientEvent, TextKind},
    id::{ConversationId, Seq},
    message::{Role, Status, TurnEnd},
    room::Invitation,
};
use reqwest::{Response, StatusCode};

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

#[tokio::test]
async fn only_the_session_that_ends_loses_its_sockets() {
    let app = TestApp::start().await;
    let laptop = app.person("ada").await;
    let room = laptop.room().await;
    let mut stays = laptop.tab(room).await;
    for way in ["sign_out", "revoke_session"] {
        let phone = app.visitor();
        phone.sign_in("ada", PASSWORD).await;
        let (first, second) = (phone.tab(room).await, phone.socket().await);
        let done = if way == "sign_out" {
            phone.call(&path_of(way), &[]).await
        } else {
            let rows: Vec<serde_json::Value> = laptop.call(&path_of("sessions"), &[]).await.json().await.unwrap();
            let other = rows.iter().find(|row| row["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
            laptop.call(&path_of(way), &[("id", &other)]).await
        };
        assert!(done.status().is_success(), "{way}: {}", done.status());
        for socket in [first, second] {
            assert_eq!(socket.ended().await, (Some(ByeReason::SignedOut), NORMAL, String::new()), "{way}");
        }
        assert_eq!(phone.try_socket(Some(&app.url)).await.unwrap_err(), StatusCode::UNAUTHORIZED, "{way}");
        stays.is_answered().await;
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

/// Brings `guest` into a room of `owner`'s.
async fn invite(owner: &TestUser, guest: &TestUser, room: ConversationId) {
    let invitation = owner.call(&path_of("invite"), &[("id", &room.to_string())]).await;
    let invitation: Invitation = invitation.json().await.unwrap();
    let joined = guest.call(&path_of("join"), &[("token", &invitation.token)]).await;
    assert!(succeeded(&joined), "{}", joined.status());
}

fn succeeded(response: &Response) -> bool {
    response.status().is_success() || response.status().is_redirection()
}

#[tokio::test]
async fn who_is_removed_from_a_room_is_told_and_let_go_at_once() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.room().await;
    invite(&ada, &bob, room).await;
    let (mut hers, mut his, mut elsewhere) =
        (ada.tab(room).await, bob.tab(room).await, bob.tab(bob.room().await).await);
    let members = hers.until(|e| matches!(e, ChatEvent::Members { members, .. } if members.len() == 2)).await;
    let ChatEvent::Members { members, .. } = members else { unreachable!() };
    let bob_id = members.iter().find(|member| member.name == "bob").unwrap().id;
    let fields = [("id", &*room.to_string()), ("user", &*bob_id.to_string())];
    assert!(succeeded(&ada.call(&path_of("remove_member"), &fields).await));
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
