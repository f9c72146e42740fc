//! The guide's socket over the wire: what it says and hears, who may open one, and who ends it.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    guide::{Guide, Heard},
    socket::NORMAL,
};
use app::wire::{
    event::{ChatEvent, ClientEvent},
    limits::{FRAME_MAX, MESSAGE_MAX, ROOM_NAME_MAX},
    tool::{Approval, ToolState},
};
use reqwest::StatusCode;
use tokio_tungstenite::tungstenite::Message;

fn said(message: &str) -> Heard {
    Heard { message: message.to_owned(), sender: "user".to_owned(), ..Heard::default() }
}

/// Asks, and hears the reply's pieces joined, which must be the whole of it.
async fn ask(socket: &mut Guide, message: &str) -> String {
    socket.say(message).await;
    heard(socket, "").await
}

/// Hears a reply to its end, of which `before` came already.
async fn heard(socket: &mut Guide, before: &str) -> String {
    let (pieces, done) = socket.reply().await;
    assert_eq!(format!("{before}{pieces}"), done.message);
    assert!(!done.error && !done.streaming, "{done:?}");
    done.message
}

#[tokio::test]
async fn a_reply_comes_in_pieces_and_then_as_a_whole() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let mut socket = ada.guide("lobby").await;
    let first = ask(&mut socket, "script:\nsay one  two\nput \\nthree\\s\nthink hm\nput four").await;
    assert_eq!(first, "one  two\nthree \n\nfour");
    let tools = "script:\nsay before\ntool sum {\"numbers\":[2,40]}\nsay after";
    assert_eq!(ask(&mut socket, tools).await, "before\n\nafter");
    let stored: Vec<String> =
        ada.messages(ada.conversations().await[0].id).await.iter().map(app::wire::message::Message::text).collect();
    assert_eq!((stored.len(), &stored[1], stored[3].as_str()), (4, &first, "before\n\nafter"));
    socket.say("script:\nfail refused It will not.").await;
    let (pieces, done) = socket.reply().await;
    assert!(pieces.is_empty() && done.error && !done.message.is_empty(), "{done:?}");
}

#[tokio::test]
async fn whoever_comes_in_the_middle_of_a_reply_gets_what_there_is_of_it() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let mut early = ada.guide("lobby").await;
    let mut tab = ada.tab(ada.conversations().await[0].id).await;
    early.say("script:\nsay before\ntool rename_conversation {\"title\":\"x\"}\nsay after").await;
    let asked = tab.until(|e| matches!(e, ChatEvent::Tool { state: ToolState::Asked { .. }, .. })).await;
    let mut late = ada.guide("lobby").await;
    let so_far = late.next().await.unwrap();
    assert_eq!((so_far.message.as_str(), so_far.sender.as_str(), so_far.streaming), ("before", "bot", true));
    let ChatEvent::Tool { turn, call, .. } = asked else { unreachable!() };
    tab.say(&ClientEvent::Decide { turn, call: call.id, approval: Approval::Deny, arguments: None }).await;
    assert_eq!(heard(&mut late, "before").await, "before\n\nafter");
    assert_eq!(heard(&mut early, "").await, "before\n\nafter");
}

#[tokio::test]
async fn everybody_in_a_room_hears_everybody_else() {
    let app = TestApp::scripted().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (mut first, mut second) = (ada.guide("lobby").await, ada.guide("lobby").await);
    let room = ada.conversations().await[0].id;
    ada.invite(&bob, room).await;
    let mut third = bob.guide("lobby").await;
    assert_eq!(bob.conversations().await.iter().map(|row| row.id).collect::<Vec<_>>(), [room], "the one he was let in");
    assert_eq!(ask(&mut first, "hello").await, "You said: [ada] hello");
    for other in [&mut second, &mut third] {
        assert_eq!(other.next().await, Some(said("hello")));
        assert_eq!(heard(other, "").await, "You said: [ada] hello");
    }
    assert_eq!(ask(&mut third, "hi").await, "You said: [bob] hi");
    for other in [&mut first, &mut second] {
        assert_eq!(other.next().await, Some(said("hi")));
        assert_eq!(heard(other, "").await, "You said: [bob] hi");
    }
}

#[tokio::test]
async fn a_name_makes_a_room_of_ones_own_once() {
    let app = TestApp::scripted().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let mut elsewhere = ada.socket().await;
    elsewhere.hello(None).await;
    ask(&mut ada.guide("Räume-8_x").await, "script:\nsay one").await;
    elsewhere.until(|e| matches!(e, ChatEvent::Conversation { summary } if summary.title == "Räume-8_x")).await;
    let made = ada.conversations().await;
    ask(&mut ada.guide("Räume-8_x").await, "script:\nsay two").await;
    let again = ada.conversations().await;
    assert_eq!((again.len(), again[0].id), (1, made[0].id));
    assert!(again[0].owned && again[0].title == "Räume-8_x", "{again:?}");
    assert_eq!(ada.messages(again[0].id).await.len(), 4);
    // The same name is another room for somebody else.
    ask(&mut bob.guide("Räume-8_x").await, "script:\nsay three").await;
    let other = bob.conversations().await;
    assert!(other.len() == 1 && other[0].id != made[0].id && other[0].owned, "{other:?}");
}

