//! Whatever the network does to the events, the state ends as the store's transcript.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::wire::{
    event::TextKind,
    message::{Author, Part, TurnEnd, TurnSnapshot, TurnState},
    tool::{Edited, ToolCall, ToolOutcome, ToolResult, ToolState},
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use uuid::Uuid;

const ME: u128 = 1;

fn id<T: From<Uuid>>(n: u128) -> T {
    T::from(Uuid::from_u128(n))
}

fn view() -> ConversationView {
    ConversationView {
        summary: ConversationSummary {
            id: id(9),
            title: String::new(),
            pinned: false,
            owned: true,
            members: 1,
            updated_at: Millis(0),
        },
        seq: Seq(0),
        head: None,
        messages: Page { items: Vec::new(), more: false },
        turns: Vec::new(),
        members: Vec::new(),
        model: None,
        words: false,
    }
}

fn open() -> ChatState {
    ChatState::open(id(ME), view(), Vec::new())
}

fn text(text: &str) -> Part {
    Part::Text { text: text.to_owned() }
}

fn message(n: u128, parent: Option<u128>, seq: i64, role: Role, status: Status, parts: Vec<Part>) -> Message {
    let person = role == Role::User;
    Message {
        id: id(n),
        conversation: id(9),
        parent: parent.map(id),
        position: Seq(seq),
        seq: Seq(seq),
        role,
        author: person.then(|| Author { id: id(ME), name: "ada".to_owned() }),
        parts,
        status,
        turn: (!person).then(|| id(n + 1000)),
        model: None,
        usage: None,
        fault: None,
        client_id: person.then(|| id(n + 5000)),
        created_at: Millis(0),
    }
}

/// A server that keeps a transcript and tells of it.
#[derive(Default)]
struct Server {
    seq: i64,
    stored: BTreeMap<MessageId, Message>,
    live: Vec<TurnSnapshot>,
    told: Vec<ChatEvent>,
    after_event: Vec<(BTreeMap<MessageId, Message>, Vec<TurnSnapshot>, i64)>,
}

impl Server {
    fn tell(&mut self, event: ChatEvent) {
        if let ChatEvent::Message { message } = &event {
            self.stored.insert(message.id, message.clone());
        }
        self.told.push(event);
        self.after_event.push((self.stored.clone(), self.live.clone(), self.seq));
    }

    fn turn(&mut self, n: u128, parent: Option<u128>, pieces: &[String]) -> u128 {
        self.seq += 1;
        self.tell(ChatEvent::Message {
            message: message(n, parent, self.seq, Role::User, Status::Complete, vec![text("q")]),
        });
        self.seq += 1;
        let (reply, turn) = (n + 1, id(n + 1001));
        let pending = message(reply, Some(n), self.seq, Role::Assistant, Status::Pending, Vec::new());
        let position = pending.position;
        self.tell(ChatEvent::Message { message: pending });
        let state = TurnState::Running;
        let snapshot = TurnSnapshot {
            turn,
            message: id(reply),
            conversation: id(9),
            state,
            parts: Vec::new(),
            open_calls: Vec::new(),
        };
        self.live.push(snapshot.clone());
        self.tell(ChatEvent::Turn { turn: snapshot });
        let mut whole = String::new();
        for piece in pieces {
            let offset = u32::try_from(whole.len()).unwrap();
            whole.push_str(piece);
            self.live.last_mut().unwrap().parts = vec![text(&whole)];
            self.tell(ChatEvent::Delta { turn, part: 0, offset, kind: TextKind::Text, text: piece.clone() });
        }
        self.seq += 1;
        self.live.clear();
        let mut done = message(reply, Some(n), self.seq, Role::Assistant, Status::Complete, vec![text(&whole)]);
        done.position = position;
        self.tell(ChatEvent::Message { message: done });
        self.tell(ChatEvent::TurnEnded { turn, end: TurnEnd::Complete });
        reply
    }
}

/// What `Hello { after }` brings once the first `heard` events have happened.
fn answer(server: &Server, heard: usize, after: Seq) -> Vec<ChatEvent> {
    let Some((stored, live, seq)) = heard.checked_sub(1).map(|at| &server.after_event[at]) else {
        return vec![ChatEvent::Ready { conversation: Some(id(9)), seq: Seq(0), head: None }];
    };
    let mut since: Vec<_> = stored.values().filter(|m| m.seq > after).cloned().collect();
    since.sort_by_key(|m| m.seq);
    let mut out: Vec<_> = since.into_iter().map(|message| ChatEvent::Message { message }).collect();
    out.extend(live.iter().cloned().map(|turn| ChatEvent::Turn { turn }));
    out.push(ChatEvent::Ready { conversation: Some(id(9)), seq: Seq(*seq), head: None });
    out
}

