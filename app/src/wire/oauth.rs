//! Programs that sign in by OAuth, as people see them: on the consent page, in the settings, in the self-test.

use super::{api_token::Scopes, id::Millis};
use serde::{Deserialize, Serialize};

/// A program that one signed in with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectedClient {
    /// What it goes by; for a program with a metadata document its URL.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// Where it is, in words: a host, or this computer.
    pub place: String,
    /// What it may do.
    pub scopes: Scopes,
    /// When it first signed in.
    pub first_at: Millis,
    /// When it was last used, to the minute.
    pub seen_at: Option<Millis>,
    /// How many times it is signed in: a program on two machines is twice.
    pub sign_ins: u32,
}

/// What the consent page asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Who would allow it.
    pub person: String,
    /// What the program calls itself.
    pub name: String,
    /// The host of its metadata document, which is proven; a registered program has none.
    pub host: Option<String>,
    /// Where the answer goes, in words.
    pub place: String,
    /// The address of the MCP server that it would reach; there may be several here.
    pub endpoint: String,
    /// Whether it gets its answers on this computer only: then anything that runs here can pass for it.
    pub loopback_only: bool,
    /// What it asks for.
    pub asked: Scopes,
    /// The request, for the form to send again.
    pub fields: Vec<(String, String)>,
}

/// A program that was refused lately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// When.
    pub at: Millis,
    /// What it calls itself, or goes by.
    pub program: String,
    /// What it did.
    pub what: &'static str,
    /// A sentence that says what was wrong with that.
    pub reason: String,
}

/// One step of the self-test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was tried.
    pub title: &'static str,
    /// How it went.
    pub outcome: Outcome,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it should; what was seen.
    Fine(String),
    /// It works, but not for everybody: what is odd and what to do.
    Odd(String, &'static str),
    /// It broke: what was seen and what to do.
    Broken(String, &'static str),
    /// Not tried, because an earlier step broke.
    Skipped,
}