#[tokio::test]
async fn what_cannot_be_taken_is_answered_in_words_and_the_socket_goes_on() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let mut socket = ada.guide("lobby").await;
    for (frame, words) in [
        (Message::text("not JSON"), "This frame cannot be read"),
        (Message::text(""), "This frame cannot be read"),
        (Message::text("[]"), "This frame cannot be read"),
        (Message::text(r#"{"text":"hello"}"#), "missing field `message`"),
        (Message::text(r#"{"message":7}"#), "invalid type"),
        (Message::binary(vec![0, 0xff, 0xfe]), "This frame cannot be read"),
        (Message::text(r#"{"message":""}"#), "There is nothing in this message."),
        (Message::text(r#"{"message":" \u0000\n"}"#), "has the character NUL (U+0000) in it"),
    ] {
        socket.frame(frame.clone()).await;
        let told = socket.refusal().await;
        assert!(told.contains(words), "{frame:?}: {told}");
    }
    socket.say(&"x".repeat(MESSAGE_MAX + 1)).await;
    let told = socket.refusal().await;
    assert!(told.contains(&format!("{} characters; at most {MESSAGE_MAX}", MESSAGE_MAX + 1)), "{told}");
    assert_eq!(ask(&mut socket, "script:\nsay still here").await, "still here");
    // The guide's clients send text, but the bytes of the same JSON are as good.
    socket.frame(Message::binary(br#"{"message":"script:\nsay bytes"}"#.to_vec())).await;
    assert_eq!(heard(&mut socket, "").await, "bytes");
    assert_eq!(ada.messages(ada.conversations().await[0].id).await.len(), 4);
}

#[tokio::test]
async fn a_frame_too_large_ends_its_socket_and_no_other() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let (large, mut other) = (ada.guide("lobby").await, ada.guide("lobby").await);
    let (_, code, words) = large.ended_by(Message::text("x".repeat(FRAME_MAX + 1))).await;
    assert_eq!((code, words), (1009, format!("A frame has at most {FRAME_MAX} bytes.")));
    assert_eq!(ask(&mut other, "script:\nsay here").await, "here");
}

#[tokio::test]
async fn whoever_sends_nothing_but_bad_frames_is_shown_out() {
    let app = TestApp::start().await;
    let mut socket = app.person("ada").await.guide("lobby").await;
    for _ in 0..20 {
        socket.frame(Message::text("?")).await;
    }
    let (heard, code, words) = socket.ended().await;
    assert!(heard.iter().all(|heard| heard.error) && heard.last().unwrap().message.contains("Connect again"));
    assert_eq!((heard.len(), code, words.as_str()), (21, NORMAL, ""));
}

#[tokio::test]
async fn names_no_room_can_have_are_refused() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let (long, most) = ("x".repeat(ROOM_NAME_MAX + 1), "x".repeat(ROOM_NAME_MAX));
    for (name, words) in [
        ("a%20b", "not « »"),
        ("a.b", "not «.»"),
        ("%3Cb%3E", "not «<»"),
        ("%00", "not «"),
        (&long, "1 to 100 characters"),
    ] {
        let refused = ada.upgrade(&format!("/ws/chat/{name}/"), Some(&app.url)).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{name}");
        let told = refused.text().await.unwrap();
        assert!(told.contains(words), "{name}: {told}");
    }
    for path in ["/ws/chat//", "/ws/chat/a/b/"] {
        assert_ne!(ada.upgrade(path, Some(&app.url)).await.status(), StatusCode::SWITCHING_PROTOCOLS, "{path}");
    }
    assert!(ada.conversations().await.is_empty());
    ada.guide(&most).await;
}

#[tokio::test]
async fn strangers_and_other_pages_get_no_socket() {
    let allowed = "http://guide.example:5500";
    let app = TestApp::start_with(|settings| settings.allowed_origins = Some(allowed.to_owned())).await;
    let ada = app.person("ada").await;
    let status = async |user: &crate::support::TestUser, origin| user.upgrade("/ws/chat/lobby/", origin).await.status();
    for origin in [None, Some("null"), Some("https://evil.example"), Some("http://guide.example")] {
        assert_eq!(status(&ada, origin).await, StatusCode::FORBIDDEN, "{origin:?}");
    }
    assert!(ada.conversations().await.is_empty(), "a refused upgrade makes no room");
    let stranger = app.visitor();
    for origin in [Some(allowed), Some(&*app.url)] {
        assert_eq!(status(&stranger, origin).await, StatusCode::UNAUTHORIZED, "{origin:?}");
        assert_eq!(status(&ada, origin).await, StatusCode::SWITCHING_PROTOCOLS, "{origin:?}");
    }
}

#[tokio::test]
async fn limits_say_when_to_try_again() {
    let app = TestApp::scripted_with(|settings| settings.rate_send = Some("1/1h".to_owned())).await;
    let mut socket = app.person("ada").await.guide("lobby").await;
    assert_eq!(ask(&mut socket, "script:\nsay one").await, "one");
    socket.say("script:\nsay two").await;
    assert_eq!(socket.refusal().await, "Too many attempts. Try again in 60 minutes.");
    // The first frame is the socket's own `Hello`.
    let app = TestApp::scripted_with(|settings| settings.rate_frames = Some("2/1h".to_owned())).await;
    let mut socket = app.person("ada").await.guide("lobby").await;
    assert_eq!(ask(&mut socket, "script:\nsay one").await, "one");
    socket.say("script:\nsay two").await;
    assert_eq!(socket.refusal().await, "Too many attempts. Try again in 30 minutes.");
}

#[tokio::test]
async fn whoever_is_removed_loses_the_room_at_once() {
    let app = TestApp::scripted().await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let mut hers = ada.guide("lobby").await;
    let room = ada.conversations().await[0].id;
    ada.invite(&bob, room).await;
    let his = bob.guide("lobby").await;
    ada.remove("bob", room).await;
    assert_eq!(ask(&mut hers, "script:\nsay without him").await, "without him");
    let (heard, code, words) = his.ended().await;
    let last = "This conversation was deleted, or you are no longer in it.";
    assert!(matches!(&heard[..], [only] if only.message == last && only.error), "{heard:?}");
    assert_eq!((code, words.as_str()), (NORMAL, ""));
}
