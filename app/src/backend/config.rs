//! Configuration: flags and environment, nothing else.
//!
//! [`Settings`] is what was said, [`Config`] what it means; between them stands [`Settings::check`], which finds every
//! fault before it gives up. Invariant: only this module reads the environment, and no secret is ever printed.

mod check;
mod mcp;
mod metrics;
mod rate;
pub mod servers;
mod settings;

pub use check::Fault;
pub use mcp::{MCP_TOOLSETS, McpConfig, McpEndpoint};
pub use metrics::MetricsToken;
pub use rate::{Rate, Rates};
pub use servers::{OperatorAccess, OperatorInput};
pub use settings::Settings;

use secrecy::SecretString;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use url::Url;

/// What Parley was told to be.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub bind: SocketAddr,
    /// What people type to reach it; its path is `/`.
    pub public_url: Url,
    /// Origins (RFC 6454 text) whose pages may open `/ws/chat/` sockets, besides its own.
    pub allowed_origins: Vec<String>,
    /// How many proxies of `X-Forwarded-For` are believed.
    pub trusted_proxies: usize,
    /// The folder of the built page.
    pub site_root: PathBuf,
    /// How long running replies get at shutdown.
    pub shutdown_grace: Duration,
    /// The port of cargo-leptos' reload socket, while it watches.
    pub live_reload: Option<u16>,
    /// How to log.
    pub log: LogConfig,
    /// What opens `/metrics`; without it that is not there, and nothing is recorded.
    pub metrics_token: Option<MetricsToken>,
    /// The folder for what is kept, if it is needed.
    pub data_dir: Option<PathBuf>,
    /// The database.
    pub database: DatabaseUrl,
    /// Whether everybody may make an account.
    pub sign_up_open: bool,
    /// The models.
    pub models: ModelsConfig,
    /// Whether models summarise what no longer fits their window.
    pub summaries: bool,
    /// What other programs find of it.
    pub mcp: McpConfig,
    /// The MCP servers to connect.
    pub servers: ServersConfig,
    /// Where apps of those servers are shown.
    pub apps: AppsConfig,
    /// The keys of people's secrets.
    pub secrets: SecretsConfig,
    /// How long a tool call's question waits for a person.
    pub approval_wait: Duration,
    /// How many days the record of tool calls is kept; 0: for ever.
    pub record_days: u64,
    /// The limits.
    pub rates: Rates,
}

impl Config {
    /// Whether people reach it by HTTPS: decides `Secure` cookies and HSTS.
    pub fn https(&self) -> bool {
        self.public_url.scheme() == "https"
    }

    /// Its own origin as browsers write it.
    pub fn origin(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }
}

/// A variable of the environment, for [`Settings::check`].
#[expect(clippy::disallowed_methods, reason = "this is the one place that may read the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The folder `site` beside the program, as it is built and shipped; or else where cargo-leptos puts it.
fn default_site_root() -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(|folder| folder.join("site")));
    beside.filter(|folder| folder.is_dir()).unwrap_or_else(|| "target/site".into())
}

/// How to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `tracing_subscriber::EnvFilter` directives.
    pub filter: String,
    /// One JSON object per line, instead of text for people.
    pub json: bool,
}

/// Where conversations are kept: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, Debug)]
pub struct DatabaseUrl(pub SecretString);

impl DatabaseUrl {
    /// The address without user, password and parameters, for messages.
    pub fn shown(&self) -> String {
        use secrecy::ExposeSecret;
        let text = self.0.expose_secret();
        match Url::parse(text) {
            Ok(url) if url.has_host() => {
                let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
                format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
            }
            _ => text.split('?').next().unwrap_or_default().to_owned(),
        }
    }
}

/// The models to offer.
#[derive(Clone, Debug, Default)]
pub struct ModelsConfig {
    /// Anthropic, if a key was given.
    pub anthropic: Option<AnthropicConfig>,
    /// OpenAI-compatible endpoints, in order.
    pub openai: Vec<OpenAiConfig>,
    /// The model new conversations use (`provider/model`); `None`: the first of the catalogue.
    pub default_model: Option<String>,
    /// Milliseconds between two words of the offline assistant; 0 for none.
    pub offline_delay_ms: u64,
    /// Offers `scripted/script`, which plays the script in the user's message: tests only.
    pub scripted: bool,
}

/// The Anthropic Messages API.
#[derive(Clone, Debug)]
pub struct AnthropicConfig {
    /// `https://api.anthropic.com` unless set.
    pub base_url: String,
    /// The key.
    pub key: SecretString,
    /// The models to offer, first is the default.
    pub models: Vec<String>,
    /// Models that think before they answer: `MODEL=adaptive`, or `MODEL=TOKENS` for a budget of at least 1024.
    pub thinking: Vec<String>,
}

/// One OpenAI-compatible endpoint.
#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// What its models' ids begin with: `openai`, `ollama`, …
    pub name: String,
    /// Up to and without `/chat/completions`: `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key; local servers need none.
    pub key: Option<SecretString>,
    /// The models to offer.
    pub models: Vec<String>,
    /// Tokens of its models' windows; `None`: what the model's name tells, else 32,768.
    pub context_window: Option<u32>,
}

/// MCP servers that Parley connects to.
#[derive(Clone, Debug, Default)]
pub struct ServersConfig {
    /// The operator's own, for everybody here.
    pub operator: Vec<OperatorServer>,
    /// Which servers people may connect besides those of the public network.
    pub private: Nearby,
    /// Percent of a model's window that servers' tools may take before they are searched instead of listed.
    pub tools_share: u64,
}

/// Which of the servers nearby people may connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nearby {
    /// None.
    #[default]
    None,
    /// Those on this machine, at any port and without https.
    ThisMachine,
    /// Those in private networks too.
    All,
}

/// Where apps of MCP servers are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppsConfig {
    /// A site of their own, as an origin; `None`: they are shown from Parley's, in frames that have no origin.
    pub origin: Option<String>,
    /// The origin of the pages that show them.
    pub framed_by: String,
    /// Parley's hosts, theirs among them.
    pub hosts: Vec<String>,
}

/// A server of the operator's file.
#[derive(Clone, Debug)]
pub struct OperatorServer {
    /// Its name in the file.
    pub name: String,
    /// What people are told it is called.
    pub title: String,
    /// What its tools' names begin with.
    pub prefix: String,
    /// Whether what it says of its tools is believed.
    pub trusted: bool,
    /// How it is reached.
    pub access: OperatorAccess,
    /// What each person fills in before it is.
    pub inputs: Vec<OperatorInput>,
}

/// What seals people's secrets.
#[derive(Clone, Debug, Default)]
pub struct SecretsConfig {
    /// Keys of 32 bytes in base64: the first seals, all open.
    pub keys: Vec<SecretString>,
    /// Where a key of our own is kept if there are none.
    pub file: PathBuf,
}
