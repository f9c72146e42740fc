//! A message of which a test says only what matters to it.

use crate::wire::{
    id::{MessageId, Millis, Seq},
    message::{Message, Part, Role, Status},
};
use uuid::Uuid;

/// A whole message of nobody's, the first of its conversation.
pub fn message(id: MessageId, role: Role, parts: Vec<Part>) -> Message {
    Message {
        id,
        conversation: Uuid::from_u128(1).into(),
        parent: None,
        position: Seq(1),
        seq: Seq(1),
        role,
        author: None,
        parts,
        status: Status::Complete,
        turn: None,
        model: None,
        usage: None,
        fault: None,
        client_id: None,
        created_at: Millis(0),
    }
}
