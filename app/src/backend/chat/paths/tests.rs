//! What is kept is what reading would give, or nothing.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    backend::test,
    wire::message::{Part, Role},
};
use uuid::Uuid;

fn id(n: u128) -> MessageId {
    MessageId(Uuid::from_u128(n))
}

/// Message `n` of a conversation, under the one before it.
fn message(conversation: u128, n: u128) -> Message {
    let role = if n.is_multiple_of(2) { Role::Assistant } else { Role::User };
    Message {
        conversation: ConversationId(Uuid::from_u128(conversation)),
        parent: (n > 1).then(|| id(n - 1)),
        ..test::message(id(n), role, vec![Part::Text { text: format!("message {n}") }])
    }
}

fn path(messages: std::ops::RangeInclusive<u128>, limit: u32) -> Path {
    Path::read(messages.map(|n| message(1, n)).collect(), limit)
}

fn ids(path: &Path) -> Vec<MessageId> {
    path.messages.iter().map(|message| message.id).collect()
}

#[test]
fn the_next_message_goes_on_with_what_is_kept_once() {
    let paths = Paths::default();
    paths.keep(message(1, 1).conversation, path(1..=2, 8));
    assert_eq!(ids(&paths.with(&message(1, 3)).unwrap()), [id(1), id(2), id(3)]);
    assert!(paths.with(&message(1, 3)).is_none(), "it was taken");
}

#[test]
fn another_branch_or_conversation_is_read() {
    let paths = Paths::default();
    paths.keep(message(1, 1).conversation, path(1..=4, 8));
    assert!(paths.with(&message(2, 5)).is_none(), "another conversation");
    assert!(paths.with(&message(1, 3)).is_none(), "it follows message 2, and message 4 is kept");
}

#[test]
fn a_first_message_is_the_whole_branch() {
    let first = Paths::default().with(&message(1, 1)).unwrap();
    assert_eq!(ids(&first.newest(200).unwrap()), [id(1)], "however many are wanted");
}

#[test]
fn no_more_is_given_than_is_wanted_and_no_less_than_there_is() {
    assert_eq!(ids(&path(1..=6, 8).newest(4).unwrap()), [id(3), id(4), id(5), id(6)]);
    assert_eq!(ids(&path(1..=6, 8).newest(20).unwrap()).len(), 6, "it begins with the first message");
    assert!(path(3..=6, 4).newest(5).is_none(), "there is one before it");
    assert_eq!(ids(&path(3..=6, 4).newest(4).unwrap()).len(), 4);
}

#[test]
fn bytes_are_those_of_the_messages_it_has() {
    let grown = path(1..=5, 8).and(message(1, 6)).newest(2).unwrap();
    assert_eq!(
        grown.bytes,
        path(1..=5, 8).bytes + json_bytes(&message(1, 6)) - (1..=4).map(|n| json_bytes(&message(1, n))).sum::<usize>()
    );
}

#[test]
fn neither_number_nor_size_grows_without_end() {
    let paths = Paths::default();
    let kept = |paths: &Paths| lock(&paths.0).paths.len();
    for n in 0..u128::try_from(KEPT).unwrap() + 10 {
        paths.keep(ConversationId(Uuid::from_u128(n)), path(1..=2, 8));
    }
    assert_eq!(kept(&paths), KEPT);
    assert!(paths.with(&message(0, 3)).is_none(), "the first ones went first");
    let mut large = message(1, 2);
    large.parts = vec![Part::Text { text: "x".repeat(BYTES) }];
    let paths = Paths::default();
    paths.keep(large.conversation, Path::read(vec![message(1, 1), large], 8));
    assert_eq!(kept(&paths), 0, "too large");
}
