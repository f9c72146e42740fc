//! The command line: `parley [serve | migrate | create-admin | check-config | mcp-stdio | mcp-inspect]`.
//!
//! Invariant: whatever the operator got wrong is one clear sentence on the error stream and a non-zero exit; nothing
//! here panics over input, and no password or key is ever an argument or printed.

mod inspect;

use crate::{serve, shutdown::Signals, telemetry};
use app::backend::{
    Backend, OpenError,
    auth::AuthError,
    caller::Caller,
    config::{Config, Fault, Settings, environment},
    http,
    llm::Models,
    store::tasks::Runner,
    tools::serve::call::Calls,
};
use clap::{Parser, Subcommand};
use std::{
    future::Future,
    io::{BufRead, ErrorKind, IsTerminal, Write},
    process::ExitCode,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Parley: an AI chat of one's own, with tools.
#[derive(Debug, Parser)]
#[command(name = "parley", version, max_term_width = 100)]
pub struct Cli {
    /// What to do; serve if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How.
    #[command(flatten)]
    pub settings: Settings,
}

/// What `parley` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Serve the chat (this is what it does without a command)
    Serve,
    /// Bring the database up to date and exit
    Migrate,
    /// Make an administrator; the password is asked for, or read from standard input
    CreateAdmin {
        /// The administrator's name
        name: String,
    },
    /// Say what is wrong with the settings, all at once, or that nothing is
    CheckConfig,
    /// Offer a user's tools to an MCP client, over standard input and output
    McpStdio {
        /// Whose tools: an account's name
        #[arg(long = "as", value_name = "USER")]
        user: String,
    },
    /// List what MCP clients are shown, what it costs them, and what of it is badly described
    McpInspect(inspect::Inspect),
    /// Serve what the protocol's conformance suite asks for, on this machine and without tokens: tests only
    #[cfg(feature = "conformance")]
    #[command(hide = true)]
    ConformanceServer,
    /// Play one of the suite's scenarios with the server at an address: tests only
    #[cfg(feature = "conformance")]
    #[command(hide = true)]
    ConformanceClient {
        /// The suite's server
        url: String,
    },
}

/// Why Parley does not do what it was told: for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Bad settings.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Settings(Vec<Fault>),
    /// The backend cannot start.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The account cannot be made.
    #[error("The administrator was not made: {0}")]
    Account(#[from] AuthError),
    /// Anything else, as a whole sentence.
    #[error("{0}")]
    Sentence(String),
}

impl Refusal {
    /// Tells the operator; the exit code is 2 for settings, as for a wrong flag, and 1 for the rest.
    pub fn tell(&self) -> ExitCode {
        let mut out = std::io::stderr().lock();
        for line in self.to_string().lines() {
            // Who closed the error stream does not want to hear.
            let _ = writeln!(out, "parley: {line}");
        }
        ExitCode::from(if matches!(self, Self::Settings(_)) { 2 } else { 1 })
    }
}

/// Reads `.env` of the current folder into the environment, where it does not say otherwise; it need not be there.
///
/// # Errors
/// It is there and cannot be read.
pub fn read_env_file() -> Result<(), Refusal> {
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(dotenvy::Error::LineParse(_, at)) => Err(Refusal::Sentence(format!(
            "The file .env cannot be read: a line is not NAME=value (at character {at})."
        ))),
        Err(error) => Err(Refusal::Sentence(format!("The file .env cannot be read: {error}."))),
    }
}

/// Does what the command line says.
///
/// # Errors
/// Whatever keeps it from that.
pub fn run(cli: Cli) -> Result<(), Refusal> {
    let config = configure(&cli.settings)?;
    telemetry::init(&config.log);
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => block_on(serve_until_told(config)),
        Command::Migrate => block_on(migrate(config)),
        Command::CreateAdmin { name } => block_on(create_admin(config, name)),
        Command::McpStdio { user } => block_on(mcp_stdio(config, user)),
        Command::McpInspect(inspect) => block_on(inspect::run(config, inspect)),
        #[cfg(feature = "conformance")]
        Command::ConformanceServer => block_on(crate::conformance::serve(config)),
        #[cfg(feature = "conformance")]
        Command::ConformanceClient { url } => block_on(crate::conformance::client::play(config, &url)),
        Command::CheckConfig => say(format_args!("The settings are sound. {}", summary(&config))),
    }
}

/// The settings' meaning, after every check that needs no network.
fn configure(settings: &Settings) -> Result<Config, Refusal> {
    let checked = settings.check(environment);
    let filter = settings.log.iter().filter_map(|filter| telemetry::check(filter).err());
    let bad_filter = filter.map(|reason| Fault { name: "PARLEY_LOG", reason });
    let mut faults: Vec<Fault> = checked.as_ref().err().into_iter().flatten().cloned().chain(bad_filter).collect();
    let client = http::client().map_err(OpenError::from)?;
    if let Err(error) = Models::from_config(&settings.models_config(environment), &client) {
        // A setting that was not understood has other models than were meant.
        let told: Vec<_> = faults.iter().map(|fault| fault.name).collect();
        faults.extend(error.faults.into_iter().filter(|fault| !told.contains(&fault.name)));
    }
    match checked {
        Ok(config) if faults.is_empty() => Ok(config),
        _ => Err(Refusal::Settings(faults)),
    }
}

