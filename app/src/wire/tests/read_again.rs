//! Whatever is written can be read, by servers and by pages, and means the same.

use crate::wire::{
    app::ToolApp,
    attachment::{AttachmentRef, Piece},
    conversation::ConversationSummary,
    elicitation::{Choice, Field, FieldKind, ServerQuestion, TextFormat, Wants},
    error::ApiError,
    event::{ByeReason, ChatEvent, ClientEvent, TextKind},
    id::{CallId, Millis, ModelId, Seq},
    json,
    message::{
        Author, Fault, FaultKind, FileRef, Message, Part, Resource, Role, Status, TurnEnd, TurnSnapshot, TurnState,
        Usage,
    },
    picker::Reference,
    policy::{Question, Why},
    room::Member,
    tool::{
        Annotations, Approval, Attached, Edited, OpenCall, ToolCall, ToolOutcome, ToolResult, ToolServer, ToolState,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select, strategy::Union};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::fmt::Debug;
use uuid::Uuid;

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(it: &T) {
    let json = serde_json::to_string(it).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), it, "{json}");
    assert_eq!(json::read::<T>(&json).as_ref(), Ok(it), "{json}");
}

proptest! {
    #[test]
    fn a_message(it in message()) {
        same(&it);
    }

    #[test]
    fn what_a_tab_hears(it in heard()) {
        same(&it);
    }

    #[test]
    fn what_a_tab_says(it in said()) {
        same(&it);
    }

    #[test]
    fn anything_else_is_refused_and_not_more(text in any::<String>(), value in value()) {
        prop_assert_eq!(json::read::<ClientEvent>(&text).is_ok(), serde_json::from_str::<ClientEvent>(&text).is_ok());
        prop_assert!(json::read::<ClientEvent>(&value.to_string()).is_err());
        prop_assert!(serde_json::from_value::<ClientEvent>(value).is_err());
    }
}