fn deliver(state: &mut ChatState, server: &Server, at: usize, event: &ChatEvent) {
    if let Some(ClientEvent::Hello { after, .. }) = state.apply(event).say {
        for event in answer(server, at + 1, after) {
            let again = state.apply(&event);
            assert!(again.say.is_none(), "an answer to Hello leaves no gap: {event:?}");
        }
    }
}

fn transcript(state: &ChatState) -> Vec<Message> {
    state.path().iter().map(|id| state.message(*id).unwrap().clone()).collect()
}

proptest! {
    #[test]
    fn drops_and_duplicates_converge(
        turns in prop::collection::vec(prop::collection::vec("[a-zäß→ ]{1,6}", 0..5), 1..4),
        fates in prop::collection::vec(0u8..4, 40),
    ) {
        let mut server = Server::default();
        let mut parent = None;
        for (n, pieces) in turns.iter().enumerate() {
            parent = Some(server.turn(10 + 10 * n as u128, parent, pieces));
        }
        let mut state = open();
        for (at, event) in server.told.iter().enumerate() {
            let fate = fates[at % fates.len()];
            if fate == 0 {
                continue;
            }
            deliver(&mut state, &server, at, event);
            if fate == 2 {
                deliver(&mut state, &server, at, event);
            }
            if fate == 3 && at > 0 {
                deliver(&mut state, &server, at, &server.told[at - 1]);
            }
        }
        let ClientEvent::Hello { after, .. } = state.hello() else { unreachable!() };
        for event in answer(&server, server.told.len(), after) {
            state.apply(&event);
        }
        let mut expected: Vec<_> = server.stored.values().cloned().collect();
        expected.sort_by_key(|m| m.position);
        prop_assert_eq!(transcript(&state), expected);
        prop_assert_eq!(state.seq(), Seq(server.seq));
        prop_assert!(state.live_turns().is_empty());
    }

    #[test]
    fn a_split_text_arrives_whole_however_it_overlaps(whole in "[a-zäß→😀]{1,40}", cuts in prop::collection::vec(0usize..40, 0..9)) {
        let mut server = Server::default();
        server.turn(10, None, &[]);
        let mut state = open();
        for event in &server.told[..3] {
            state.apply(event);
        }
        let bounds: Vec<usize> = whole.char_indices().map(|(at, _)| at).collect();
        let mut from = 0;
        for cut in cuts.iter().map(|cut| bounds[cut % bounds.len()]).chain([whole.len()]) {
            let begin = from.min(cut);
            let delta = ChatEvent::Delta {
                turn: id(1011), part: 0, offset: u32::try_from(begin).unwrap(), kind: TextKind::Text,
                text: whole[begin..cut].to_owned(),
            };
            prop_assert!(state.apply(&delta).say.is_none());
            from = from.max(cut);
        }
        prop_assert_eq!(state.message(id(11)).unwrap().text(), whole);
    }
}

#[test]
fn a_gap_in_text_asks_once() {
    let mut server = Server::default();
    server.turn(10, None, &[]);
    let mut state = open();
    for event in &server.told[..3] {
        state.apply(event);
    }
    let beyond = ChatEvent::Delta { turn: id(1011), part: 0, offset: 5, kind: TextKind::Text, text: "x".to_owned() };
    assert!(matches!(state.apply(&beyond).say, Some(ClientEvent::Hello { .. })));
    assert_eq!(state.apply(&beyond).say, None, "asked already");
    assert!(state.message(id(11)).unwrap().parts.is_empty());
}

#[test]
fn a_delta_touches_one_part_only() {
    let mut server = Server::default();
    server.turn(10, None, &["ab".to_owned()]);
    let mut state = open();
    for event in &server.told[..4] {
        state.apply(event);
    }
    let more = ChatEvent::Delta { turn: id(1011), part: 0, offset: 2, kind: TextKind::Text, text: "c".to_owned() };
    let fx = state.apply(&more);
    assert_eq!(fx, Effects { grown: Some((id(11), 0)), ..Effects::default() });
    assert_eq!(state.apply(&more), Effects::default(), "a duplicate changes nothing");
}

