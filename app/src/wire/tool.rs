//! Tools as the page and the model see them; the names follow the Model Context Protocol (`Tool`, `ToolAnnotations`).

use super::{
    app::ToolApp,
    attachment::{AttachmentRef, Piece},
    elicitation::ServerQuestion,
    id::{CallId, Millis},
    policy::{Policy, Question, Rule},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tool's advertisement (MCP `Tool`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolSpec {
    /// Unique in the registry: `^[A-Za-z0-9_.-]{1,64}$`.
    pub name: String,
    /// For people.
    pub title: String,
    /// For the model: what it does, when to use it, what it returns.
    pub description: String,
    /// JSON Schema 2020-12 of the arguments, of type object.
    pub input_schema: Value,
    /// JSON Schema 2020-12 of the structured result.
    pub output_schema: Value,
    /// Honest hints on what it touches.
    pub annotations: Annotations,
    /// The connected server whose tool it is; `None`: one of Parley's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ToolServer>,
    /// Its app and who may call it (MCP Apps, `_meta.ui`), as far as Parley reads that; `None`: it says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui: Option<Value>,
}

/// A connected MCP server, as its tools name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolServer {
    /// Its id, stable while it is connected.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Whether the operator vouches for what it says of its tools (MCP: annotations of others are claims).
    pub trusted: bool,
}

/// MCP `ToolAnnotations`: hints on what a call touches. Their absence means the worst (MCP's own defaults).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the protocol's own four hints")]
pub struct Annotations {
    /// It changes nothing.
    pub read_only_hint: bool,
    /// It may destroy or overwrite.
    pub destructive_hint: bool,
    /// Calling it again with the same arguments changes nothing more.
    pub idempotent_hint: bool,
    /// It reaches beyond this server.
    pub open_world_hint: bool,
}

impl Annotations {
    /// Reads this server's own state only.
    pub const READ_ONLY: Self =
        Self { read_only_hint: true, destructive_hint: false, idempotent_hint: true, open_world_hint: false };
}

/// A model's request to run a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The provider's id of the call.
    pub id: CallId,
    /// The tool's name.
    pub name: String,
    /// What the tool was called for people when it was called; empty if there was no such tool.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What the connected server was called whose tool it was; empty: none, or the call is older than this.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// The arguments as the model wrote them: an object, or whatever it sent instead.
    pub arguments: Value,
    /// What a person made of them before it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Edited>,
    /// What shows its result, once it was permitted to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<Box<ToolApp>>,
}

/// Arguments that a person changed before they let the call run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edited {
    /// What ran.
    pub arguments: Value,
    /// Who changed them.
    pub by: String,
}

impl ToolCall {
    /// A call as a model makes it: it knows no titles.
    pub fn new(id: CallId, name: impl Into<String>, arguments: Value) -> Self {
        let (title, server) = (String::new(), String::new());
        Self { id, name: name.into(), title, server, arguments, edited: None, app: None }
    }

    /// The arguments that run, or ran.
    pub fn effective(&self) -> &Value {
        self.edited.as_ref().map_or(&self.arguments, |edited| &edited.arguments)
    }
}

/// What came of a call; goes back to the model and into the transcript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    /// The call it answers.
    pub call: CallId,
    /// What the tool said.
    pub outcome: ToolOutcome,
    /// How long it ran, in milliseconds; waiting for a decision does not count.
    pub duration_ms: u64,
}

/// A tool's answer. A failure is an answer too: the model reads it and goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolOutcome {
    /// Plain text for the model and the reader.
    pub text: String,
    /// The structured result, of the tool's output schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured: Option<Value>,
    /// Whether `text` tells of a failure (MCP `isError`).
    #[serde(default)]
    pub is_error: bool,
    /// Whether `text` was cut at the result cap.
    #[serde(default)]
    pub truncated: bool,
    /// A document that comes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<Box<Attached>>,
    /// What it answered besides, in order; `text` names each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content: Vec<Piece>,
    /// The whole result as its server sent it (MCP `CallToolResult`), for the app that shows it; kept where the rest
    /// does not say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Box<AttachmentRef>>,
}

/// A document of text that a tool hands over beside its answer (MCP `EmbeddedResource`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Its address.
    pub uri: String,
    /// Its media type.
    pub media_type: String,
    /// What it says.
    pub text: String,
}

/// What is said of a call whose turn was stopped.
pub const STOPPED: &str = "It was stopped before it finished.";
/// The same of one whose turn ended otherwise.
pub const ENDED: &str = "The reply ended before it finished.";
/// The same of one that the server's end cut off.
pub const RESTARTED: &str = "The server was restarted before it finished.";
/// The same of one whose end nobody saw: told when its reply is continued.
pub const INTERRUPTED: &str = "It was interrupted before it finished.";
/// How it is said of a call that was asked about and did not get leave, and what the model is to do then; after why.
pub const NOT_RUN: &str = "It was not run. Go on without it, or say what you would need.";

impl ToolOutcome {
    /// Whether it was asked about, and did not run because it got no leave.
    pub fn is_denied(&self) -> bool {
        self.is_error && self.text.ends_with(NOT_RUN)
    }

    /// Whether the call was cut off: nobody knows what came of it.
    pub fn is_cut_off(&self) -> bool {
        self.is_error && [STOPPED, ENDED, RESTARTED, INTERRUPTED].contains(&self.text.as_str())
    }

    /// A success with text and structured content.
    pub fn ok(text: impl Into<String>, structured: Value) -> Self {
        Self { structured: Some(structured), is_error: false, ..Self::error(text) }
    }

    /// A failure that says what to do about it.
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            structured: None,
            is_error: true,
            truncated: false,
            attached: None,
            content: Vec::new(),
            sent: None,
        }
    }
}

/// A call that has not finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenCall {
    /// The call.
    pub call: CallId,
    /// Where it is.
    pub state: ToolState,
}

/// Where a tool call is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolState {
    /// Waits for a person.
    Asked {
        /// When the question lapses into «denied».
        until: Millis,
        /// What is to be known to answer it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        question: Option<Question>,
    },
    /// At work, and its server asks a person something.
    Elicits {
        /// When the question lapses unanswered.
        until: Millis,
        /// What it asks.
        question: Box<ServerQuestion>,
    },
    /// At work.
    Running {
        /// Progress from 0 to 1, where the tool tells it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        progress: Option<f32>,
        /// What it is doing, in its own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Finished.
    Done {
        /// Its result.
        result: ToolResult,
    },
}

/// A person's decision on a call that asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// This call only.
    Once,
    /// This tool from now on, for this person in this conversation.
    Conversation,
    /// This tool from now on, for this person.
    Always,
    /// Not this call.
    Deny,
    /// Never in this conversation.
    DenyConversation,
    /// Never.
    DenyAlways,
}

impl Approval {
    /// Whether the call runs.
    pub fn allows(self) -> bool {
        matches!(self, Self::Once | Self::Conversation | Self::Always)
    }

    /// How far it reaches, as the record of calls has it.
    pub fn rule(self) -> Rule {
        match self {
            Self::Once | Self::Deny => Rule::Once,
            Self::Conversation | Self::DenyConversation => Rule::Conversation,
            Self::Always | Self::DenyAlways => Rule::Always,
        }
    }

    /// What it says of later calls, if it reaches so far.
    pub fn policy(self) -> Policy {
        if self.allows() { Policy::Allow } else { Policy::Deny }
    }
}
