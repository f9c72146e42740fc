//! The chat socket's two vocabularies: [`ChatEvent`] server → tab, [`ClientEvent`] tab → server.
//!
//! Durable events carry the conversation's `seq`, streamed ones `(turn, part, offset)`: applying one twice changes
//! nothing, and a gap shows. A tab that sees a gap, or was away, says `Hello` with what it has.

use super::{
    conversation::ConversationSummary,
    error::ApiError,
    id::{CallId, ClientId, ConversationId, FileId, MessageId, Millis, ModelId, Seq, TurnId, UserId},
    message::{Message, TurnEnd, TurnSnapshot, TurnState},
    picker::Reference,
    room::Member,
    tool::{Approval, ToolCall, ToolState},
};
use serde::{Deserialize, Serialize};

/// What a tab hears.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatEvent {
    /// `Hello` is answered: everything up to `seq` has been sent.
    Ready {
        /// The conversation, if one was named.
        conversation: Option<ConversationId>,
        /// Its clock.
        seq: Seq,
        /// The newest leaf.
        head: Option<MessageId>,
    },
    /// A message was stored or changed for good.
    Message {
        /// The message; its `seq` is this event's.
        message: Message,
    },
    /// A turn was queued or started, or is told to a tab that joined late: all it has so far.
    Turn {
        /// The snapshot.
        turn: TurnSnapshot,
    },
    /// A live turn changed its state.
    TurnState {
        /// The turn.
        turn: TurnId,
        /// Its new state.
        state: TurnState,
    },
    /// Text for the end of a part.
    Delta {
        /// The turn.
        turn: TurnId,
        /// The part's index in the reply.
        part: u32,
        /// Bytes (UTF-8) of that part before this text.
        offset: u32,
        /// What the part is.
        kind: TextKind,
        /// The text.
        text: String,
    },
    /// A tool call at part `part` was asked for or changed its state. `Done` also adds its result as the next part.
    Tool {
        /// The turn.
        turn: TurnId,
        /// The index of the call among the reply's parts.
        part: u32,
        /// The call.
        call: ToolCall,
        /// Its state.
        state: ToolState,
    },
    /// A turn is over; its final text came as `Message`.
    TurnEnded {
        /// The turn.
        turn: TurnId,
        /// How.
        end: TurnEnd,
    },
    /// A conversation is new to the viewer or its row changed.
    Conversation {
        /// The row.
        summary: ConversationSummary,
    },
    /// A conversation was deleted, or the viewer is no longer in it.
    ConversationGone {
        /// Which.
        conversation: ConversationId,
    },
    /// Who is in the room, after somebody came, went, joined or left.
    Members {
        /// The room.
        conversation: ConversationId,
        /// Everybody.
        members: Vec<Member>,
    },
    /// What the viewer's apps in a conversation told the model for the next message changed.
    AppWords {
        /// The room.
        conversation: ConversationId,
    },
    /// Somebody is typing.
    Typing {
        /// The room.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
        /// Until when to show it, unless renewed.
        until: Millis,
    },
    /// Answer to `Ping`: a tab whose own `seq` is behind says `Hello` again.
    Pong {
        /// The open conversation's clock.
        seq: Seq,
    },
    /// A frame was not accepted; nothing of it was kept.
    Refused {
        /// The message it concerned, so that its draft can be given back.
        reply_to: Option<ClientId>,
        /// Why.
        error: ApiError,
    },
    /// The server closes this socket.
    Bye {
        /// Why.
        reason: ByeReason,
    },
}

/// What streamed text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextKind {
    /// The answer.
    Text,
    /// The model's reasoning.
    Thinking,
}

/// Why the server closes a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// The session was signed out or revoked: do not reconnect.
    SignedOut,
    /// The viewer was removed from the room or it was deleted: do not reconnect to it.
    Removed,
    /// The server restarts: reconnect.
    Draining,
    /// The tab fell too far behind or broke a limit: reconnect and say `Hello`.
    Behind,
}

/// What a tab says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientEvent {
    /// Always the first frame; again to change the conversation or to catch up.
    Hello {
        /// The conversation to follow; `None` on pages without one.
        conversation: Option<ConversationId>,
        /// What the tab already has.
        after: Seq,
    },
    /// A new message; answered by `Message` with the same `client_id`, or by `Refused`.
    Send {
        /// The sender's key: sending again with it changes nothing.
        client_id: ClientId,
        /// The conversation.
        conversation: ConversationId,
        /// The message to follow; `None` for the newest leaf.
        #[serde(default)]
        parent: Option<MessageId>,
        /// Markdown.
        text: String,
        /// Files to attach.
        #[serde(default)]
        files: Vec<FileId>,
        /// Resources to read and send with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        references: Vec<Reference>,
        /// The model to answer; `None` for the default.
        #[serde(default)]
        model: Option<ModelId>,
    },
    /// A new version of one's own message, as its sibling, and a new reply.
    Edit {
        /// The sender's key.
        client_id: ClientId,
        /// The message to make a sibling of.
        message: MessageId,
        /// Markdown.
        text: String,
        /// The model to answer.
        #[serde(default)]
        model: Option<ModelId>,
    },
    /// Another reply to the same message, as a sibling of the given reply.
    Regenerate {
        /// The reply to make a sibling of.
        message: MessageId,
        /// The model to answer.
        #[serde(default)]
        model: Option<ModelId>,
    },
    /// Go on with an interrupted or stopped reply: a new turn that keeps its text.
    Continue {
        /// The reply.
        message: MessageId,
    },
    /// End a turn, queued or running.
    Stop {
        /// The turn.
        turn: TurnId,
    },
    /// Answer a tool call's question.
    Decide {
        /// The turn.
        turn: TurnId,
        /// The call.
        call: CallId,
        /// The decision.
        approval: Approval,
        /// What to run it with instead, if the person changed the arguments.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        arguments: Option<serde_json::Value>,
    },
    /// The viewer is typing in the open conversation; sent at most every few seconds.
    Typing,
    /// Are you there?
    Ping,
}
