//! Identifiers: `UUIDv7` newtypes, so that one kind can never be passed for another and every key sorts by its birth.
//!
//! They travel and are stored as the hyphenated text of RFC 9562. Server-side ids are made by `backend::clock` alone;
//! a browser makes only [`ClientId`]s.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { text.parse().map(Self) }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id) }
        }
    )+};
}

id! {
    /// An account.
    UserId,
    /// A signed-in browser; revoking it closes its sockets.
    SessionId,
    /// A token that a person made for a program.
    TokenId,
    /// An MCP server that a person connected.
    ConnectionId,
    /// A conversation, which is also a room.
    ConversationId,
    /// One node of a conversation's tree.
    MessageId,
    /// One generation: it has its own life, apart from every socket.
    TurnId,
    /// An uploaded file.
    FileId,
    /// What a tool answered, kept.
    AttachmentId,
    /// A saved prompt.
    PromptId,
    /// Made by the sender's browser: keys the optimistic bubble and makes a resend harmless.
    ClientId,
}

/// A conversation's logical clock: grows by one with every durable change, without gaps. 0 is «nothing yet».
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub i64);

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// A tool call's id as the provider gave it (Anthropic `toolu_…`, OpenAI `call_…`); unique within its turn.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub String);

/// `provider/model`, as the catalogue names it: `offline/assistant`, `anthropic/claude-…`, `ollama/llama3.2`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ModelId(pub String);
