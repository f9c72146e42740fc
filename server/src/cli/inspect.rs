//! `parley mcp-inspect`: what MCP clients are shown, what it costs them, and what of it is badly described.

use super::{Refusal, account, say};
use app::backend::{
    Backend,
    config::Config,
    tools::serve::{McpServer, http::McpHttp, inspect::Report},
};
use clap::Args;

/// What to look at, and how to say it.
#[derive(Clone, Debug, Args)]
pub struct Inspect {
    /// Whose view: an account's name; without it, what everybody is shown
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// Which endpoint
    #[arg(long, value_name = "PATH", default_value = "/mcp")]
    endpoint: String,
    /// One JSON object instead of text for people
    #[arg(long)]
    json: bool,
    /// Fail if anything is badly described
    #[arg(long)]
    strict: bool,
}

pub(super) async fn run(config: Config, inspect: Inspect) -> Result<(), Refusal> {
    let backend = Backend::open(config).await?;
    let looked = look(&backend, &inspect).await;
    backend.close().await;
    let report = looked?;
    if inspect.json {
        let json = serde_json::to_string_pretty(&report);
        say(format_args!("{}", json.map_err(|error| Refusal::Sentence(format!("It cannot be written: {error}.")))?))?;
    } else {
        say(format_args!("{}", report.to_string().trim_end()))?;
    }
    match report.flags() {
        flags if flags > 0 && inspect.strict => Err(Refusal::Sentence(format!("Badly described: {flags} (--strict)."))),
        _ => Ok(()),
    }
}

async fn look(backend: &Backend, inspect: &Inspect) -> Result<Report, Refusal> {
    let servers: Vec<&McpServer> =
        std::iter::once(&backend.mcp).chain(&backend.mcp_others).map(McpHttp::server).collect();
    let Some(server) = servers.iter().find(|server| server.path() == inspect.endpoint) else {
        let paths: Vec<&str> = servers.iter().map(|server| server.path()).collect();
        let sentence =
            format!("There is no endpoint «{}» (--endpoint); there are {}.", inspect.endpoint, paths.join(", "));
        return Err(Refusal::Sentence(sentence));
    };
    let caller = match &inspect.user {
        Some(user) => Some(account(backend, user).await?),
        None => None,
    };
    server
        .inspect(caller)
        .await
        .map_err(|error| Refusal::Sentence(format!("It cannot be inspected: {}", error.message)))
}
