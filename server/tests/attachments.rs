//! `/attachments/{id}`: for members alone, as what its bytes are, and never as anything that runs.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{TestApp, TestUser};
use app::{
    backend::store::{
        attachments::NewAttachment,
        turns::{FinishTurn, NewTurn, NewTurnKind},
    },
    wire::{
        account::Username,
        attachment::{AttachmentRef, Piece},
        id::{AttachmentId, CallId, ConversationId},
        message::{Part, TurnEnd, Usage},
        tool::{ToolCall, ToolOutcome, ToolResult},
    },
};
use reqwest::{Method, Response, StatusCode, header};
use serde_json::json;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n0123456789";

/// Keeps bytes in a conversation of that person's; where they are fetched.
pub(crate) async fn keep(app: &TestApp, name: &str, conversation: ConversationId, said: &str, bytes: &[u8]) -> String {
    let store = &app.backend.store;
    let user = store.user_by_name(&Username::parse(name).unwrap()).await.unwrap().unwrap().id;
    let new = NewAttachment { conversation, media_type: said, name: "file.html", bytes };
    let id: AttachmentId = store.attach(user, new).await.unwrap();
    format!("/attachments/{id}")
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

async fn asked(user: &TestUser, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = user.bare(Method::GET, path);
    user.send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn it_is_there_for_members_and_nobody_else() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.person("ada").await, app.person("eve").await);
    let room = ada.room().await;
    let path = keep(&app, "ada", room, "image/png", PNG).await;
    let response = ada.get(&path).await;
    assert_eq!((response.status(), header_of(&response, "content-type")), (StatusCode::OK, "image/png"));
    assert_eq!(header_of(&response, "x-content-type-options"), "nosniff");
    assert!(header_of(&response, "content-security-policy").starts_with("sandbox; default-src 'none';"));
    assert_eq!(header_of(&response, "cache-control"), "private, no-cache");
    assert_eq!(header_of(&response, "content-disposition"), "inline; filename=\"file.html\"");
    let tag = header_of(&response, "etag").to_owned();
    assert_eq!(response.bytes().await.unwrap(), PNG);

    let theirs = eve.get(&path).await;
    let nothing = eve.get("/attachments/01900000-0000-7000-8000-000000000000").await;
    assert_eq!((theirs.status(), nothing.status()), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert_eq!(theirs.text().await.unwrap(), nothing.text().await.unwrap());
    // Knowing what it is proves nothing.
    assert_eq!(asked(&eve, &path, &[("if-none-match", &tag)]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ada.get("/attachments/../../etc/passwd").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ada.get("/attachments/x").await.status(), StatusCode::NOT_FOUND);
    let visitor = app.visitor().get(&path).await;
    assert_eq!(visitor.status(), StatusCode::SEE_OTHER);
    assert!(header_of(&visitor, "location").starts_with("/sign-in?next="), "{visitor:?}");
    assert_eq!(ada.send(ada.bare(Method::POST, &path)).await.status(), StatusCode::FORBIDDEN, "from nowhere");

    let kept = asked(&ada, &path, &[("if-none-match", &tag)]).await;
    assert_eq!((kept.status(), header_of(&kept, "etag")), (StatusCode::NOT_MODIFIED, &*tag));
    let deleted = ada.call(&crate::support::path_of("delete_conversation"), &[("id", &room.to_string())]).await;
    assert_eq!(deleted.status(), StatusCode::OK);
    assert_eq!(asked(&ada, &path, &[("if-none-match", &tag)]).await.status(), StatusCode::NOT_FOUND);
    app.stop().await;
}

#[tokio::test]
async fn only_known_images_and_sounds_are_more_than_a_download() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    for (said, bytes, kind) in [
        ("text/html", PNG, "image/png"),
        ("image/png", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("audio/wav", b"RIFF\x04\0\0\0WAVE", "audio/wav"),
        ("image/png", b"<!doctype html><script>alert(1)</script>", ""),
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", ""),
        ("text/html", b"<script>alert(1)</script>", ""),
        ("application/pdf", b"%PDF-1.7", ""),
        ("image/png", b"", ""),
    ] {
        let response = ada.get(&keep(&app, "ada", room, said, bytes).await).await;
        assert_eq!(response.status(), StatusCode::OK, "{said}");
        let how = header_of(&response, "content-disposition");
        if kind.is_empty() {
            assert_eq!(header_of(&response, "content-type"), "application/octet-stream", "{said}");
            assert_eq!(how, "attachment; filename=\"file.html\"", "{said}");
        } else {
            assert_eq!((header_of(&response, "content-type"), &how[..6]), (kind, "inline"), "{said}");
        }
        assert_eq!(header_of(&response, "x-content-type-options"), "nosniff");
        assert!(header_of(&response, "content-security-policy").contains("sandbox"), "{said}");
        assert_eq!(response.bytes().await.unwrap(), bytes);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_player_gets_the_part_it_asks_for() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let path = keep(&app, "ada", ada.room().await, "image/png", PNG).await;
    let part = asked(&ada, &path, &[("range", "bytes=8-10")]).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!((header_of(&part, "content-range"), header_of(&part, "content-length")), ("bytes 8-10/18", "3"));
    assert_eq!(header_of(&part, "content-type"), "image/png", "of a part as of the whole");
    let tag = header_of(&part, "etag").to_owned();
    assert_eq!(part.bytes().await.unwrap(), "012");
    let beyond = asked(&ada, &path, &[("range", "bytes=18-")]).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header_of(&beyond, "content-range"), "bytes */18");
    let same = asked(&ada, &path, &[("range", "bytes=0-0"), ("if-range", &tag)]).await;
    assert_eq!(same.status(), StatusCode::PARTIAL_CONTENT);
    let changed = asked(&ada, &path, &[("range", "bytes=0-0"), ("if-range", "\"other\"")]).await;
    assert_eq!((changed.status(), changed.bytes().await.unwrap().len()), (StatusCode::OK, 18));
    let head = ada.send(ada.bare(Method::HEAD, &path)).await;
    assert_eq!((head.status(), head.headers()[header::CONTENT_LENGTH].to_str().unwrap()), (StatusCode::OK, "18"));
    app.stop().await;
}

/// A reply whose one tool answered with that.
async fn replied(app: &TestApp, name: &str, conversation: ConversationId, text: &str, content: Vec<Piece>) {
    let store = &app.backend.store;
    let by = store.user_by_name(&Username::parse(name).unwrap()).await.unwrap().unwrap().id;
    let parts = vec![Part::Text { text: "draw".to_owned() }];
    let kind = NewTurnKind::Send { conversation, parent: None, client_id: app.backend.clock.id(), parts };
    let model = app.backend.models.all()[0].id.clone();
    let turn = store.start_turn(NewTurn { by, kind, model, scopes: None }).await.unwrap().turn;
    let call = CallId("c".to_owned());
    let mut made = ToolCall::new(call.clone(), "everything__draw", json!({}));
    "Draw \"it\"".clone_into(&mut made.title);
    let outcome = ToolOutcome { content, ..ToolOutcome::ok(text, json!({"drawn": [1]})) };
    let result = ToolResult { call, outcome, duration_ms: 1 };
    let parts = vec![Part::ToolCall(made), Part::ToolResult(result)];
    let finish = FinishTurn { turn, end: TurnEnd::Complete, parts, usage: Usage::default(), fault: None };
    store.finish_turn(finish).await.unwrap();
}

#[tokio::test]
async fn the_page_shows_them_and_follows_no_address_by_itself() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let file = async |media_type: &str, bytes: &[u8], pixels| {
        let path = keep(&app, "ada", room, media_type, bytes).await;
        let id = path.rsplit('/').next().unwrap().parse().unwrap();
        AttachmentRef { id, media_type: media_type.to_owned(), size: 41_000, pixels }
    };
    let (image, sound) = (file("image/png", PNG, Some((768, 256))).await, file("audio/wav", b"RIFF", None).await);
    let (notes, svg) = (file("text/markdown", b"# x", None).await, file("image/svg+xml", b"<svg/>", None).await);
    let link = |uri: &str| Piece::Link {
        uri: uri.to_owned(),
        name: "<i>n</i>".to_owned(),
        description: "Rows".to_owned(),
        media_type: Some("text/csv".to_owned()),
        size: Some(7),
    };
    let content = vec![
        Piece::File { file: image.clone() },
        Piece::File { file: sound.clone() },
        Piece::File { file: svg.clone() },
        Piece::Resource { uri: "file:///a/n.md".to_owned(), file: notes, preview: "**bold** <b>not</b>".to_owned() },
        link("https://example.org/d"),
        link("javascript:alert(1)"),
        Piece::Whole { file: file("text/plain", b"long", None).await },
    ];
    replied(&app, "ada", room, "{\"drawn\": [1]}", content).await;
    let page = ada.get(&format!("/c/{room}")).await.text().await.unwrap();
    let (shown, at) = (image.path(), page.find("<img").unwrap());
    let tag = &page[at..at + page[at..].find('>').unwrap()];
    for words in [
        format!("src=\"{shown}\""),
        "alt=\"Image from Draw &quot;it&quot; (everything)\"".to_owned(),
        "width=\"384\"".to_owned(),
        "height=\"128\"".to_owned(),
        "loading=\"lazy\"".to_owned(),
    ] {
        assert!(tag.contains(&words), "{words}: {tag}");
    }
    assert_eq!(page.matches("<img").count(), 1, "SVG is no image here");
    let audio = format!("<audio controls preload=\"none\" src=\"{}\"", sound.path());
    let download = format!("<a href=\"{}\" download", svg.path());
    for words in [&*audio, &*download, "<strong>bold</strong> &lt;b&gt;not", "n.md", "href=\"https://example.org/d\""] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("javascript:alert(1)") && !page.contains("href=\"javascript:"));
    assert!(page.contains("The whole result, 41 kB") && !page.contains("<i>n</i>") && page.contains("nofollow"));
    // The text is but the structured result, which is shown as that.
    assert_eq!(page.matches("Structured result").count(), 1);
    assert!(!page.contains(">Result<"));
    app.stop().await;
}
