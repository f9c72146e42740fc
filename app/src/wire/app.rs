//! Apps of tools (MCP Apps, SEP-1865): pages of a server's that show what its tool answered.

use super::{
    id::{CallId, MessageId},
    message::Resource,
    policy::Question,
    tool::ToolOutcome,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Which app shows a tool's results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolApp {
    /// The server it is of, by its id; whoever has not connected that server cannot open it.
    pub server: String,
    /// Its `ui://` address there.
    pub uri: String,
}

/// An app that is about to be shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenedApp {
    /// Where its frame loads it, once and soon.
    pub url: String,
    /// What its server is called here.
    pub server: String,
    /// The tool it belongs to, as the app is told of it (MCP `Tool`).
    pub tool: Value,
    /// Whether it may put something on the clipboard.
    pub clipboard: bool,
    /// What it may reach beyond its own page.
    pub domains: Domains,
    /// Whether it wants no border of ours around it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
    /// What is to be said about it: that the copy is old, that it wants more than it may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The origins that an app may reach (MCP Apps `McpUiResourceCsp`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Domains {
    /// For requests.
    #[serde(rename = "connectDomains", skip_serializing_if = "Vec::is_empty")]
    pub connect: Vec<String>,
    /// For scripts, styles, images, fonts, sound.
    #[serde(rename = "resourceDomains", skip_serializing_if = "Vec::is_empty")]
    pub resource: Vec<String>,
    /// For frames within it.
    #[serde(rename = "frameDomains", skip_serializing_if = "Vec::is_empty")]
    pub frame: Vec<String>,
    /// For the base of its addresses.
    #[serde(rename = "baseUriDomains", skip_serializing_if = "Vec::is_empty")]
    pub base: Vec<String>,
}

/// What an app told the model, which waits for its person's next message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppWord {
    /// The reply with the app's call.
    pub message: MessageId,
    /// The call.
    pub call: CallId,
    /// What the model is to be given: the server's and the tool's names are in it.
    pub material: Resource,
    /// Why it does not go with the next message, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
}

/// Why an app's word stays where it is when a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Its server is switched off, or not there any more.
    ServerAway,
    /// Its call is on another branch of the conversation.
    OtherBranch,
}

/// What comes of an app's wish to call a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppAnswer {
    /// It was answered, maybe with a refusal.
    Done {
        /// MCP `CallToolResult`.
        result: Value,
    },
    /// The person is to be asked first.
    Asks {
        /// What the tool is called for people.
        title: String,
        /// What is to be known to answer.
        question: Question,
        /// The hash of what is asked about: comes back with the answer.
        definition: String,
    },
}

/// What of its server an app asks the list of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppList {
    /// Resources.
    Resources,
    /// Templates of resources.
    Templates,
}

/// An outcome as an app reads it (MCP `CallToolResult`), from what is kept of it.
pub fn result_of(outcome: &ToolOutcome) -> Value {
    let mut result = json!({ "content": [{ "type": "text", "text": outcome.text }], "isError": outcome.is_error });
    if let Some(structured) = &outcome.structured {
        result["structuredContent"] = structured.clone();
    }
    result
}