#[test]
fn a_call_stored_before_calls_had_titles() {
    let read: ToolCall = serde_json::from_str(r#"{"id":"c","name":"sum","arguments":{}}"#).unwrap();
    assert_eq!(read, ToolCall::new(CallId("c".to_owned()), "sum", serde_json::json!({})));
}

#[test]
fn a_result_stored_before_results_had_pieces() {
    let read: ToolOutcome = serde_json::from_str(r#"{"text":"42","structured":{"sum":42}}"#).unwrap();
    assert_eq!(read, ToolOutcome::ok("42", serde_json::json!({"sum": 42})));
    assert!(!serde_json::to_string(&read).unwrap().contains("content"));
}

#[test]
fn a_page_reads_results_and_knows_what_it_does_not_read() {
    let answer = |text: &str| json::read::<Result<Option<(u64, bool)>, ApiError>>(text);
    assert_eq!(answer(r#"{"Ok":[7,true]}"#), Ok(Ok(Some((7, true)))));
    assert_eq!(answer(r#"{"Ok":null}"#), Ok(Ok(None)));
    assert_eq!(answer(r#"{"Err":"not_found"}"#), Ok(Err(ApiError::NotFound)));
    assert_eq!(answer(r#"{"Err":{"too_many":{"retry_after_s":3}}}"#), Ok(Err(ApiError::TooMany { retry_after_s: 3 })));
    assert_eq!(json::read::<()>("null"), Ok(()));
    for other in ["", "7", "{}", r#"{"Ok":[7]}"#, r#"{"Ok":[-7,true]}"#, r#"{"Err":"gone"}"#, r#"{"Ok":null,"Err":1}"#]
    {
        assert_eq!(answer(other), Err(json::Unreadable), "{other}");
    }
}

fn id<T: From<Uuid> + Debug>() -> impl Strategy<Value = T> {
    any::<u128>().prop_map(|bits| Uuid::from_u128(bits).into())
}

fn seq() -> impl Strategy<Value = Seq> {
    any::<i64>().prop_map(Seq)
}

fn time() -> impl Strategy<Value = Millis> {
    any::<i64>().prop_map(Millis)
}

fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

fn call_id() -> impl Strategy<Value = CallId> {
    text().prop_map(CallId)
}

fn model() -> impl Strategy<Value = Option<ModelId>> {
    option::of(text().prop_map(ModelId))
}

/// JSON without fractions, which need not survive a decimal notation bit by bit.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    vec((text(), value()), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

fn call() -> impl Strategy<Value = ToolCall> {
    let edited = option::of((value(), text()).prop_map(|(arguments, by)| Edited { arguments, by }));
    let app = option::of((text(), text()).prop_map(|(server, uri)| Box::new(ToolApp { server, uri })));
    (call_id(), text(), text(), text(), value(), edited, app).prop_map(
        |(id, name, title, server, arguments, edited, app)| ToolCall {
            id,
            name,
            title,
            server,
            arguments,
            edited,
            app,
        },
    )
}

fn file() -> impl Strategy<Value = AttachmentRef> {
    (id(), text(), any::<u64>(), option::of(any::<(u32, u32)>()))
        .prop_map(|(id, media_type, size, pixels)| AttachmentRef { id, media_type, size, pixels })
}

fn piece() -> impl Strategy<Value = Piece> {
    let link = (text(), text(), text(), option::of(text()), option::of(any::<u64>()));
    prop_oneof![
        file().prop_map(|file| Piece::File { file }),
        (text(), file(), text()).prop_map(|(uri, file, preview)| Piece::Resource { uri, file, preview }),
        link.prop_map(|(uri, name, description, media_type, size)| Piece::Link {
            uri,
            name,
            description,
            media_type,
            size
        }),
        file().prop_map(|file| Piece::Whole { file }),
        file().prop_map(|file| Piece::Structured { file }),
    ]
}

fn result() -> impl Strategy<Value = ToolResult> {
    let attached = (text(), text(), text()).prop_map(|(uri, media_type, text)| Attached { uri, media_type, text });
    let more = (option::of(attached.prop_map(Box::new)), vec(piece(), 0..3), option::of(file().prop_map(Box::new)));
    (call_id(), text(), option::of(value()), any::<(bool, bool)>(), any::<u64>(), more).prop_map(
        |(call, text, structured, (is_error, truncated), duration_ms, (attached, content, sent))| ToolResult {
            call,
            outcome: ToolOutcome { text, structured, is_error, truncated, attached, content, sent },
            duration_ms,
        },
    )
}

fn question() -> impl Strategy<Value = Question> {
    let why = vec![Why::Changes, Why::Claim, Why::Exposed, Why::Changed, Why::Wanted, Why::Floor];
    let server = (text(), text(), any::<bool>()).prop_map(|(id, name, trusted)| ToolServer { id, name, trusted });
    let claims = any::<(bool, bool, bool, bool)>().prop_map(|(read, destroys, again, reaches)| Annotations {
        read_only_hint: read,
        destructive_hint: destroys,
        idempotent_hint: again,
        open_world_hint: reaches,
    });
    (select(why), option::of(server), claims).prop_map(|(why, server, claims)| Question { why, server, claims })
}

fn server_question() -> impl Strategy<Value = ServerQuestion> {
    let number = || option::of(select(vec![0.0, -1.0, 2.5, 1e9]));
    let choices = || vec((text(), text()).prop_map(|(value, title)| Choice { value, title }), 0..3);
    let formats = vec![TextFormat::Email, TextFormat::Uri, TextFormat::Date, TextFormat::DateTime];
    let kind = prop_oneof![
        (option::of(select(formats)), any::<(u32, u32)>(), option::of(text()))
            .prop_map(|(format, (min, max), default)| FieldKind::Text { format, min, max, default }),
        (any::<bool>(), number(), number(), number()).prop_map(|(whole, min, max, default)| FieldKind::Number {
            whole,
            min,
            max,
            default
        }),
        any::<bool>().prop_map(|default| FieldKind::Switch { default }),
        (choices(), option::of(text())).prop_map(|(choices, default)| FieldKind::One { choices, default }),
        (choices(), any::<(u32, Option<u32>)>(), vec(text(), 0..3))
            .prop_map(|(choices, (min, max), default)| FieldKind::Many { choices, min, max, default }),
    ];
    let field = (text(), text(), text(), any::<bool>(), kind)
        .prop_map(|(name, title, description, required, kind)| Field { name, title, description, required, kind });
    let wants = prop_oneof![
        vec(field, 0..4).prop_map(|fields| Wants::Form { fields }),
        (text(), text()).prop_map(|(url, host)| Wants::Visit { url, host }),
    ];
    (any::<u32>(), text(), text(), wants).prop_map(|(number, server, message, wants)| ServerQuestion {
        number,
        server,
        message,
        wants,
    })
}

fn tool_state() -> impl Strategy<Value = ToolState> {
    prop_oneof![
        (time(), option::of(question())).prop_map(|(until, question)| ToolState::Asked { until, question }),
        (time(), server_question())
            .prop_map(|(until, question)| ToolState::Elicits { until, question: Box::new(question) }),
        (option::of(0.0_f32..=1.0), option::of(text()))
            .prop_map(|(progress, note)| ToolState::Running { progress, note }),
        result().prop_map(|result| ToolState::Done { result }),
    ]
}

fn reference() -> impl Strategy<Value = Reference> {
    (text(), text(), text(), text()).prop_map(|(server, uri, name, from)| Reference { server, uri, name, from })
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        text().prop_map(|text| Part::Text { text }),
        (text(), option::of(text())).prop_map(|(text, signature)| Part::Thinking { text, signature }),
        call().prop_map(Part::ToolCall),
        result().prop_map(Part::ToolResult),
        (id(), text(), text(), any::<u64>()).prop_map(|(id, name, media_type, size)| Part::File(FileRef {
            id,
            name,
            media_type,
            size
        })),
        (text(), text(), text(), text(), any::<(bool, bool)>()).prop_map(|(server, uri, name, text, (cut, app))| {
            Part::Resource(Resource { server, uri, name, text, cut, app })
        }),
    ]
}

fn usage() -> impl Strategy<Value = Usage> {
    any::<(u64, u64, u64)>().prop_map(|(input, output, cached)| Usage { input, output, cached })
}

fn fault() -> impl Strategy<Value = Fault> {
    let kinds = vec![
        FaultKind::Overloaded,
        FaultKind::RateLimited,
        FaultKind::TooLong,
        FaultKind::Refused,
        FaultKind::Cut,
        FaultKind::Credentials,
        FaultKind::Rejected,
        FaultKind::Unreachable,
        FaultKind::TooManyRounds,
        FaultKind::Interrupted,
        FaultKind::Internal,
    ];
    (select(kinds), text(), any::<bool>()).prop_map(|(kind, message, retry)| Fault { kind, message, retry })
}

fn message() -> impl Strategy<Value = Message> {
    let status = select(vec![Status::Pending, Status::Complete, Status::Stopped, Status::Interrupted, Status::Failed]);
    let author = (id(), text()).prop_map(|(id, name)| Author { id, name });
    let place = (id(), id(), option::of(id()), seq(), seq(), time());
    let body = (select(vec![Role::User, Role::Assistant]), option::of(author), vec(part(), 0..4), status);
    let made = (option::of(id()), model(), option::of(usage()), option::of(fault()), option::of(id()));
    (place, body, made).prop_map(|(place, body, made)| {
        let (id, conversation, parent, position, seq, created_at) = place;
        let (role, author, parts, status) = body;
        let (turn, model, usage, fault, client_id) = made;
        Message {
            id,
            conversation,
            parent,
            position,
            seq,
            role,
            author,
            parts,
            status,
            turn,
            model,
            usage,
            fault,
            client_id,
            created_at,
        }
    })
}

fn turn_state() -> impl Strategy<Value = TurnState> {
    select(vec![TurnState::Queued, TurnState::Running, TurnState::Asking])
}

fn snapshot() -> impl Strategy<Value = TurnSnapshot> {
    let open = (call_id(), tool_state()).prop_map(|(call, state)| OpenCall { call, state });
    (id(), id(), id(), turn_state(), vec(part(), 0..4), vec(open, 0..3)).prop_map(
        |(turn, message, conversation, state, parts, open_calls)| TurnSnapshot {
            turn,
            message,
            conversation,
            state,
            parts,
            open_calls,
        },
    )
}

fn error() -> impl Strategy<Value = ApiError> {
    prop_oneof![
        select(vec![ApiError::SignIn, ApiError::NotFound, ApiError::Unavailable, ApiError::Network]),
        text().prop_map(|reason| ApiError::Forbidden { reason }),
        (text(), text()).prop_map(|(field, reason)| ApiError::Invalid { field, reason }),
        any::<u64>().prop_map(|retry_after_s| ApiError::TooMany { retry_after_s }),
        text().prop_map(|reason| ApiError::Conflict { reason }),
        text().prop_map(|trace| ApiError::Internal { trace }),
    ]
}

fn summary() -> impl Strategy<Value = ConversationSummary> {
    (id(), text(), any::<(bool, bool, u32)>(), time()).prop_map(|(id, title, (pinned, owned, members), updated_at)| {
        ConversationSummary { id, title, pinned, owned, members, updated_at }
    })
}

fn member() -> impl Strategy<Value = Member> {
    (id(), text(), any::<(bool, bool)>()).prop_map(|(id, name, (owner, present))| Member { id, name, owner, present })
}

fn heard() -> impl Strategy<Value = ChatEvent> {
    let kind = select(vec![TextKind::Text, TextKind::Thinking]);
    let end = select(vec![TurnEnd::Complete, TurnEnd::Stopped, TurnEnd::Failed, TurnEnd::Interrupted]);
    let reason = select(vec![ByeReason::SignedOut, ByeReason::Removed, ByeReason::Draining, ByeReason::Behind]);
    Union::new([
        (option::of(id()), seq(), option::of(id()))
            .prop_map(|(conversation, seq, head)| ChatEvent::Ready { conversation, seq, head })
            .boxed(),
        message().prop_map(|message| ChatEvent::Message { message }).boxed(),
        snapshot().prop_map(|turn| ChatEvent::Turn { turn }).boxed(),
        (id(), turn_state()).prop_map(|(turn, state)| ChatEvent::TurnState { turn, state }).boxed(),
        (id(), any::<(u32, u32)>(), kind, text())
            .prop_map(|(turn, (part, offset), kind, text)| ChatEvent::Delta { turn, part, offset, kind, text })
            .boxed(),
        (id(), any::<u32>(), call(), tool_state())
            .prop_map(|(turn, part, call, state)| ChatEvent::Tool { turn, part, call, state })
            .boxed(),
        (id(), end).prop_map(|(turn, end)| ChatEvent::TurnEnded { turn, end }).boxed(),
        summary().prop_map(|summary| ChatEvent::Conversation { summary }).boxed(),
        id().prop_map(|conversation| ChatEvent::ConversationGone { conversation }).boxed(),
        (id(), vec(member(), 0..4))
            .prop_map(|(conversation, members)| ChatEvent::Members { conversation, members })
            .boxed(),
        (id(), id(), text(), time())
            .prop_map(|(conversation, user, name, until)| ChatEvent::Typing { conversation, user, name, until })
            .boxed(),
        id().prop_map(|conversation| ChatEvent::AppWords { conversation }).boxed(),
        seq().prop_map(|seq| ChatEvent::Pong { seq }).boxed(),
        (option::of(id()), error()).prop_map(|(reply_to, error)| ChatEvent::Refused { reply_to, error }).boxed(),
        reason.prop_map(|reason| ChatEvent::Bye { reason }).boxed(),
    ])
}

fn said() -> impl Strategy<Value = ClientEvent> {
    let approval = select(vec![
        Approval::Once,
        Approval::Conversation,
        Approval::Always,
        Approval::Deny,
        Approval::DenyConversation,
        Approval::DenyAlways,
    ]);
    Union::new([
        (option::of(id()), seq()).prop_map(|(conversation, after)| ClientEvent::Hello { conversation, after }).boxed(),
        (id(), id(), option::of(id()), text(), vec(id(), 0..3), vec(reference(), 0..3), model())
            .prop_map(|(client_id, conversation, parent, text, files, references, model)| ClientEvent::Send {
                client_id,
                conversation,
                parent,
                text,
                files,
                references,
                model,
            })
            .boxed(),
        (id(), id(), text(), model())
            .prop_map(|(client_id, message, text, model)| ClientEvent::Edit { client_id, message, text, model })
            .boxed(),
        (id(), model()).prop_map(|(message, model)| ClientEvent::Regenerate { message, model }).boxed(),
        id().prop_map(|message| ClientEvent::Continue { message }).boxed(),
        id().prop_map(|turn| ClientEvent::Stop { turn }).boxed(),
        (id(), call_id(), approval, option::of(object()))
            .prop_map(|(turn, call, approval, arguments)| ClientEvent::Decide { turn, call, approval, arguments })
            .boxed(),
        select(vec![ClientEvent::Typing, ClientEvent::Ping]).boxed(),
    ])
}
