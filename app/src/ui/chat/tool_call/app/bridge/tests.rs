//! The whole talk, without a browser.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::wire::{
    app::Domains,
    id::{CallId, MessageId},
    tool::{STOPPED, ToolCall, ToolOutcome, ToolResult},
};

fn bridge() -> Bridge {
    let opened = OpenedApp {
        url: "/apps/x".to_owned(),
        server: "Charts".to_owned(),
        tool: json!({"name": "draw"}),
        clipboard: false,
        domains: Domains { connect: vec!["https://api.example".to_owned()], ..Domains::default() },
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
    let hello =
        json!({"protocolVersion": "2026-01-26", "appInfo": {"name": "x", "version": "1"}, "appCapabilities": {}});
    let greeting = answered(hear(&mut bridge, "ui/initialize", &hello));
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
    let told = bridge.tell(&running);
    assert_eq!(told, [notice("ui/notifications/tool-input", json!({"arguments": {"n": 7}}))]);
    assert!(bridge.tell(&running).is_empty());
    let result =
        json!({"content": [{"type": "text", "text": "drawn"}], "structuredContent": {"n": 7}, "isError": false});
    assert_eq!(bridge.tell(&ended), [notice("ui/notifications/tool-result", result)]);
    assert!(bridge.tell(&ended).is_empty());
    assert_eq!(bridge.changed(json!({"theme": "light"})).unwrap()["params"], json!({"theme": "light"}));
}

#[test]
fn a_call_that_was_cut_off_is_told_as_cancelled() {
    for state in [None, Some(done(ToolOutcome::error(STOPPED)))] {
        let mut bridge = bridge();
        tell(&mut bridge, "ui/notifications/initialized", &json!({}));
        let told = bridge.tell(&view(state));
        assert_eq!(told[1]["method"], "ui/notifications/tool-cancelled");
        assert!(told[1]["params"]["reason"].is_string());
    }
    let mut bridge = bridge();
    tell(&mut bridge, "ui/notifications/initialized", &json!({}));
    let told = bridge.tell(&view(Some(done(ToolOutcome::error("It broke.")))));
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
        ("ui/update-model-context", json!({}), UNKNOWN_METHOD),
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
    let huge = json!({"x": "y".repeat(APP_MESSAGE_MAX * UNREAD)});
    assert!(matches!(&hear(&mut bridge, "tools/call", &huge)[..], [Act::Log(_)]));
    let call = json!({"name": "x"});
    for _ in 0..APP_CALLS_MAX {
        assert!(matches!(&hear(&mut bridge, "tools/call", &call)[..], [Act::Call { .. }]));
    }
    assert!(
        answered(hear(&mut bridge, "tools/call", &call))["error"]["message"].as_str().unwrap().contains("under way")
    );
    assert_eq!(bridge.done(&json!("a"), Ok(json!({"content": []})))["result"], json!({"content": []}));
    assert!(matches!(&hear(&mut bridge, "resources/read", &json!({"uri": "x"}))[..], [Act::Read { .. }]));
    assert_eq!(bridge.done(&json!("b"), Err("No.".to_owned()))["error"], json!({"code": REFUSED, "message": "No."}));

    while !answered(hear(&mut bridge, "ping", &json!({})))["error"].is_object() {}
    assert!(tell(&mut bridge, "notifications/message", &json!({"data": "x"})).is_empty(), "and notices are left out");
    let later = bridge.hear(&request("ping", &json!({})), WINDOW + 1.0);
    assert_eq!(answered(later)["result"], json!({}));
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
