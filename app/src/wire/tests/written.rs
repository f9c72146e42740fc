//! Every frame, part and error as it is written: the protocol's changelog.
//!
//! A line that changes breaks tabs that are open during an update, and rows that are stored; a line may be added.

use crate::wire::{
    attachment::{AttachmentRef, Piece},
    conversation::ConversationSummary,
    elicitation::{Choice, Field, FieldKind, ServerQuestion, TextFormat, Wants},
    error::ApiError,
    event::{ByeReason, ChatEvent, ClientEvent, TextKind},
    id::{CallId, Millis, ModelId, Seq},
    message::{
        Author, Fault, FaultKind, FileRef, Message, Part, Resource, Role, Status, TurnEnd, TurnSnapshot, TurnState,
        Usage,
    },
    picker::Reference,
    policy::{Question, Why},
    room::Member,
    tool::{Annotations, Approval, Edited, OpenCall, ToolCall, ToolOutcome, ToolResult, ToolServer, ToolState},
};
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// One line for each sample, and at least one sample for each variant: a new one does not compile until it is here.
macro_rules! lines {
    ($samples:expr, $of:ident: $($variant:ident)+) => {{
        let samples = $samples;
        let seen = samples.iter().map(|sample| match sample { $($of::$variant { .. } => stringify!($variant),)+ });
        assert_eq!(seen.collect::<BTreeSet<_>>(), BTreeSet::from([$(stringify!($variant)),+]));
        samples.iter().map(|sample| serde_json::to_string(sample).unwrap()).collect::<Vec<_>>().join("\n")
    }};
}

fn id<T: From<Uuid>>(n: u128) -> T {
    Uuid::from_u128(n).into()
}

fn call() -> ToolCall {
    ToolCall::new(CallId("call_1".to_owned()), "sum", json!({"numbers": [2, 40]}))
}

fn edited() -> ToolCall {
    let edited = Edited { arguments: json!({"numbers": [2]}), by: "Ada".to_owned() };
    ToolCall { edited: Some(edited), ..call() }
}

fn result() -> ToolResult {
    let outcome = ToolOutcome::ok("42", json!({"sum": 42}));
    ToolResult { call: CallId("call_1".to_owned()), outcome, duration_ms: 3 }
}

fn question_of_a_call() -> Question {
    let server = ToolServer { id: "s1".to_owned(), name: "Notes".to_owned(), trusted: false };
    Question { why: Why::Claim, server: Some(server), claims: Annotations::READ_ONLY }
}

fn question_of_a_server(wants: Wants) -> ServerQuestion {
    ServerQuestion { number: 0, server: "Notes".to_owned(), message: "Where to?".to_owned(), wants }
}

fn visit() -> Wants {
    Wants::Visit { url: "https://example.org/x".to_owned(), host: "example.org".to_owned() }
}

fn form() -> Wants {
    let choices = || vec![Choice { value: "a".to_owned(), title: "The first".to_owned() }];
    let field = |name: &str, description: &str, required, kind| Field {
        name: name.to_owned(),
        title: name.to_uppercase(),
        description: description.to_owned(),
        required,
        kind,
    };
    let email = Some(TextFormat::Email);
    Wants::Form {
        fields: vec![
            field("mail", "Yours", true, FieldKind::Text { format: email, min: 0, max: 10, default: None }),
            field("age", "", false, FieldKind::Number { whole: true, min: Some(0.0), max: None, default: Some(1.5) }),
            field("on", "", false, FieldKind::Switch { default: true }),
            field("one", "", false, FieldKind::One { choices: choices(), default: Some("a".to_owned()) }),
            field("many", "", false, FieldKind::Many { choices: choices(), min: 0, max: Some(1), default: vec![] }),
        ],
    }
}

