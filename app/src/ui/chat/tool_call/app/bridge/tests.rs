//! The whole talk, without a browser.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::wire::{
    app::Domains,
    attachment::{AttachmentRef, Piece},
    id::{CallId, MessageId},
    limits::{APP_FILES_MAX, MESSAGE_MAX},
    tool::{STOPPED, ToolCall, ToolOutcome, ToolResult},
};

fn bridge() -> Bridge {
    let opened = OpenedApp {
        url: "/apps/x".to_owned(),
        server: "Charts".to_owned(),
        tool: json!({"name": "draw"}),
        clipboard: false,
        domains: Domains { connect: vec!["https://api.example".to_owned()], ..Domains::default() },
        bare: false,
        notes: Vec::new(),
    };
    Bridge::new(&opened, json!({"theme": "dark"}))
}

fn view(state: Option<ToolState>) -> ToolView {
    let call = ToolCall::new(CallId("c".to_owned()), "charts__draw", json!({"n": 7}));
    ToolView { turn: None, message: MessageId(uuid::Uuid::nil()), call, state }
}

fn done(outcome: ToolOutcome) -> ToolState {
    ToolState::Done { result: ToolResult { call: CallId("c".to_owned()), outcome, duration_ms: 1 } }
}

fn request(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

fn hear(bridge: &mut Bridge, method: &str, params: &Value) -> Vec<Act> {
    bridge.hear(&request(method, params), 0.0)
}

fn tell(bridge: &mut Bridge, method: &str, params: &Value) -> Vec<Act> {
    bridge.hear(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string(), 0.0)
}

/// The app, which knows those ways of being shown.
fn greet(bridge: &mut Bridge, capabilities: &Value) -> (Value, bool) {
    let hello = json!({
        "protocolVersion": "2026-01-26", "appInfo": {"name": "x", "version": "1"}, "appCapabilities": capabilities,
    });
    match <[Act; 2]>::try_from(hear(bridge, "ui/initialize", &hello)) {
        Ok([Act::Say(greeting), Act::Fits(fits)]) => (greeting, fits),
        other => panic!("{other:?}"),
    }
}

fn ready() -> Bridge {
    let mut bridge = bridge();
    tell(&mut bridge, "ui/notifications/initialized", &json!({}));
    bridge
}

/// What it is told.
fn told(bridge: &mut Bridge, view: &ToolView) -> Vec<Value> {
    let said = |act| match act {
        Act::Say(value) => value,
        other => panic!("{other:?}"),
    };
    bridge.tell(view).into_iter().map(said).collect()
}

/// The one answer, which must be there.
fn answered(acts: Vec<Act>) -> Value {
    match <[Act; 1]>::try_from(acts) {
        Ok([Act::Say(value)]) => value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_greets_hears_and_then_tells_of_the_call_once() {
    let mut bridge = bridge();
    let ended = view(Some(done(ToolOutcome::ok("drawn", json!({"n": 7})))));
    assert!(bridge.tell(&ended).is_empty() && bridge.changed(json!({})).is_none(), "nothing before it is ready");
    let (greeting, fits) = greet(&mut bridge, &json!({}));
    assert!(fits, "an app that says nothing of it may be asked");
    assert_eq!((&greeting["id"], &greeting["result"]["protocolVersion"]), (&json!(1), &json!("2026-01-26")));
    assert_eq!(greeting["result"]["hostContext"], json!({"theme": "dark", "toolInfo": {"tool": {"name": "draw"}}}));
    let allowed = &greeting["result"]["hostCapabilities"]["sandbox"];
    assert_eq!(
        (&allowed["csp"]["connectDomains"], &allowed["permissions"]),
        (&json!(["https://api.example"]), &json!({}))
    );
    assert!(bridge.tell(&ended).is_empty(), "it has heard the greeting, not said that it is ready");
    assert_eq!(tell(&mut bridge, "ui/notifications/initialized", &json!({})), [Act::Ready]);

    let running = view(Some(ToolState::Running { progress: None, note: None }));
    let input = notice("ui/notifications/tool-input", json!({"arguments": {"n": 7}}));
    assert_eq!(told(&mut bridge, &running), std::slice::from_ref(&input));
    assert!(bridge.tell(&running).is_empty());
    let result =
        json!({"content": [{"type": "text", "text": "drawn"}], "structuredContent": {"n": 7}, "isError": false});
    assert_eq!(told(&mut bridge, &ended), [notice("ui/notifications/tool-result", result)]);
    assert!(bridge.tell(&ended).is_empty());
    assert_eq!(bridge.changed(json!({"theme": "light"})).unwrap()["params"], json!({"theme": "light"}));

    // Loaded anew, it knows of nothing, and is told of what holds by now.
    let (greeting, _) = greet(&mut bridge, &json!({}));
    assert_eq!(greeting["result"]["hostContext"]["theme"], "light");
    assert!(bridge.tell(&ended).is_empty());
    tell(&mut bridge, "ui/notifications/initialized", &json!({}));
    assert_eq!(told(&mut bridge, &ended)[0], input);
}

#[test]
fn what_the_outcome_does_not_say_is_fetched() {
    let id = uuid::Uuid::nil().into();
    let file = || AttachmentRef { id, media_type: "image/png".to_owned(), size: 9, pixels: None };
    let drawn = ToolOutcome::ok("drawn", json!({"n": 7}));
    for outcome in [
        ToolOutcome { content: vec![Piece::File { file: file() }], ..drawn.clone() },
        ToolOutcome { sent: Some(Box::new(file())), ..drawn },
    ] {
        let mut bridge = ready();
        let kept = result_of(&outcome);
        let acts = bridge.tell(&view(Some(done(outcome))));
        assert_eq!(acts[1..], [Act::Result(kept)]);
        let whole = json!({"content": [{"type": "image", "data": "AA==", "mimeType": "image/png"}]});
        assert_eq!(bridge.result(whole.clone()).unwrap()["params"], whole);
        // By the time it is there, another page may be.
        greet(&mut bridge, &json!({}));
        assert!(bridge.result(whole).is_none());
    }
}

#[test]
fn a_call_that_was_cut_off_is_told_as_cancelled() {
    for state in [None, Some(done(ToolOutcome::error(STOPPED)))] {
        let told = told(&mut ready(), &view(state));
        assert_eq!(told[1]["method"], "ui/notifications/tool-cancelled");
        assert!(told[1]["params"]["reason"].is_string());
    }
    let told = told(&mut ready(), &view(Some(done(ToolOutcome::error("It broke.")))));
    assert_eq!(
        (&told[1]["method"], &told[1]["params"]["isError"]),
        (&json!("ui/notifications/tool-result"), &json!(true))
    );
}

#[test]
fn what_it_asks_for_is_done_or_refused() {
    let mut bridge = bridge();
    assert_eq!(answered(hear(&mut bridge, "ping", &json!({})))["result"], json!({}));
    assert_eq!(
        answered(hear(&mut bridge, "ui/request-display-mode", &json!({"mode": "pip"})))["result"]["mode"],
        "inline"
    );
    for (method, list) in [("resources/list", AppList::Resources), ("resources/templates/list", AppList::Templates)] {
        assert_eq!(hear(&mut bridge, method, &json!(null)), [Act::List { id: json!(1), list }]);
        bridge.done(&json!(1), Ok(json!({})));
    }
    let told = json!({"content": [{"type": "text", "text": "x"}]});
    assert_eq!(hear(&mut bridge, "ui/update-model-context", &told), [Act::Tell { id: json!(1), told }]);
    let call = hear(&mut bridge, "tools/call", &json!({"name": "refresh", "arguments": {"n": 1}}));
    assert_eq!(call, [Act::Call { id: json!(1), tool: "refresh".to_owned(), arguments: json!({"n": 1}) }]);
    let read = hear(&mut bridge, "resources/read", &json!({"uri": "data://x"}));
    assert_eq!(read, [Act::Read { id: json!(1), uri: "data://x".to_owned() }]);
    let link = hear(&mut bridge, "ui/open-link", &json!({"url": "HTTPS://example.org/a?b#c"}));
    assert_eq!(link, [Act::Link { id: json!(1), url: "HTTPS://example.org/a?b#c".to_owned() }]);
    for content in [
        json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
        json!({"type": "text", "text": "a\n\nb"}),
    ] {
        let write = hear(&mut bridge, "ui/message", &json!({"role": "user", "content": content}));
        assert_eq!(write, [Act::Write { id: json!(1), text: "a\n\nb".to_owned() }]);
    }
    for (method, params, code) in [
        ("tools/list", json!({}), UNKNOWN_METHOD),
        ("sampling/createMessage", json!({}), UNKNOWN_METHOD),
        ("ui/request-display-mode", json!({}), INVALID_PARAMS),
        ("ui/download-file", json!({}), INVALID_PARAMS),
        ("ui/download-file", json!({"contents": []}), INVALID_PARAMS),
        ("ui/download-file", json!({"contents": [{"type": "text", "text": "x"}]}), INVALID_PARAMS),
        ("ui/download-file", json!({"contents": [{"type": "resource", "resource": {"uri": "x"}}]}), INVALID_PARAMS),
        ("ui/download-file", json!({"contents": [{"type": "resource_link", "name": "x"}]}), INVALID_PARAMS),
        ("ui/download-file", json!({"contents": vec![json!({}); APP_FILES_MAX + 1]}), REFUSED),
        ("ui/notifications/sandbox-resource-ready", json!({}), UNKNOWN_METHOD),
        ("tools/call", json!({"arguments": {}}), INVALID_PARAMS),
        ("tools/call", json!({"name": "x", "arguments": [1]}), INVALID_PARAMS),
        ("resources/read", json!({"uri": ""}), INVALID_PARAMS),
        ("resources/read", json!(null), INVALID_PARAMS),
        ("ui/open-link", json!({"url": "javascript:alert(1)"}), REFUSED),
        ("ui/open-link", json!({"url": "https://a.example/\nx"}), REFUSED),
        ("ui/open-link", json!({"url": "httpſ://a.example"}), REFUSED),
        ("ui/message", json!({"role": "assistant", "content": []}), INVALID_PARAMS),
        ("ui/message", json!({"role": "user", "content": [{"type": "image", "data": ""}]}), INVALID_PARAMS),
        ("ui/message", json!({"role": "user", "content": {"type": "text", "text": " "}}), INVALID_PARAMS),
        (
            "ui/message",
            json!({"role": "user", "content": {"type": "text", "text": "x".repeat(MESSAGE_MAX + 1)}}),
            INVALID_PARAMS,
        ),
    ] {
        assert_eq!(answered(hear(&mut bridge, method, &params))["error"]["code"], code, "{method} {params}");
    }
}

#[test]
fn notices_have_no_answer_and_garbage_has_none_either() {
    let mut bridge = bridge();
    for (height, pixels) in
        [(json!(120.2), 121), (json!(1), HEIGHT_MIN), (json!(1e9), APP_HEIGHT_MAX), (json!(-5), HEIGHT_MIN)]
    {
        assert_eq!(tell(&mut bridge, "ui/notifications/size-changed", &json!({"height": height})), [Act::High(pixels)]);
    }
    assert!(tell(&mut bridge, "ui/notifications/size-changed", &json!({"height": "9"})).is_empty());
    let log = tell(&mut bridge, "notifications/message", &json!({"level": "error", "data": {"a": 1}}));
    assert_eq!(log, [Act::Log("error: {\"a\":1}".to_owned())]);
    assert_eq!(tell(&mut bridge, "ui/notifications/request-teardown", &json!({})), [Act::Leave]);
    assert!(tell(&mut bridge, "notifications/cancelled", &json!({})).is_empty());
    assert!(tell(&mut bridge, "notifications/cancelled", &json!({"requestId": 1})).is_empty());
    for garbage in [
        "",
        "null",
        "[]",
        "{}",
        "\"x\"",
        "{\"method\": \"ping\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1}",
        "[{\"jsonrpc\": \"2.0\"}]",
    ] {
        assert!(bridge.hear(garbage, 0.0).is_empty(), "{garbage}");
    }
    assert_eq!(answered(bridge.hear("{\"id\": 1, \"method\": \"ping\"}", 0.0))["error"]["code"], INVALID_REQUEST);
}

#[test]
fn too_much_too_large_and_too_many_are_refused() {
    let mut bridge = bridge();
    let large = json!({"name": "x", "arguments": {"x": "y".repeat(APP_MESSAGE_MAX)}});
    assert_eq!(answered(hear(&mut bridge, "tools/call", &large))["error"]["code"], REFUSED);
    let huge = json!({"x": "y".repeat(UNREAD)});
    assert!(matches!(&hear(&mut bridge, "tools/call", &huge)[..], [Act::Log(_)]));
    let call = json!({"name": "x"});
    for _ in 0..APP_CALLS_MAX {
        assert!(matches!(&hear(&mut bridge, "tools/call", &call)[..], [Act::Call { .. }]));
    }
    assert!(
        answered(hear(&mut bridge, "tools/call", &call))["error"]["message"].as_str().unwrap().contains("under way")
    );
    let answer = bridge.done(&json!(1), Ok(json!({"content": []}))).unwrap();
    assert_eq!(answer["result"], json!({"content": []}));
    assert!(matches!(&hear(&mut bridge, "resources/read", &json!({"uri": "x"}))[..], [Act::Read { .. }]));
    let answer = bridge.done(&json!(1), Err("No.".to_owned())).unwrap();
    assert_eq!(answer["error"], json!({"code": REFUSED, "message": "No."}));
    assert!(bridge.done(&json!("another"), Ok(json!({}))).is_none(), "nobody waits for that");
    // All of these have the id 1: two are left.
    assert!(bridge.waits(&json!(1)) && !bridge.waits(&json!(2)));

    while !answered(hear(&mut bridge, "ping", &json!({})))["error"].is_object() {}
    assert!(tell(&mut bridge, "notifications/message", &json!({"data": "x"})).is_empty(), "and notices are left out");
    let later = bridge.hear(&request("ping", &json!({})), WINDOW + 1.0);
    assert_eq!(answered(later)["result"], json!({}));
}

#[test]
fn it_is_shown_over_the_page_only_if_it_knows_that() {
    for (capabilities, fits) in [
        (json!({}), true),
        (json!({"availableDisplayModes": ["inline", "fullscreen"]}), true),
        (json!({"availableDisplayModes": ["inline", "pip"]}), false),
    ] {
        let mut bridge = ready();
        assert_eq!(greet(&mut bridge, &capabilities).1, fits);
        let asked = hear(&mut bridge, "ui/request-display-mode", &json!({"mode": "fullscreen"}));
        if fits {
            assert_eq!(asked, [Act::Show { id: json!(1), full: true }]);
        } else {
            assert_eq!(answered(asked)["result"]["mode"], "inline");
        }
    }
    let mut bridge = ready();
    assert_eq!(bridge.shown(true), "fullscreen");
    assert!(tell(&mut bridge, "ui/notifications/size-changed", &json!({"height": 100})).is_empty());
    assert_eq!(
        answered(hear(&mut bridge, "ui/request-display-mode", &json!({"mode": "pip"})))["result"]["mode"],
        "fullscreen"
    );
    let back = hear(&mut bridge, "ui/request-display-mode", &json!({"mode": "inline"}));
    assert_eq!(back, [Act::Show { id: json!(1), full: false }]);
    assert_eq!(bridge.shown(false), "inline");
    assert_eq!(tell(&mut bridge, "ui/notifications/size-changed", &json!({"height": 100})), [Act::High(100)]);
}

#[test]
fn files_have_plain_names_and_may_be_larger_than_other_messages() {
    let mut bridge = bridge();
    let text = "x".repeat(APP_MESSAGE_MAX);
    let contents = json!([
        {"type": "resource", "resource": {"uri": "file:///out/report.csv", "text": text}},
        {"type": "resource", "resource": {"uri": "file:///../..\\.bashrc", "blob": "AA=="}},
        {"type": "resource_link", "uri": "data://rows/all.json?x=1", "name": "Everything"},
        {"type": "resource_link", "uri": "data://rows/7", "name": "Row\u{202e}gpj.exe"},
    ]);
    let acts = hear(&mut bridge, "ui/download-file", &json!({"contents": contents}));
    let [Act::Save { files, .. }] = &acts[..] else { panic!("{acts:?}") };
    let named: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(named, ["report.csv", "bashrc", "all.json", "Row_gpj.exe"]);
    assert_eq!(files[0].held, Held::Text(text));
    assert_eq!(files[1].held, Held::Encoded("AA==".to_owned()));
    assert_eq!(files[2].held, Held::At("data://rows/all.json?x=1".to_owned()));
    let empty = content(&json!({"uri": "", "text": ""})).unwrap();
    assert_eq!(empty.name, "file");
}

#[test]
fn what_it_called_off_does_not_wait_for_anybody() {
    let mut bridge = ready();
    hear(&mut bridge, "tools/call", &json!({"name": "wipe"}));
    assert!(bridge.waits(&json!(1)));
    let called_off = tell(&mut bridge, "notifications/cancelled", &json!({"requestId": 1}));
    assert_eq!(called_off, [Act::Forget(json!(1))]);
    assert!(!bridge.waits(&json!(1)), "so nobody is asked about it, and nothing runs");
    assert!(bridge.done(&json!(1), Ok(json!({}))).is_none());
}

#[test]
fn it_is_looked_after() {
    assert_eq!(bridge().beat(), (Vec::new(), false), "not before it is ready");
    let mut bridge = ready();
    let call = json!({"name": "x", "_meta": {"progressToken": 5}});
    assert!(matches!(&hear(&mut bridge, "tools/call", &call)[..], [Act::Call { .. }]));
    let progress = |bridge: &mut Bridge| bridge.beat().0[0]["params"]["progress"].as_u64().unwrap();
    let (messages, silent) = bridge.beat();
    assert_eq!(
        (&messages[0]["method"], &messages[1]["method"], silent),
        (&json!("notifications/progress"), &json!("ping"), false)
    );
    assert_eq!(messages[0]["params"]["progressToken"], 5);
    assert!(progress(&mut bridge) < progress(&mut bridge), "progress grows");
    assert!(bridge.beat().1, "three times without an answer");
    let pong = json!({"jsonrpc": "2.0", "id": messages[1]["id"], "result": {}}).to_string();
    assert!(bridge.hear(&pong, 0.0).is_empty());
    assert!(!bridge.beat().1);

    // What it gave up is not answered, and makes room.
    assert_eq!(tell(&mut bridge, "notifications/cancelled", &json!({"requestId": 1})), [Act::Forget(json!(1))]);
    assert!(bridge.done(&json!(1), Ok(json!({}))).is_none());
    assert_eq!(bridge.beat().0.len(), 1, "no progress any more");
}

#[test]
fn it_says_goodbye_to_whom_it_spoke_with() {
    assert!(bridge().goodbye().is_none());
    let mut bridge = bridge();
    tell(&mut bridge, "ui/notifications/initialized", &json!({}));
    let goodbye = bridge.goodbye().unwrap();
    assert_eq!(goodbye["method"], "ui/resource-teardown");
    assert!(bridge.goodbye().is_none() && bridge.tell(&view(None)).is_empty());
    let answer = json!({"jsonrpc": "2.0", "id": goodbye["id"], "result": {}}).to_string();
    assert_eq!(bridge.hear(&answer, 0.0), [Act::Left]);
}
