//! Messages: one row each, in a tree; each holds typed parts in the order they were made.
//!
//! A reply is one message for its whole turn: text, thinking, tool calls and their results follow one another in
//! `parts`, so a part's index never changes and `(turn, part, offset)` addresses every streamed byte.

use super::{
    id::{ClientId, ConversationId, FileId, MessageId, Millis, ModelId, Seq, TurnId, UserId},
    tool::{ToolCall, ToolResult},
};
use serde::{Deserialize, Serialize};

/// One node of a conversation's tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its own id.
    pub id: MessageId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// The message it answers or follows; `None` for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<MessageId>,
    /// The conversation's clock when it was made: its place in reading order, and the key of pages.
    pub position: Seq,
    /// The conversation's clock at its last durable change.
    pub seq: Seq,
    /// Who speaks.
    pub role: Role,
    /// The person who wrote it; `None` for the assistant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    /// What it holds, in order.
    pub parts: Vec<Part>,
    /// How far it got.
    pub status: Status,
    /// The turn that wrote it, for a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The model that wrote it, for a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelId>,
    /// What it cost, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Why it failed, in words for the reader, with [`Status::Failed`] or [`Status::Interrupted`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// The sender's key, for a person's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// When it was made.
    pub created_at: Millis,
}

impl Message {
    /// All its text parts, joined by blank lines: what is copied, searched and titled.
    pub fn text(&self) -> String {
        plain_text(&self.parts)
    }
}

/// What stands between two text parts where they are read as one text.
pub const BETWEEN_TEXTS: &str = "\n\n";

/// The text parts of `parts`, joined by blank lines; thinking and tools are left out.
pub fn plain_text(parts: &[Part]) -> String {
    let mut out = String::new();
    for part in parts {
        if let Part::Text { text } = part {
            if !out.is_empty() && !text.is_empty() {
                out.push_str(BETWEEN_TEXTS);
            }
            out.push_str(text);
        }
    }
    out
}

/// All that a search finds of `parts`: their text, and what their resources hold.
pub fn searched_text(parts: &[Part]) -> String {
    let mut out = plain_text(parts);
    for part in parts {
        if let Part::Resource(resource) = part {
            for text in [&resource.name, &resource.uri, &resource.text] {
                out.push_str(BETWEEN_TEXTS);
                out.push_str(text);
            }
        }
    }
    out
}

/// The writer of a person's message, as others see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The account.
    pub id: UserId,
    /// Its display name.
    pub name: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A person in the room.
    User,
    /// The bot.
    Assistant,
}

/// How far a message got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A reply that waits in the queue or is being written.
    Pending,
    /// Whole.
    Complete,
    /// Ended by a person; what it had is kept.
    Stopped,
    /// The server went away in the middle; what it had is kept and can be continued.
    Interrupted,
    /// The provider or the agent loop gave up; what it had is kept and can be tried again.
    Failed,
}

/// One typed piece of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Markdown.
    Text {
        /// The Markdown source.
        text: String,
    },
    /// The model's reasoning, where it shows it.
    Thinking {
        /// The reasoning.
        text: String,
        /// The provider's seal on it (Anthropic `signature`), to be sent back unchanged.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    /// The model asked for a tool.
    ToolCall(ToolCall),
    /// What the tool answered; follows its call.
    ToolResult(ToolResult),
    /// A file that was attached.
    File(FileRef),
    /// What a server's resource held when the message was sent.
    Resource(Resource),
}

/// A resource of a server's, as it was read for a message, or what an app of one told the model. Reference material:
/// nobody vouches for what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// What the server is called.
    pub server: String,
    /// Where it is there.
    pub uri: String,
    /// What it is called.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Whether it was longer and was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Whether an app told it (MCP Apps `ui/update-model-context`); then the address is the app's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub app: bool,
}

/// A reference to an uploaded file; its bytes are fetched by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// The file.
    pub id: FileId,
    /// The name its owner gave it, for display only.
    pub name: String,
    /// Its media type as sniffed by the server.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Tokens, as the provider counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Of `input`, those served from the provider's prompt cache.
    #[serde(default)]
    pub cached: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
        self.cached += other.cached;
    }
}

/// Why a turn ended badly: a kind the page can act on and a sentence for the reader, never the provider's raw body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// A sentence for the reader.
    pub message: String,
    /// Whether trying the same again can help.
    pub retry: bool,
}

/// The kinds of [`Fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The provider is overloaded (HTTP 503, 529).
    Overloaded,
    /// The provider limits our rate (HTTP 429).
    RateLimited,
    /// The conversation does not fit the model's window.
    TooLong,
    /// The model or provider refused to answer this.
    Refused,
    /// The stream ended in the middle.
    Cut,
    /// Key missing, wrong or without rights (HTTP 401, 403).
    Credentials,
    /// The provider did not accept the request (other HTTP 4xx).
    Rejected,
    /// The provider cannot be reached or answers nonsense.
    Unreachable,
    /// The agent loop reached its bound of rounds.
    TooManyRounds,
    /// The server was stopped in the middle.
    Interrupted,
    /// A fault of ours.
    Internal,
}

/// The state of a running or queued turn for a tab that joins late: everything streamed so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TurnSnapshot {
    /// The turn.
    pub turn: TurnId,
    /// The reply it writes.
    pub message: MessageId,
    /// The conversation it writes to.
    pub conversation: ConversationId,
    /// Waiting, writing or asking.
    pub state: TurnState,
    /// All parts so far.
    pub parts: Vec<Part>,
    /// Tool calls among `parts` that are not finished, with their state.
    #[serde(default)]
    pub open_calls: Vec<super::tool::OpenCall>,
}

/// Where a live turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Another turn of the conversation runs first.
    Queued,
    /// The model or a tool is at work.
    Running,
    /// A tool call waits for a person's decision.
    Asking,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    /// The reply is whole.
    Complete,
    /// A person stopped it.
    Stopped,
    /// The provider or loop gave up.
    Failed,
    /// The server went away.
    Interrupted,
}