#[test]
fn own_message_is_pending_until_acknowledged_and_comes_back_when_refused() {
    let mut state = open();
    let reference =
        Reference { server: "s".to_owned(), uri: "a://b".to_owned(), name: "B".to_owned(), from: "S".to_owned() };
    let (first, fx) = state.write(id(5010), "q".to_owned(), Vec::new(), None);
    assert!(matches!(fx.say, Some(ClientEvent::Send { parent: None, .. })));
    let (second, _) = state.write(id(77), "again".to_owned(), vec![reference.clone()], None);
    let again = state.resend();
    assert!(matches!(&again[..], [_, ClientEvent::Send { references, .. }] if *references == [reference]));
    let fx = state
        .apply(&ChatEvent::Message { message: message(10, None, 1, Role::User, Status::Complete, vec![text("q")]) });
    assert!(fx.rows && state.path() == [id(10)] && state.pending() == [second.clone()]);
    assert_eq!(first.text, "q");
    let error = ApiError::TooMany { retry_after_s: 3 };
    let fx = state.apply(&ChatEvent::Refused { reply_to: Some(id(77)), error: error.clone() });
    assert_eq!(fx.refused, Some(Refusal { draft: Some(second), error }));
    assert!(state.pending().is_empty());
}

#[test]
fn messages_of_other_tabs_are_taken_up_once_in_the_order_they_were_written() {
    let pending = |n: u128| Pending {
        client_id: id(n),
        kind: PendingKind::Send { parent: None },
        text: format!("message {n}"),
        references: Vec::new(),
        model: None,
    };
    let mut state = open();
    state.apply(&ChatEvent::Message { message: message(10, None, 1, Role::User, Status::Complete, Vec::new()) });
    state.restore(vec![pending(2)]);
    let frames = state.restore(vec![pending(1), pending(2), pending(3), pending(5010)]);
    assert_eq!(frames, [pending(1).frame(id(9)), pending(3).frame(id(9))], "neither again nor what is stored");
    assert_eq!(state.pending(), [pending(1), pending(2), pending(3)]);
    assert_eq!(state.restore(vec![pending(3)]), []);
}

#[test]
fn a_reply_that_cannot_be_saved_shows_as_failed_until_it_is() {
    let mut state = open();
    let reply = |seq, status| message(2, None, seq, Role::Assistant, status, vec![text("precious")]);
    let hear = |state: &mut ChatState, message: Message| state.apply(&ChatEvent::Message { message });
    hear(&mut state, reply(1, Status::Pending));
    let fx = hear(&mut state, reply(1, Status::Failed));
    assert_eq!((fx.finished, fx.changed), (Some(id(2)), vec![id(2)]));
    hear(&mut state, reply(1, Status::Pending));
    assert_eq!(state.message(id(2)).unwrap().status, Status::Failed, "the store still has it as it was");
    hear(&mut state, reply(2, Status::Complete));
    assert_eq!(state.message(id(2)).unwrap().status, Status::Complete);
}

#[test]
fn branches_are_walked_and_remembered() {
    let mut state = open();
    for (n, parent, seq, role) in [
        (1, None, 1, Role::User),
        (2, Some(1), 2, Role::Assistant),
        (3, Some(2), 3, Role::User),
        (4, Some(3), 4, Role::Assistant),
    ] {
        state.apply(&ChatEvent::Message { message: message(n, parent, seq, role, Status::Complete, Vec::new()) });
    }
    state.expect_sibling(id(2));
    let other = message(5, Some(1), 5, Role::Assistant, Status::Pending, Vec::new());
    let fx = state.apply(&ChatEvent::Message { message: other });
    assert_eq!(state.path(), [id(1), id(5)], "a reply asked for is shown");
    assert_eq!(fx.changed, [id(2), id(5)], "both show their place");
    assert_eq!(state.branch(id(5)), (1, 2));
    assert!(state.walk(id(5), -1).rows);
    assert_eq!(state.path(), [id(1), id(2), id(3), id(4)]);
    let (pending, _) = state.write(id(6), "x".to_owned(), Vec::new(), None);
    assert_eq!(pending.kind, PendingKind::Send { parent: Some(id(4)) }, "an older branch is named");
    assert!(!state.walk(id(2), -1).rows);
}