fn parts() -> Vec<Part> {
    let failed = ToolOutcome::error("There is no such tool.");
    let whole = AttachmentRef { id: id(8), media_type: "application/json".to_owned(), size: 12, pixels: None };
    let sent = ToolOutcome { sent: Some(Box::new(whole)), ..ToolOutcome::ok("42", json!({"sum": 42})) };
    vec![
        Part::Text { text: "Hello, *world*".to_owned() },
        Part::Thinking { text: "Hm".to_owned(), signature: None },
        Part::Thinking { text: "Hm".to_owned(), signature: Some("seal".to_owned()) },
        Part::ToolCall(call()),
        Part::ToolCall(edited()),
        Part::ToolResult(result()),
        Part::ToolResult(ToolResult { call: CallId("call_2".to_owned()), outcome: failed, duration_ms: 0 }),
        Part::ToolResult(ToolResult { outcome: sent, ..result() }),
        Part::File(FileRef { id: id(9), name: "notes.txt".to_owned(), media_type: "text/plain".to_owned(), size: 12 }),
        Part::Resource(resource(false)),
        Part::Resource(resource(true)),
        Part::Resource(Resource { app: true, ..resource(false) }),
    ]
}

fn resource(cut: bool) -> Resource {
    let (server, uri) = ("Notes".to_owned(), "notes://1".to_owned());
    Resource { server, uri, name: "The first".to_owned(), text: "Hello".to_owned(), cut, app: false }
}

fn question() -> Message {
    Message {
        id: id(1),
        conversation: id(2),
        parent: None,
        position: Seq(1),
        seq: Seq(1),
        role: Role::User,
        author: Some(Author { id: id(3), name: "Ada".to_owned() }),
        parts: vec![Part::Text { text: "2+40?".to_owned() }],
        status: Status::Complete,
        turn: None,
        model: None,
        usage: None,
        fault: None,
        client_id: Some(id(4)),
        created_at: Millis(1_700_000_000_000),
    }
}

fn reply() -> Message {
    Message {
        id: id(5),
        parent: Some(id(1)),
        position: Seq(2),
        seq: Seq(3),
        role: Role::Assistant,
        author: None,
        parts: vec![Part::Text { text: "4".to_owned() }],
        status: Status::Failed,
        turn: Some(id(6)),
        model: Some(ModelId("offline/assistant".to_owned())),
        usage: Some(Usage { input: 10, output: 1, cached: 5 }),
        fault: Some(Fault { kind: FaultKind::Cut, message: "The reply broke off.".to_owned(), retry: true }),
        client_id: None,
        ..question()
    }
}

