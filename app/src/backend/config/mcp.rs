//! What other programs find of Parley: the MCP server's name, its words and its endpoints.

use std::time::Duration;

/// What an endpoint can be told to offer, by name: sets of tools, and the two that are no tools.
pub const MCP_TOOLSETS: [&str; 12] = [
    "conversations",
    "collections",
    "edits",
    "chat",
    "sentiment",
    "arithmetic",
    "clock",
    "web",
    "lorem",
    "attachments",
    "resources",
    "prompts",
];

/// The MCP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpConfig {
    /// What it calls itself to clients.
    pub name: String,
    /// What it tells clients' models of itself; `None`: what is true of each endpoint.
    pub instructions: Option<String>,
    /// Whether its instructions are a tool besides.
    pub instructions_tool: bool,
    /// Whether older clients get sessions; without, they hear nothing that they do not ask for.
    pub sessions: bool,
    /// How many sessions all people's clients may have open at one endpoint.
    pub sessions_max: usize,
    /// How long a session stays open without a request, one under way and an open stream.
    pub session_idle: Duration,
    /// Endpoints besides `/mcp`, which offers everything.
    pub endpoints: Vec<McpEndpoint>,
}

impl Default for McpConfig {
    fn default() -> Self {
        Self {
            name: "parley".to_owned(),
            instructions: None,
            instructions_tool: true,
            sessions: true,
            sessions_max: 1_000,
            session_idle: Duration::from_mins(5),
            endpoints: Vec::new(),
        }
    }
}

/// One address of the MCP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpEndpoint {
    /// Its path: `/mcp`, or something below it.
    pub path: String,
    /// What it offers, of [`MCP_TOOLSETS`]; `None`: everything.
    pub toolsets: Option<Vec<String>>,
}

impl McpEndpoint {
    /// The one that is always there.
    pub fn main() -> Self {
        Self { path: "/mcp".to_owned(), toolsets: None }
    }

    /// Whether it offers that set.
    pub fn offers(&self, set: &str) -> bool {
        self.toolsets.as_ref().is_none_or(|sets| sets.iter().any(|name| name == set))
    }
}