#[test]
fn somebody_elses_branch_does_not_move_the_reader() {
    let mut state = open();
    for (n, parent, seq, role) in
        [(1, None, 1, Role::User), (2, Some(1), 2, Role::Assistant), (3, Some(2), 3, Role::User)]
    {
        state.apply(&ChatEvent::Message { message: message(n, parent, seq, role, Status::Complete, Vec::new()) });
    }
    let mut other = message(4, None, 4, Role::User, Status::Complete, Vec::new());
    other.author = Some(Author { id: id(2), name: "bob".to_owned() });
    let fx = state.apply(&ChatEvent::Message { message: other });
    assert_eq!(state.path(), [id(1), id(2), id(3)]);
    assert!(fx.changed.contains(&id(1)), "its walker appears");
}

#[test]
fn tools_open_progress_and_finish_once() {
    let mut server = Server::default();
    server.turn(10, None, &[]);
    let mut state = open();
    for event in &server.told[..3] {
        state.apply(event);
    }
    let call = ToolCall::new(crate::wire::id::CallId("c".to_owned()), "sum", serde_json::json!({}));
    let result = ToolResult { call: call.id.clone(), outcome: ToolOutcome::error("no"), duration_ms: 1 };
    let tool = |state| ChatEvent::Tool { turn: id(1011), part: 0, call: call.clone(), state };
    let asked = ToolState::Asked { until: Millis(9), question: None };
    state.apply(&tool(asked.clone()));
    assert_eq!(state.turn_of(id(11)).unwrap().1.call(&call.id), Some(&asked));
    for _ in 0..2 {
        state.apply(&tool(ToolState::Done { result: result.clone() }));
    }
    assert_eq!(state.message(id(11)).unwrap().parts, [Part::ToolCall(call.clone()), Part::ToolResult(result)]);
    assert_eq!(state.turn_of(id(11)).unwrap().1.call(&call.id), None);
}

#[test]
fn arguments_that_somebody_changed_are_shown_and_stay() {
    let mut server = Server::default();
    server.turn(10, None, &[]);
    let mut state = open();
    for event in &server.told[..3] {
        state.apply(event);
    }
    let call = ToolCall::new(crate::wire::id::CallId("c".to_owned()), "sum", serde_json::json!({}));
    let edited = Edited { arguments: serde_json::json!({"n": 1}), by: "ada".to_owned() };
    let changed = ToolCall { edited: Some(edited), ..call.clone() };
    let running = || ToolState::Running { progress: None, note: None };
    for (call, shown) in [(&call, &call), (&changed, &changed), (&call, &changed)] {
        state.apply(&ChatEvent::Tool { turn: id(1011), part: 0, call: call.clone(), state: running() });
        assert_eq!(state.message(id(11)).unwrap().parts, [Part::ToolCall(shown.clone())]);
    }
    let of = |call: &ToolCall| vec![Part::ToolCall(call.clone())];
    assert_eq!(live::further(of(&call), of(&changed)), of(&changed));
    assert_eq!(live::further(of(&changed), of(&call)), of(&changed));
}

#[test]
fn older_pages_lengthen_the_path_upwards() {
    let mut shown = view();
    shown.messages = Page { items: vec![message(3, Some(2), 3, Role::User, Status::Complete, Vec::new())], more: true };
    let mut state = ChatState::open(id(ME), shown, Vec::new());
    assert_eq!(state.path(), [id(3)]);
    let older = vec![
        message(1, None, 1, Role::User, Status::Complete, Vec::new()),
        message(2, Some(1), 2, Role::Assistant, Status::Complete, Vec::new()),
    ];
    assert!(state.prepend(Page { items: older, more: false }).rows);
    assert_eq!(state.path(), [id(1), id(2), id(3)]);
    assert!(!state.has_older());
}

#[test]
fn typing_lapses_and_ends_with_the_message() {
    let mut state = open();
    let typing = ChatEvent::Typing { conversation: id(9), user: id(2), name: "bob".to_owned(), until: Millis(100) };
    assert!(state.apply(&typing).typing);
    assert!(!state.expire_typing(Millis(99)));
    assert!(state.expire_typing(Millis(100)));
    state.apply(&typing);
    let mut spoken = message(1, None, 1, Role::User, Status::Complete, Vec::new());
    spoken.author = Some(Author { id: id(2), name: "bob".to_owned() });
    assert!(state.apply(&ChatEvent::Message { message: spoken }).typing);
    assert!(state.typing().is_empty());
}
