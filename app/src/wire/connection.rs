//! Connected MCP servers as their person sees them: how each fares, and what its tools cost.

use super::{id::Millis, limits::CONNECTION_NAME_MAX, tool::Annotations};
use serde::{Deserialize, Serialize};

/// One server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionRow {
    /// A connection's id, or `operator:NAME`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Whether it is of the operator's file: then it cannot be renamed or removed here.
    pub of_operator: bool,
    /// Whether the operator vouches for what it says of its tools.
    pub trusted: bool,
    /// Where it is, without anything that may be a key; the program's name for one that is started here.
    pub place: String,
    /// How it fares.
    pub state: ConnectionState,
    /// How its person stands with it.
    pub sign_in: SignIn,
    /// What its person fills in for it.
    pub inputs: Vec<ConnectionInput>,
    /// What is wrong, as sentences; empty while nothing is.
    pub error: String,
    /// Why it could last not be used, if it can be again or is being connected.
    pub last_error: Option<LastError>,
    /// How long its last sign of life took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// When it last answered.
    pub answered_at: Option<Millis>,
    /// When it is tried again by itself, after a failure.
    pub retry_at: Option<Millis>,
    /// How its calls went, if there were any.
    pub calls: Option<CallTally>,
    /// The protocol's revision spoken with it.
    pub protocol: Option<String>,
    /// What it calls itself, with its version.
    pub calls_itself: Option<String>,
    /// Its tools as last listed.
    pub tools: Vec<ConnectedTool>,
    /// Resources it lists.
    pub resources: u64,
    /// Prompts it lists.
    pub prompts: u64,
}

impl ConnectionRow {
    /// Tokens that the tools on offer cost in every request, about.
    pub fn cost(&self) -> u64 {
        self.tools.iter().filter(|tool| tool.choice != ToolChoice::Off).map(|tool| tool.cost).sum()
    }
}

/// Why a server could last not be used, since this Parley started or its person last changed the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// A sentence.
    pub told: String,
    /// How long ago, in milliseconds.
    pub ago_ms: u64,
}

impl LastError {
    /// When and why, in words.
    pub fn words(&self) -> String {
        const MINUTE: u64 = 60_000;
        let ago = match self.ago_ms / MINUTE {
            0 => "less than a minute".to_owned(),
            minutes @ 1..60 => counted(minutes, "minute"),
            minutes @ 60..1440 => counted(minutes / 60, "hour"),
            minutes => counted(minutes / 1440, "day"),
        };
        format!("Last error, {ago} ago: {}", self.told)
    }
}

fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// How the calls of a server's tools went since this Parley started, or its person last changed the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallTally {
    /// How many there were.
    pub calls: u64,
    /// How many of them had no result; a tool's own error is one.
    pub failed: u64,
    /// How many of the last ones are timed.
    pub timed: u32,
    /// The time that half of these took at most, in milliseconds.
    pub median_ms: u64,
    /// The time that 95 of 100 of these took at most, in milliseconds.
    pub slow_ms: u64,
}

/// How a server fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// It answers.
    Connected,
    /// It is being connected.
    Connecting,
    /// Not used for a while: it connects when it is.
    Asleep,
    /// It cannot be reached; tried again by itself while it is used.
    Away,
    /// It does not accept what is shown to it.
    Credentials,
    /// It wants its person to sign in.
    SignIn,
    /// It is connected once its person has filled in what it needs.
    Unfilled,
    /// Its person switched it off.
    Off,
}

impl ConnectionState {
    /// Whether something is wrong, so that replies go on without its tools.
    pub fn is_away(self) -> bool {
        matches!(self, Self::Away | Self::Credentials)
    }

    /// The state in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Connected => "Connected",
            Self::Connecting => "Connecting",
            Self::Asleep => "Asleep until used",
            Self::Away => "Away",
            Self::Credentials => "Not let in",
            Self::SignIn => "Needs sign-in",
            Self::Unfilled => "Waiting for your details",
            Self::Off => "Switched off",
        }
    }
}