fn summary(config: &Config) -> String {
    let models = &config.models;
    let providers = models.anthropic.iter().map(|_| "anthropic").chain(models.openai.iter().map(|e| e.name.as_str()));
    let names: Vec<_> = providers.collect();
    let from = if names.is_empty() { "the offline assistant".to_owned() } else { names.join(", ") };
    format!(
        "Parley would be at {}, keep conversations in {} and answer by {from}.",
        config.origin(),
        config.database.shown()
    )
}

fn block_on(work: impl Future<Output = Result<(), Refusal>>) -> Result<(), Refusal> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Refusal::Sentence(format!("No threads can be started: {error}.")))?.block_on(work)
}

fn say(line: std::fmt::Arguments<'_>) -> Result<(), Refusal> {
    let told = writeln!(std::io::stdout().lock(), "{line}");
    told.map_err(|error| Refusal::Sentence(format!("Standard output cannot be written: {error}.")))
}

async fn serve_until_told(config: Config) -> Result<(), Refusal> {
    let listener = TcpListener::bind(config.bind).await.map_err(|error| unbound(&config, &error))?;
    let address = listener.local_addr().unwrap_or(config.bind);
    if !config.site_root.join("pkg").is_dir() {
        tracing::warn!(folder = %config.site_root.display(), "no built page there (PARLEY_SITE_ROOT): it will not wake up");
    }
    let backend = Backend::open(config).await?;
    let mut signals =
        Signals::listen().map_err(|error| Refusal::Sentence(format!("Parley could not be told to stop: {error}.")))?;
    say(format_args!("Parley is at http://{address}"))?;
    tracing::info!(%address, public = %backend.config.public_url, "Parley listens");
    let stop = CancellationToken::new();
    let mut serving = std::pin::pin!(serve(listener, backend, stop.clone()));
    let result = tokio::select! {
        result = &mut serving => result,
        () = signals.next() => {
            stop.cancel();
            tokio::select! {
                result = &mut serving => result,
                () = signals.next() => return Err(Refusal::Sentence("Parley was told twice and stops at once.".to_owned())),
            }
        }
    };
    result.map_err(|error| Refusal::Sentence(format!("Parley cannot serve on {address} any more: {error}.")))
}

fn unbound(config: &Config, error: &std::io::Error) -> Refusal {
    let why = match error.kind() {
        ErrorKind::AddrInUse => "another program uses that port".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        ErrorKind::PermissionDenied => "ports below 1024 need special rights".to_owned(),
        _ => error.to_string(),
    };
    Refusal::Sentence(format!("Parley cannot listen on {} (PARLEY_BIND): {why}.", config.bind))
}

async fn migrate(config: Config) -> Result<(), Refusal> {
    let backend = Backend::open(config).await?;
    let shown = backend.config.database.shown();
    backend.close().await;
    say(format_args!("The database {shown} is up to date."))
}

async fn create_admin(config: Config, name: String) -> Result<(), Refusal> {
    let password = read_password()?;
    let backend = Backend::open(config).await?;
    let made = backend.auth.create_account(&name, &password.into(), true).await;
    backend.close().await;
    let user = made?;
    say(format_args!("{} is an administrator now.", user.name))
}

/// Serves the MCP client that started this process. It may run beside `parley serve`: what it changes, open tabs show
/// when they next load. Its replies ask nobody, for they are on no page; what it leaves unfinished, the server takes over.
async fn mcp_stdio(config: Config, user: String) -> Result<(), Refusal> {
    let backend = Backend::open_without_page(config).await?;
    let served = match account(&backend, &user).await {
        Ok(caller) => {
            let (store, clock) = (backend.store.clone(), backend.clock.clone());
            let calls = Calls::new(store, clock, backend.tasks.clone(), Runner::Pipe);
            calls.long.go_on_with(backend.programs.tools.clone());
            let server = backend.mcp.server().at_pipe(caller, calls);
            server.serve_stdio().await.map_err(|error| Refusal::Sentence(format!("The MCP connection ended: {error}.")))
        }
        Err(refusal) => Err(refusal),
    };
    // What was said at the pipe is answered to its end, or kept as far as it came.
    backend.drain(backend.config.shutdown_grace).await;
    backend.close().await;
    served
}

/// The account of that name.
async fn account(backend: &Backend, user: &str) -> Result<Caller, Refusal> {
    backend.auth.account(user).await.map_err(|error| match error {
        AuthError::NotFound => Refusal::Sentence(format!("There is no account «{user}» (--as).")),
        error => Refusal::Sentence(format!("«{user}» cannot be looked up (--as): {error}")),
    })
}

/// From the terminal without showing it, or else the first line of standard input.
fn read_password() -> Result<String, Refusal> {
    let read = if std::io::stdin().is_terminal() {
        rpassword::prompt_password("Password: ")
    } else {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line.trim_end_matches(['\r', '\n']).to_owned())
    };
    read.map_err(|error| Refusal::Sentence(format!("The password cannot be read: {error}.")))
}