#[test]
fn parts_are_written_so() {
    insta::assert_snapshot!(lines!(parts(), Part: Text Thinking ToolCall ToolResult File Resource), @r#"
{"text":{"text":"Hello, *world*"}}
{"thinking":{"text":"Hm"}}
{"thinking":{"text":"Hm","signature":"seal"}}
{"tool_call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]}}}
{"tool_call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]},"edited":{"arguments":{"numbers":[2]},"by":"Ada"}}}
{"tool_result":{"call":"call_1","outcome":{"text":"42","structured":{"sum":42},"is_error":false,"truncated":false},"duration_ms":3}}
{"tool_result":{"call":"call_2","outcome":{"text":"There is no such tool.","is_error":true,"truncated":false},"duration_ms":0}}
{"tool_result":{"call":"call_1","outcome":{"text":"42","structured":{"sum":42},"is_error":false,"truncated":false,"sent":{"id":"00000000-0000-0000-0000-000000000008","media_type":"application/json","size":12}},"duration_ms":3}}
{"file":{"id":"00000000-0000-0000-0000-000000000009","name":"notes.txt","media_type":"text/plain","size":12}}
{"resource":{"server":"Notes","uri":"notes://1","name":"The first","text":"Hello"}}
{"resource":{"server":"Notes","uri":"notes://1","name":"The first","text":"Hello","cut":true}}
{"resource":{"server":"Notes","uri":"notes://1","name":"The first","text":"Hello","app":true}}
"#);
}

#[test]
fn pieces_of_results_are_written_so() {
    let file =
        |media_type: &str, pixels| AttachmentRef { id: id(8), media_type: media_type.to_owned(), size: 12, pixels };
    let text = || file("text/plain", None);
    let (uri, name) = ("test://a".to_owned(), "a".to_owned());
    let samples = [
        Piece::File { file: file("image/png", Some((16, 9))) },
        Piece::Resource { uri: uri.clone(), file: text(), preview: String::new() },
        Piece::Resource { uri: uri.clone(), file: text(), preview: "It begins".to_owned() },
        Piece::Link { uri: uri.clone(), name: name.clone(), description: String::new(), media_type: None, size: None },
        Piece::Link {
            uri,
            name,
            description: "An a".to_owned(),
            media_type: Some("text/csv".to_owned()),
            size: Some(7),
        },
        Piece::Whole { file: text() },
        Piece::Structured { file: file("application/json", None) },
    ];
    insta::assert_snapshot!(lines!(samples, Piece: File Resource Link Whole Structured), @r#"
{"file":{"file":{"id":"00000000-0000-0000-0000-000000000008","media_type":"image/png","size":12,"pixels":[16,9]}}}
{"resource":{"uri":"test://a","file":{"id":"00000000-0000-0000-0000-000000000008","media_type":"text/plain","size":12}}}
{"resource":{"uri":"test://a","file":{"id":"00000000-0000-0000-0000-000000000008","media_type":"text/plain","size":12},"preview":"It begins"}}
{"link":{"uri":"test://a","name":"a"}}
{"link":{"uri":"test://a","name":"a","description":"An a","media_type":"text/csv","size":7}}
{"whole":{"file":{"id":"00000000-0000-0000-0000-000000000008","media_type":"text/plain","size":12}}}
{"structured":{"file":{"id":"00000000-0000-0000-0000-000000000008","media_type":"application/json","size":12}}}
"#);
}

#[test]
fn errors_are_written_so() {
    let reason = || "A reason.".to_owned();
    let samples = [
        ApiError::SignIn,
        ApiError::Forbidden { reason: reason() },
        ApiError::NotFound,
        ApiError::invalid("name", reason()),
        ApiError::TooMany { retry_after_s: 30 },
        ApiError::Conflict { reason: reason() },
        ApiError::Unavailable,
        ApiError::Internal { trace: "abc".to_owned() },
        ApiError::Network,
    ];
    insta::assert_snapshot!(
        lines!(samples, ApiError: SignIn Forbidden NotFound Invalid TooMany Conflict Unavailable Internal Network),
        @r#"
"sign_in"
{"forbidden":{"reason":"A reason."}}
"not_found"
{"invalid":{"field":"name","reason":"A reason."}}
{"too_many":{"retry_after_s":30}}
{"conflict":{"reason":"A reason."}}
"unavailable"
{"internal":{"trace":"abc"}}
"network"
"#
    );
}

#[test]
fn what_a_tab_hears_is_written_so() {
    let turn = || id(6);
    let until = Millis(1_700_000_600_000);
    let tool = |state| ChatEvent::Tool { turn: turn(), part: 0, call: call(), state };
    let samples = [
        ChatEvent::Ready { conversation: None, seq: Seq(0), head: None },
        ChatEvent::Ready { conversation: Some(id(2)), seq: Seq(3), head: Some(id(5)) },
        ChatEvent::Message { message: question() },
        ChatEvent::Message { message: reply() },
        ChatEvent::Turn {
            turn: TurnSnapshot {
                turn: turn(),
                message: id(5),
                conversation: id(2),
                state: TurnState::Asking,
                parts: vec![Part::ToolCall(call())],
                open_calls: vec![OpenCall { call: call().id, state: ToolState::Asked { until, question: None } }],
            },
        },
        ChatEvent::TurnState { turn: turn(), state: TurnState::Queued },
        ChatEvent::TurnState { turn: turn(), state: TurnState::Running },
        ChatEvent::Delta { turn: turn(), part: 0, offset: 2, kind: TextKind::Text, text: "hi".to_owned() },
        ChatEvent::Delta { turn: turn(), part: 0, offset: 0, kind: TextKind::Thinking, text: "hm".to_owned() },
        tool(ToolState::Asked { until, question: None }),
        tool(ToolState::Asked { until, question: Some(question_of_a_call()) }),
        tool(ToolState::Elicits { until, question: Box::new(question_of_a_server(form())) }),
        tool(ToolState::Elicits { until, question: Box::new(question_of_a_server(visit())) }),
        tool(ToolState::Running { progress: None, note: None }),
        tool(ToolState::Running { progress: Some(0.5), note: Some("half".to_owned()) }),
        tool(ToolState::Done { result: result() }),
        ChatEvent::TurnEnded { turn: turn(), end: TurnEnd::Complete },
        ChatEvent::TurnEnded { turn: turn(), end: TurnEnd::Stopped },
        ChatEvent::TurnEnded { turn: turn(), end: TurnEnd::Failed },
        ChatEvent::TurnEnded { turn: turn(), end: TurnEnd::Interrupted },
        ChatEvent::Conversation {
            summary: ConversationSummary {
                id: id(2),
                title: "Sums".to_owned(),
                pinned: false,
                owned: true,
                members: 1,
                updated_at: Millis(1_700_000_000_000),
            },
        },
        ChatEvent::ConversationGone { conversation: id(2) },
        ChatEvent::Members {
            conversation: id(2),
            members: vec![Member { id: id(3), name: "Ada".to_owned(), owner: true, present: true }],
        },
        ChatEvent::Typing { conversation: id(2), user: id(3), name: "Ada".to_owned(), until },
        ChatEvent::AppWords { conversation: id(2) },
        ChatEvent::Pong { seq: Seq(3) },
        ChatEvent::Refused { reply_to: None, error: ApiError::NotFound },
        ChatEvent::Refused { reply_to: Some(id(4)), error: ApiError::TooMany { retry_after_s: 1 } },
        ChatEvent::Bye { reason: ByeReason::SignedOut },
        ChatEvent::Bye { reason: ByeReason::Removed },
        ChatEvent::Bye { reason: ByeReason::Draining },
        ChatEvent::Bye { reason: ByeReason::Behind },
    ];
    insta::assert_snapshot!(
        lines!(
            samples,
            ChatEvent: Ready Message Turn TurnState Delta Tool TurnEnded Conversation ConversationGone Members Typing
                AppWords Pong Refused Bye
        ),
        @r#"
{"ready":{"conversation":null,"seq":0,"head":null}}
{"ready":{"conversation":"00000000-0000-0000-0000-000000000002","seq":3,"head":"00000000-0000-0000-0000-000000000005"}}
{"message":{"message":{"id":"00000000-0000-0000-0000-000000000001","conversation":"00000000-0000-0000-0000-000000000002","position":1,"seq":1,"role":"user","author":{"id":"00000000-0000-0000-0000-000000000003","name":"Ada"},"parts":[{"text":{"text":"2+40?"}}],"status":"complete","client_id":"00000000-0000-0000-0000-000000000004","created_at":1700000000000}}}
{"message":{"message":{"id":"00000000-0000-0000-0000-000000000005","conversation":"00000000-0000-0000-0000-000000000002","parent":"00000000-0000-0000-0000-000000000001","position":2,"seq":3,"role":"assistant","parts":[{"text":{"text":"4"}}],"status":"failed","turn":"00000000-0000-0000-0000-000000000006","model":"offline/assistant","usage":{"input":10,"output":1,"cached":5},"fault":{"kind":"cut","message":"The reply broke off.","retry":true},"created_at":1700000000000}}}
{"turn":{"turn":{"turn":"00000000-0000-0000-0000-000000000006","message":"00000000-0000-0000-0000-000000000005","conversation":"00000000-0000-0000-0000-000000000002","state":"asking","parts":[{"tool_call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]}}}],"open_calls":[{"call":"call_1","state":{"asked":{"until":1700000600000}}}]}}}
{"turn_state":{"turn":"00000000-0000-0000-0000-000000000006","state":"queued"}}
{"turn_state":{"turn":"00000000-0000-0000-0000-000000000006","state":"running"}}
{"delta":{"turn":"00000000-0000-0000-0000-000000000006","part":0,"offset":2,"kind":"text","text":"hi"}}
{"delta":{"turn":"00000000-0000-0000-0000-000000000006","part":0,"offset":0,"kind":"thinking","text":"hm"}}
{"tool":{"turn":"00000000-0000-0000-0000-000000000006","part":0,"call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]}},"state":{"asked":{"until":1700000600000}}}}
{"tool":{"turn":"00000000-0000-0000-0000-000000000006","part":0,"call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]}},"state":{"asked":{"until":1700000600000,"question":{"why":"claim","server":{"id":"s1","name":"Notes","trusted":false},"claims":{"readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}}}}}}
{"tool":{"turn":"00000000-0000-0000-0000-000000000006","part":0,"call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]}},"state":{"elicits":{"until":1700000600000,"question":{"number":0,"server":"Notes","message":"Where to?","wants":{"form":{"fields":[{"name":"mail","title":"MAIL","description":"Yours","required":true,"kind":{"text":{"format":"email","min":0,"max":10}}},{"name":"age","title":"AGE","required":false,"kind":{"number":{"whole":true,"min":0.0,"default":1.5}}},{"name":"on","title":"ON","required":false,"kind":{"switch":{"default":true}}},{"name":"one","title":"ONE","required":false,"kind":{"one":{"choices":[{"value":"a","title":"The first"}],"default":"a"}}},{"name":"many","title":"MANY","required":false,"kind":{"many":{"choices":[{"value":"a","title":"The first"}],"min":0,"max":1}}}]}}}}}}}
{"tool":{"turn":"00000000-0000-0000-0000-000000000006","part":0,"call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]}},"state":{"elicits":{"until":1700000600000,"question":{"number":0,"server":"Notes","message":"Where to?","wants":{"visit":{"url":"https://example.org/x","host":"example.org"}}}}}}}
{"tool":{"turn":"00000000-0000-0000-0000-000000000006","part":0,"call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]}},"state":{"running":{}}}}
{"tool":{"turn":"00000000-0000-0000-0000-000000000006","part":0,"call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]}},"state":{"running":{"progress":0.5,"note":"half"}}}}
{"tool":{"turn":"00000000-0000-0000-0000-000000000006","part":0,"call":{"id":"call_1","name":"sum","arguments":{"numbers":[2,40]}},"state":{"done":{"result":{"call":"call_1","outcome":{"text":"42","structured":{"sum":42},"is_error":false,"truncated":false},"duration_ms":3}}}}}
{"turn_ended":{"turn":"00000000-0000-0000-0000-000000000006","end":"complete"}}
{"turn_ended":{"turn":"00000000-0000-0000-0000-000000000006","end":"stopped"}}
{"turn_ended":{"turn":"00000000-0000-0000-0000-000000000006","end":"failed"}}
{"turn_ended":{"turn":"00000000-0000-0000-0000-000000000006","end":"interrupted"}}
{"conversation":{"summary":{"id":"00000000-0000-0000-0000-000000000002","title":"Sums","pinned":false,"owned":true,"members":1,"updated_at":1700000000000}}}
{"conversation_gone":{"conversation":"00000000-0000-0000-0000-000000000002"}}
{"members":{"conversation":"00000000-0000-0000-0000-000000000002","members":[{"id":"00000000-0000-0000-0000-000000000003","name":"Ada","owner":true,"present":true}]}}
{"typing":{"conversation":"00000000-0000-0000-0000-000000000002","user":"00000000-0000-0000-0000-000000000003","name":"Ada","until":1700000600000}}
{"app_words":{"conversation":"00000000-0000-0000-0000-000000000002"}}
{"pong":{"seq":3}}
{"refused":{"reply_to":null,"error":"not_found"}}
{"refused":{"reply_to":"00000000-0000-0000-0000-000000000004","error":{"too_many":{"retry_after_s":1}}}}
{"bye":{"reason":"signed_out"}}
{"bye":{"reason":"removed"}}
{"bye":{"reason":"draining"}}
{"bye":{"reason":"behind"}}
"#
    );
}

#[test]
fn what_a_tab_says_is_written_so() {
    let decide = |approval| ClientEvent::Decide { turn: id(6), call: call().id, approval, arguments: None };
    let model = || Some(ModelId("offline/assistant".to_owned()));
    let samples = [
        ClientEvent::Hello { conversation: None, after: Seq(0) },
        ClientEvent::Hello { conversation: Some(id(2)), after: Seq(3) },
        ClientEvent::Send {
            client_id: id(4),
            conversation: id(2),
            parent: Some(id(5)),
            text: "2+40?".to_owned(),
            files: vec![id(9)],
            references: Vec::new(),
            model: model(),
        },
        ClientEvent::Send {
            client_id: id(4),
            conversation: id(2),
            parent: None,
            text: "And this?".to_owned(),
            files: Vec::new(),
            references: vec![Reference {
                server: "operator:notes".to_owned(),
                uri: "notes://1".to_owned(),
                name: "The first".to_owned(),
                from: "Notes".to_owned(),
            }],
            model: None,
        },
        ClientEvent::Edit { client_id: id(4), message: id(1), text: "2+41?".to_owned(), model: None },
        ClientEvent::Regenerate { message: id(5), model: model() },
        ClientEvent::Continue { message: id(5) },
        ClientEvent::Stop { turn: id(6) },
        decide(Approval::Once),
        decide(Approval::Always),
        decide(Approval::Deny),
        decide(Approval::Conversation),
        decide(Approval::DenyConversation),
        decide(Approval::DenyAlways),
        ClientEvent::Decide {
            turn: id(6),
            call: call().id,
            approval: Approval::Once,
            arguments: Some(json!({"numbers": [2]})),
        },
        ClientEvent::Typing,
        ClientEvent::Ping,
    ];
    insta::assert_snapshot!(
        lines!(samples, ClientEvent: Hello Send Edit Regenerate Continue Stop Decide Typing Ping),
        @r#"
{"hello":{"conversation":null,"after":0}}
{"hello":{"conversation":"00000000-0000-0000-0000-000000000002","after":3}}
{"send":{"client_id":"00000000-0000-0000-0000-000000000004","conversation":"00000000-0000-0000-0000-000000000002","parent":"00000000-0000-0000-0000-000000000005","text":"2+40?","files":["00000000-0000-0000-0000-000000000009"],"model":"offline/assistant"}}
{"send":{"client_id":"00000000-0000-0000-0000-000000000004","conversation":"00000000-0000-0000-0000-000000000002","parent":null,"text":"And this?","files":[],"references":[{"server":"operator:notes","uri":"notes://1","name":"The first","from":"Notes"}],"model":null}}
{"edit":{"client_id":"00000000-0000-0000-0000-000000000004","message":"00000000-0000-0000-0000-000000000001","text":"2+41?","model":null}}
{"regenerate":{"message":"00000000-0000-0000-0000-000000000005","model":"offline/assistant"}}
{"continue":{"message":"00000000-0000-0000-0000-000000000005"}}
{"stop":{"turn":"00000000-0000-0000-0000-000000000006"}}
{"decide":{"turn":"00000000-0000-0000-0000-000000000006","call":"call_1","approval":"once"}}
{"decide":{"turn":"00000000-0000-0000-0000-000000000006","call":"call_1","approval":"always"}}
{"decide":{"turn":"00000000-0000-0000-0000-000000000006","call":"call_1","approval":"deny"}}
{"decide":{"turn":"00000000-0000-0000-0000-000000000006","call":"call_1","approval":"conversation"}}
{"decide":{"turn":"00000000-0000-0000-0000-000000000006","call":"call_1","approval":"deny_conversation"}}
{"decide":{"turn":"00000000-0000-0000-0000-000000000006","call":"call_1","approval":"deny_always"}}
{"decide":{"turn":"00000000-0000-0000-0000-000000000006","call":"call_1","approval":"once","arguments":{"numbers":[2]}}}
"typing"
"ping"
"#
    );
}

/// What an older tab leaves out means what it always meant.
#[test]
fn a_send_of_few_words_is_read() {
    let frame = json!({"send": {"client_id": Uuid::from_u128(4), "conversation": Uuid::from_u128(2), "text": "hi"}});
    let read: ClientEvent = serde_json::from_value(frame).unwrap();
    let whole = ClientEvent::Send {
        client_id: id(4),
        conversation: id(2),
        parent: None,
        text: "hi".to_owned(),
        files: Vec::new(),
        references: Vec::new(),
        model: None,
    };
    assert_eq!(read, whole);
}
