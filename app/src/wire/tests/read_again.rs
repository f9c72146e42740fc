//! Whatever is written can be read, and means the same.

use crate::wire::{
    conversation::ConversationSummary,
    error::ApiError,
    event::{ByeReason, ChatEvent, ClientEvent, TextKind},
    id::{CallId, Millis, ModelId, Seq},
    message::{
        Author, Fault, FaultKind, FileRef, Message, Part, Role, Status, TurnEnd, TurnSnapshot, TurnState, Usage,
    },
    room::Member,
    tool::{Approval, OpenCall, ToolCall, ToolOutcome, ToolResult, ToolState},
};
use proptest::{collection::vec, option, prelude::*, sample::select, strategy::Union};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::fmt::Debug;
use uuid::Uuid;

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(it: &T) {
    let json = serde_json::to_string(it).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), it, "{json}");
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
        let _ = serde_json::from_str::<ClientEvent>(&text);
        prop_assert!(serde_json::from_value::<ClientEvent>(value).is_err());
    }
}

#[test]
fn a_call_stored_before_calls_had_titles() {
    let read: ToolCall = serde_json::from_str(r#"{"id":"c","name":"sum","arguments":{}}"#).unwrap();
    assert_eq!(read, ToolCall::new(CallId("c".to_owned()), "sum", serde_json::json!({})));
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

fn call() -> impl Strategy<Value = ToolCall> {
    (call_id(), text(), text(), value()).prop_map(|(id, name, title, arguments)| ToolCall {
        id,
        name,
        title,
        arguments,
    })
}

fn result() -> impl Strategy<Value = ToolResult> {
    (call_id(), text(), option::of(value()), any::<(bool, bool)>(), any::<u64>()).prop_map(
        |(call, text, structured, (is_error, truncated), duration_ms)| ToolResult {
            call,
            outcome: ToolOutcome { text, structured, is_error, truncated },
            duration_ms,
        },
    )
}

fn tool_state() -> impl Strategy<Value = ToolState> {
    prop_oneof![
        time().prop_map(|until| ToolState::Asked { until }),
        (option::of(0.0_f32..=1.0), option::of(text()))
            .prop_map(|(progress, note)| ToolState::Running { progress, note }),
        result().prop_map(|result| ToolState::Done { result }),
    ]
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
        seq().prop_map(|seq| ChatEvent::Pong { seq }).boxed(),
        (option::of(id()), error()).prop_map(|(reply_to, error)| ChatEvent::Refused { reply_to, error }).boxed(),
        reason.prop_map(|reason| ChatEvent::Bye { reason }).boxed(),
    ])
}

fn said() -> impl Strategy<Value = ClientEvent> {
    let approval = select(vec![Approval::Once, Approval::Always, Approval::Deny]);
    Union::new([
        (option::of(id()), seq()).prop_map(|(conversation, after)| ClientEvent::Hello { conversation, after }).boxed(),
        (id(), id(), option::of(id()), text(), vec(id(), 0..3), model())
            .prop_map(|(client_id, conversation, parent, text, files, model)| ClientEvent::Send {
                client_id,
                conversation,
                parent,
                text,
                files,
                model,
            })
            .boxed(),
        (id(), id(), text(), model())
            .prop_map(|(client_id, message, text, model)| ClientEvent::Edit { client_id, message, text, model })
            .boxed(),
        (id(), model()).prop_map(|(message, model)| ClientEvent::Regenerate { message, model }).boxed(),
        id().prop_map(|message| ClientEvent::Continue { message }).boxed(),
        id().prop_map(|turn| ClientEvent::Stop { turn }).boxed(),
        (id(), call_id(), approval)
            .prop_map(|(turn, call, approval)| ClientEvent::Decide { turn, call, approval })
            .boxed(),
        select(vec![ClientEvent::Typing, ClientEvent::Ping]).boxed(),
    ])
}
