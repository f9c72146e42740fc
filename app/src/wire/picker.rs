//! What a person can take up in a message: prompts (`/`) and resources (`@`), their own and those of their servers.
//!
//! Invariant: every name and description here is one line of visible characters and bounded: a server wrote it.

use serde::{Deserialize, Serialize};

/// The «server» of what is Parley's own: saved prompts and conversations.
pub const OWN: &str = "parley";

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// Texts for the message.
    Prompts,
    /// What a message can refer to.
    Resources,
}

/// What one server has of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// A connection's id, `operator:NAME`, or [`OWN`].
    pub server: String,
    /// What it is called.
    pub name: String,
    /// Why something of it is not here, as a sentence; empty if nothing is to be said.
    pub note: String,
    /// Whether it is being connected: asking again in a moment tells more.
    pub coming: bool,
    /// What fits, in the server's order.
    pub choices: Vec<Choice>,
}

/// Something to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What it is.
    pub kind: ChoiceKind,
    /// What its server knows it by: a prompt's name, an address, a template.
    pub key: String,
    /// For people.
    pub title: String,
    /// What it is for.
    pub description: String,
    /// What is to be filled in first.
    pub blanks: Vec<Blank>,
}

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceKind {
    /// A text.
    Prompt,
    /// Something at an address.
    Resource,
    /// A way to many addresses.
    Template,
}

/// Something to fill in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blank {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// What to put there.
    pub description: String,
    /// Whether it must be given.
    pub required: bool,
}

/// What a message refers to; it is read when the message is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The server, as in [`Group::server`].
    pub server: String,
    /// The address.
    pub uri: String,
    /// What it is called.
    pub name: String,
    /// What the server is called; for the one who sends it, who sees it before it is read.
    pub from: String,
}

/// A prompt that was filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The text for the composer.
    pub text: String,
    /// What it refers to besides.
    pub references: Vec<Reference>,
    /// What is to be said about it, as a sentence; empty if nothing is.
    pub note: String,
}
