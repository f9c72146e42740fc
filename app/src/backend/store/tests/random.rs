//! Whatever is done in whatever order: the tree stays a tree, the clock has no gaps, one turn runs.

use super::*;
use crate::wire::{
    id::{Millis, Seq},
    message::Status,
};
use proptest::{
    prelude::{Strategy, prop},
    prop_oneof,
    strategy::Just,
    test_runner::{Config, TestRunner},
};
use std::collections::HashMap;

#[derive(Clone, Debug)]
enum Step {
    Send { who: bool, parent: Option<usize> },
    Again,
    Edit(bool, usize),
    Regenerate(usize),
    Continue(usize),
    End(usize, u8),
    Checkpoint(usize),
    Begin,
    Reap,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = || 0usize..64;
    let step = prop_oneof![
        4 => (prop::bool::ANY, prop::option::of(any())).prop_map(|(who, parent)| Step::Send { who, parent }),
        1 => Just(Step::Again),
        2 => (prop::bool::ANY, any()).prop_map(|(who, at)| Step::Edit(who, at)),
        2 => any().prop_map(Step::Regenerate),
        2 => any().prop_map(Step::Continue),
        5 => (any(), 0u8..4).prop_map(|(at, end)| Step::End(at, end)),
        2 => any().prop_map(Step::Checkpoint),
        3 => Just(Step::Begin),
        1 => Just(Step::Reap),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

/// Who is in the conversation, and the last message sent.
struct Room {
    people: [UserId; 2],
    c: ConversationId,
    last: Option<(UserId, NewTurnKind)>,
}

async fn take(t: &mut TestStore, room: &mut Room, step: Step) {
    let messages = t.page(room.people[0], room.c, None, 10_000).await.unwrap().items;
    let message = |at: usize| messages.get(at % messages.len().max(1)).map(|message| message.id);
    let live = t.live_turns(room.c).await.unwrap();
    let turn = |at: usize| live.get(at % live.len().max(1)).map(|turn| turn.id);
    let by = |who: bool| room.people[usize::from(who)];
    let allowed = |result: Result<Started, StoreError>| match result {
        Ok(_) | Err(StoreError::Conflict(_)) => {}
        Err(error) => panic!("{error}"),
    };
    match step {
        Step::Send { who, parent } => {
            let parent = parent.and_then(message);
            let kind = NewTurnKind::Send { conversation: room.c, parent, client_id: t.client_id(), parts: text("hi") };
            room.last = Some((by(who), kind.clone()));
            allowed(t.start(by(who), kind).await);
        }
        Step::Again => {
            if let Some((by, kind)) = room.last.clone() {
                allowed(t.start(by, kind).await);
            }
        }
        Step::Edit(who, at) => {
            if let Some(id) = message(at) {
                allowed(t.edit(by(who), id, "better").await);
            }
        }
        Step::Regenerate(at) => {
            if let Some(message) = message(at) {
                allowed(t.start(by(true), NewTurnKind::Regenerate { message }).await);
            }
        }
        Step::Continue(at) => {
            if let Some(message) = message(at) {
                allowed(t.start(by(false), NewTurnKind::Continue { message }).await);
            }
        }
        Step::End(at, end) => {
            let ends = [TurnEnd::Complete, TurnEnd::Stopped, TurnEnd::Failed, TurnEnd::Interrupted];
            if let Some(turn) = turn(at) {
                t.end(turn, ends[usize::from(end)], "so").await.unwrap();
            }
        }
        Step::Checkpoint(at) => {
            if let Some(turn) = turn(at) {
                match t.checkpoint(turn, &text("so f"), Usage::default()).await {
                    Ok(()) | Err(StoreError::NotFound) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
        Step::Begin => drop(t.begin_queued(room.c).await.unwrap()),
        Step::Reap => drop(t.reap_turns(Millis(i64::MAX)).await.unwrap()),
        Step::Reopen => t.reopen().await,
    }
}

/// What must hold after every step.
async fn check(t: &TestStore, room: &Room, changes: &mut Seq) {
    let messages = t.page(room.people[0], room.c, None, 10_000).await.unwrap().items;
    let row = t.conversation(room.people[1], room.c).await.unwrap();
    let by_id: HashMap<MessageId, &Message> = messages.iter().map(|message| (message.id, message)).collect();
    for message in &messages {
        assert!(message.position <= message.seq && message.seq <= row.seq);
        assert_eq!(message.client_id.is_some(), message.author.is_some());
        match message.parent {
            Some(parent) => assert!(by_id[&parent].position < message.position, "a parent comes first"),
            None => assert!(message.author.is_some() || message.turn.is_some()),
        }
    }
    // Every number of the clock is some message's position or its last change: none is skipped, none used twice.
    let mut numbers: Vec<i64> = messages.iter().flat_map(|m| [m.position.0, m.seq.0]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=row.seq.0).collect::<Vec<_>>());
    assert_eq!(row.head.is_some(), !messages.is_empty());
    assert!(row.head.is_none_or(|head| by_id.contains_key(&head)));

    let news = t.since(room.people[0], room.c, *changes, 10_000).await.unwrap().items;
    assert_eq!(news.last().map_or(*changes, |message| message.seq), row.seq);
    *changes = row.seq;

    let live = t.live_turns(room.c).await.unwrap();
    assert!(live.iter().filter(|turn| turn.running).count() <= 1);
    assert!(live.iter().skip(1).all(|turn| !turn.running), "what runs is the oldest");
    let pending: Vec<MessageId> =
        messages.iter().filter(|message| message.status == Status::Pending).map(|message| message.id).collect();
    assert_eq!(live.iter().map(|turn| turn.reply).collect::<Vec<_>>(), pending);
}

async fn play(t: &mut TestStore, steps: Vec<Step>) {
    let names = [t.clock.id::<UserId>(), t.clock.id::<UserId>()].map(|id| id.0.simple().to_string());
    let people = [t.person(&names[0]).await, t.person(&names[1]).await];
    let c = t.conversation_of(people[0]).await;
    let token = names[0].clone();
    t.create_invitation(people[0], c, &token, Millis(i64::MAX)).await.unwrap();
    t.join(people[1], &token).await.unwrap();
    let mut room = Room { people, c, last: None };
    let mut changes = Seq(0);
    for step in steps {
        take(t, &mut room, step).await;
        check(t, &room, &mut changes).await;
    }
    t.reap_turns(Millis(i64::MAX)).await.unwrap();
    for turn in t.live_turns(c).await.unwrap() {
        t.end(turn.id, TurnEnd::Stopped, "").await.unwrap();
    }
}

/// Runs `cases` random stories in one store; a failure shows the shortest story that fails.
fn stories(t: Option<TestStore>, runtime: &tokio::runtime::Runtime, cases: u32) {
    let Some(t) = t else { return };
    let t = std::cell::RefCell::new(t);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&steps(), |steps| {
        let mut t = t.borrow_mut();
        runtime.block_on(play(&mut t, steps));
        Ok(())
    });
    runtime.block_on(t.into_inner().discard());
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn any_story_on_sqlite() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    stories(Some(runtime.block_on(TestStore::sqlite())), &runtime, 48);
}

#[test]
fn any_story_on_postgres() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    stories(runtime.block_on(TestStore::postgres()), &runtime, 24);
}
