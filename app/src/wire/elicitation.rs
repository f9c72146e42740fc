//! What a connected server asks a person while one of its tools runs (MCP, elicitation), as the page shows it.
//!
//! It was bounded and cleaned where it came in; whatever a server says is text, never HTML.

use serde::{Deserialize, Serialize};

/// A server's question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerQuestion {
    /// Which of its call's questions it is: an answer to another is no answer to this one.
    pub number: u32,
    /// What the server is called by whoever connected it.
    pub server: String,
    /// What it asks, in its own words.
    pub message: String,
    /// What for.
    pub wants: Wants,
}

/// What a question asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// To fill in a form.
    Form {
        /// Its fields, in order.
        fields: Vec<Field>,
    },
    /// To do something at an address, which is never visited but by the person's own click.
    Visit {
        /// The address, of http or https.
        url: String,
        /// Its host as it is looked up: letters of other scripts are shown in Punycode.
        host: String,
    },
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The server's name for it.
    pub name: String,
    /// For people.
    pub title: String,
    /// What it is about, if that is said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it must be filled in.
    #[serde(default)]
    pub required: bool,
    /// What may be filled in.
    pub kind: FieldKind,
}

/// What may be filled into a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A text.
    Text {
        /// What it must look like.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        format: Option<TextFormat>,
        /// Characters at least.
        #[serde(default)]
        min: u32,
        /// Characters at most.
        max: u32,
        /// What it holds at first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<String>,
    },
    /// A number.
    Number {
        /// Whether it has no fraction.
        #[serde(default)]
        whole: bool,
        /// The least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<f64>,
        /// The greatest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<f64>,
        /// What it holds at first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<f64>,
    },
    /// Yes or no.
    Switch {
        /// What it holds at first.
        #[serde(default)]
        default: bool,
    },
    /// One of several.
    One {
        /// Which there are.
        choices: Vec<Choice>,
        /// The value that is chosen at first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        default: Option<String>,
    },
    /// Some of several.
    Many {
        /// Which there are.
        choices: Vec<Choice>,
        /// How many at least.
        #[serde(default)]
        min: u32,
        /// How many at most.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u32>,
        /// The values that are chosen at first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        default: Vec<String>,
    },
}

/// One of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// For people.
    pub title: String,
}

/// What a text must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextFormat {
    /// An address of mail.
    Email,
    /// An address of the web or another URI.
    Uri,
    /// A day.
    Date,
    /// A day and a time.
    DateTime,
}

/// What a person does with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyAction {
    /// Sends what they filled in, or says that they are done where they were sent.
    Send,
    /// Says no.
    Decline,
    /// Puts it aside.
    Cancel,
}
