//! People in a conversation: members, presence, typing, invitations.

use super::id::{ConversationId, Millis, UserId};
use serde::{Deserialize, Serialize};

/// A person in a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The account.
    pub id: UserId,
    /// Its display name.
    pub name: String,
    /// Whether they own the room.
    pub owner: bool,
    /// Whether one of their tabs has the room open.
    #[serde(default)]
    pub present: bool,
}

/// A link that lets its bearer join; only its hash is stored, so it is shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The room.
    pub conversation: ConversationId,
    /// The secret part of the link `/join/{token}`.
    pub token: String,
    /// When it lapses.
    pub expires_at: Millis,
}

/// What an invitation says to whoever opens its link, before they join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The room's title; empty until its first reply names it.
    pub title: String,
    /// Who invites: the name of its owner, who alone can.
    pub by: String,
    /// How many people are in it.
    pub members: u32,
}