/// How a person stands with a server that has people sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignIn {
    /// It has not asked for that, or is shown something else.
    None,
    /// They are to sign in.
    Out,
    /// They are signed in.
    In,
    /// They are signed in, and it wants them to allow more.
    More,
}

/// What a person fills in for a server of the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionInput {
    /// Its name in the operator's file.
    pub id: String,
    /// What it is, in the operator's words.
    pub description: String,
    /// Whether it is a secret, which is never shown again.
    pub password: bool,
    /// How it stands.
    pub state: InputState,
    /// What was filled in; empty if that is nothing, or a secret.
    pub value: String,
    /// What holds if nothing is filled in; empty if that is nothing, or a secret.
    pub default: String,
}

/// How something stands that a person fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputState {
    /// Nothing is filled in, and its server waits for it.
    Missing,
    /// It is filled in.
    Filled,
    /// Nothing is filled in, and the operator's value holds.
    Default,
    /// It was filled in, but no present key opens it.
    Lost,
}

/// A tool of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectedTool {
    /// What the server calls it.
    pub name: String,
    /// The name the model knows it by.
    pub offered_as: String,
    /// For people.
    pub title: String,
    /// What it does, in the server's words.
    pub description: String,
    /// What the server claims of it.
    pub annotations: Annotations,
    /// Tokens that offering it costs in every request, about.
    pub cost: u64,
    /// What its person decided.
    pub choice: ToolChoice,
}

/// What a person decided about a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// Offered; if there are too many tools, found by a search.
    #[default]
    On,
    /// Never offered.
    Off,
    /// Offered always, even if there are too many.
    Pinned,
}

impl ToolChoice {
    /// Its name on the wire and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Pinned => "pinned",
        }
    }

    /// The choice of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::On, Self::Off, Self::Pinned].into_iter().find(|choice| choice.name() == name)
    }
}

/// A server's name, trimmed: 1 to [`CONNECTION_NAME_MAX`] characters.
///
/// # Errors
/// A sentence that says which rule is broken.
pub fn parse_name(text: &str) -> Result<String, String> {
    let name: String = text.trim().chars().filter(|c| !c.is_control()).collect();
    match name.chars().count() {
        0 => Err("Give the server a name, so that you know its tools by it.".to_owned()),
        length if length > CONNECTION_NAME_MAX => {
            Err(format!("A server's name has at most {CONNECTION_NAME_MAX} characters; this one has {length}."))
        }
        _ => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(parse_name("  My\u{7} files ").unwrap(), "My files");
        assert!(parse_name(" \n").unwrap_err().contains("Give the server a name"));
        assert!(parse_name(&"x".repeat(CONNECTION_NAME_MAX + 1)).unwrap_err().contains("at most"));
    }

    #[test]
    fn the_last_error_says_when_it_was() {
        let ago = |ago_ms| LastError { told: "It broke.".to_owned(), ago_ms }.words();
        for (ago_ms, words) in [
            (59_999, "less than a minute"),
            (60_000, "1 minute"),
            (59 * 60_000, "59 minutes"),
            (3_600_000, "1 hour"),
            (86_399_999, "23 hours"),
            (3 * 86_400_000, "3 days"),
        ] {
            assert_eq!(ago(ago_ms), format!("Last error, {words} ago: It broke."));
        }
    }

    #[test]
    fn choices_are_read_as_they_are_written() {
        for choice in [ToolChoice::On, ToolChoice::Off, ToolChoice::Pinned] {
            assert_eq!(ToolChoice::parse(choice.name()), Some(choice));
            assert_eq!(serde_json::to_string(&choice).unwrap(), format!("\"{}\"", choice.name()));
        }
        assert_eq!(ToolChoice::parse("maybe"), None);
    }
}
