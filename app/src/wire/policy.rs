//! What may run: what people and administrators say of tools, what a call asks, and the record of every call.

use super::{
    id::{ConversationId, Millis},
    tool::{Annotations, ToolServer},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What is to happen with a tool's calls; the later one is the stricter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// They run.
    Allow,
    /// A person is asked.
    Ask,
    /// They do not run.
    Deny,
}

/// Values that are stored and sent by their name.
macro_rules! named {
    ($kind:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $kind {
            /// Its name: in forms and in the store.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl FromStr for $kind {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(format!("«{text}» is none of: {}.", [$($name),+].join(", "))),
                }
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named!(Policy { Allow = "allow", Ask = "ask", Deny = "deny" });

/// Why a call asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It may change something.
    Changes,
    /// Its server says that it changes nothing; nobody here vouches for that.
    Claim,
    /// It reads what is private, and others read along.
    Exposed,
    /// The tool is not what it was when somebody decided about it.
    Changed,
    /// The person wants to be asked.
    Wanted,
    /// An administrator wants each call asked about.
    Floor,
}

/// A call's question, as the person who answers it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Why it asks.
    pub why: Why,
    /// The connected server whose tool it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ToolServer>,
    /// What the tool says it touches.
    pub claims: Annotations,
}

impl Question {
    /// Whether a «yes» may be kept for later calls.
    pub fn may_last(&self) -> bool {
        self.why != Why::Floor
    }
}

/// Who or what let a call run, or kept it from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// One of Parley's own, or an app's reading of a resource: it changes nothing.
    ReadOnly,
    /// A server that is vouched for says that it changes nothing.
    Trusted,
    /// A person's word for this call.
    Once,
    /// A person's word for this conversation.
    Conversation,
    /// A person's word for good.
    Always,
    /// The program that called: it shows its person what it calls.
    Program,
    /// An administrator's floor.
    Floor,
    /// What the credential was made for.
    Scope,
    /// Switched off in the conversation.
    SwitchedOff,
    /// Nobody answered.
    Unanswered,
    /// The arguments could not be read.
    Unreadable,
    /// There is no such tool.
    Unknown,
    /// There were too many calls.
    Limit,
    /// It could not be found out or written down.
    Error,
}

named!(Rule {
    ReadOnly = "read_only",
    Trusted = "trusted",
    Once = "once",
    Conversation = "conversation",
    Always = "always",
    Program = "program",
    Floor = "floor",
    Scope = "scope",
    SwitchedOff = "switched_off",
    Unanswered = "unanswered",
    Unreadable = "unreadable",
    Unknown = "unknown",
    Limit = "limit",
    Error = "error",
});

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallEnd {
    /// It runs, or the process ended while it did.
    Begun,
    /// It answered.
    Ok,
    /// It answered with a failure.
    Failed,
    /// It did not run.
    Denied,
    /// It was turned away before anybody decided about it.
    Refused,
    /// It was stopped.
    Stopped,
}

named!(CallEnd {
    Begun = "begun",
    Ok = "ok",
    Failed = "failed",
    Denied = "denied",
    Refused = "refused",
    Stopped = "stopped",
});

/// How a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalledBy {
    /// The model of a conversation.
    Model,
    /// A program with a credential, or the page.
    Program,
    /// An app that a conversation shows.
    App,
    /// This machine's own pipe.
    Pipe,
}

named!(CalledBy { Model = "model", Program = "program", App = "app", Pipe = "pipe" });

/// The record of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRow {
    /// Its id: pages of the record continue from it.
    pub id: String,
    /// On whose behalf.
    pub user: String,
    /// The tool.
    pub tool: String,
    /// The connected server whose tool it is.
    pub server: Option<String>,
    /// How it came in.
    pub via: CalledBy,
    /// The credential it came with.
    pub credential: Option<String>,
    /// The conversation it was made in.
    pub conversation: Option<ConversationId>,
    /// SHA-256 of its arguments.
    pub digest: String,
    /// What let it run or kept it from that.
    pub rule: Rule,
    /// Who said so, if it was a person.
    pub decided_by: Option<String>,
    /// What came of it.
    pub end: CallEnd,
    /// When.
    pub at: Millis,
    /// How long it ran, in milliseconds.
    pub duration_ms: Option<u64>,
}

/// A tool on the settings page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSetting {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// The connected server whose tool it is.
    pub server: Option<ToolServer>,
    /// What happens if nobody says anything.
    pub default: Policy,
    /// What the person said of the tool as it is now.
    pub said: Option<Policy>,
    /// The tool is not what it was when the person decided, so that does not count.
    pub changed: bool,
    /// What an administrator lets nobody go below.
    pub floor: Option<Policy>,
}

/// The tools of the settings page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSettings {
    /// The tools that are there, in the registry's order.
    pub tools: Vec<ToolSetting>,
    /// Decisions about tools that are not there now.
    pub gone: Vec<(String, Policy)>,
    /// For an administrator: what is set for tools and servers.
    pub floors: Vec<Floor>,
}

/// What an administrator lets nobody go below.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// For what.
    pub kind: FloorKind,
    /// The tool's name or the server's id; [`ANY_SERVER`] for every server that is not vouched for.
    pub name: String,
    /// `Ask` or `Deny`.
    pub floor: Policy,
}

/// The name of a floor for every server that is not vouched for.
pub const ANY_SERVER: &str = "*";

/// What a floor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloorKind {
    /// One tool.
    Tool,
    /// All tools of a server.
    Server,
}

named!(FloorKind { Tool = "tool", Server = "server" });

/// A tool in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSwitch {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// The connected server whose tool it is.
    pub server: Option<String>,
    /// Whether it is offered to the model there.
    pub on: bool,
}
