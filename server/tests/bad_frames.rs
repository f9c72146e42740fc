//! Frames no page of ours sends: each is answered in words or ends the socket with a reason, and concerns nobody else.

use crate::support::{
    TestApp,
    socket::{NORMAL, Socket},
};
use app::wire::{
    error::ApiError,
    event::{ByeReason, ChatEvent},
    limits::FRAME_MAX,
};
use futures::future::join_all;
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame, FrameHeader,
        coding::{Control, Data, OpCode},
    },
};

/// What the server says to a frame it cannot read.
async fn refusal(socket: &mut Socket, frame: Message) -> String {
    socket.frame(frame).await;
    match socket.until(|event| matches!(event, ChatEvent::Refused { .. })).await {
        ChatEvent::Refused { reply_to: None, error: ApiError::Invalid { field, reason } } if field == "frame" => reason,
        other => panic!("{other:?}"),
    }
}

fn tagged(json: &str) -> Message {
    Message::binary([b"\0", json.as_bytes()].concat())
}

#[tokio::test]
async fn each_bad_frame_is_answered_and_the_socket_goes_on() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let mut socket = ada.tab(ada.room().await).await;
    for (frame, words) in [
        (tagged("not JSON"), "expected value"),
        (tagged(""), "EOF"),
        (tagged("{}"), "expected value"),
        (tagged(r#"{"shout":{"text":"hello"}}"#), "unknown variant `shout`"),
        (tagged(r#"{"stop":{"turn":7}}"#), "invalid type"),
        (Message::binary(vec![0xff, 0xfe, 0x00]), "the byte 0 followed by a JSON object"),
        (Message::binary(Vec::new()), "the byte 0 followed by a JSON object"),
        (Message::binary(br#""ping""#.to_vec()), "the byte 0 followed by a JSON object"),
        (Message::text(r#""ping""#), "the byte 0 followed by a JSON object"),
    ] {
        let told = refusal(&mut socket, frame.clone()).await;
        assert!(told.contains(words), "{frame:?}: {told}");
    }
    socket.is_answered().await;
}

#[tokio::test]
async fn what_cannot_be_read_at_all_ends_its_socket_with_the_reason_and_no_other() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let mut other = ada.tab(room).await;
    let long = |bytes| Message::binary(vec![0; bytes]);
    let raw = |opcode| {
        Message::Frame(Frame::from_payload(FrameHeader { opcode, ..FrameHeader::default() }, vec![0xff].into()))
    };
    let size = format!("A frame has at most {FRAME_MAX} bytes.");
    let cases = [
        (long(FRAME_MAX + 1), 1009, &*size),
        (long(8 * FRAME_MAX), 1009, &*size),
        (raw(OpCode::Data(Data::Text)), 1007, "A text frame must be UTF-8."),
        (raw(OpCode::Control(Control::Reserved(11))), 1002, "This is not the WebSocket protocol."),
    ];
    let ends = cases.map(async |(frame, code, words)| {
        let socket = ada.tab(room).await;
        assert_eq!(socket.ended_by(frame).await, (None, code, words.to_owned()));
    });
    join_all(ends).await;
    other.is_answered().await;
    let mut most = vec![b' '; FRAME_MAX];
    most[0] = 0;
    assert!(refusal(&mut other, Message::binary(most)).await.contains("EOF"));
    other.is_answered().await;
}

#[tokio::test]
async fn whoever_sends_nothing_but_bad_frames_is_shown_out() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let (mut bad, mut good) = (ada.socket().await, ada.socket().await);
    good.hello(None).await;
    for _ in 0..20 {
        bad.frame(Message::text("?")).await;
    }
    assert_eq!(bad.ended().await, (Some(ByeReason::Behind), NORMAL, String::new()));
    good.is_answered().await;
}
