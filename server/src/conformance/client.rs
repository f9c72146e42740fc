//! The client that the protocol's official conformance suite drives: Parley's own way to other people's servers, for one
//! person of a fresh database who connects the suite's server and uses its tools as a scenario wants.
//!
//! Invariant: what is proven is our code. The address passes the guard that every person's does (with this
//! machine allowed), the connection is [`Connections`](app::backend::tools::remote::Connections)', and calls go the way of the
//! bot's calls. Only the person is played: what they click and answer is [`person`]'s, and signing in is [`sign_in`]'s.
//! Where nobody signs in, the operator is played: the server is of a file of theirs, which [`machine`] writes.

mod machine;
mod person;
mod sign_in;

use crate::cli::Refusal;
use app::{
    backend::{
        Backend,
        caller::{Caller, Via},
        config::{Config, DatabaseUrl, Nearby},
        tools::{ToolCx, remote::NewConnection},
    },
    wire::{
        connection::{ConnectionRow, ConnectionState},
        id::CallId,
        tool::{ToolCall, ToolOutcome},
    },
};
use person::Obliging;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// What the connection is called; tools' names begin with it.
const NAME: &str = "suite";
/// The suite kills a client after 30 seconds; this one says before what it waits for.
const PATIENCE: Duration = Duration::from_secs(25);
/// Between two looks at the connection.
const LOOK: Duration = Duration::from_millis(20);

/// What the suite says of a scenario besides its name.
#[derive(Debug, Default, Deserialize)]
struct Context {
    /// Calls to make.
    #[serde(default, rename = "toolCalls")]
    calls: Vec<ContextCall>,
    /// The client id that it registered beforehand.
    client_id: Option<String>,
    /// Its secret.
    client_secret: Option<String>,
    /// The key of a client that signs.
    private_key_pem: Option<String>,
    /// How it signs.
    signing_algorithm: Option<String>,
    /// The identity provider's name.
    idp_issuer: Option<String>,
    /// The client id that it knows.
    idp_client_id: Option<String>,
    /// What it said of a person who signed in.
    idp_id_token: Option<String>,
    /// What a platform says of a workload.
    valid_jwt: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ContextCall {
    name: String,
    #[serde(default)]
    arguments: Value,
}

/// One scenario under way.
struct Run {
    backend: Arc<Backend>,
    caller: Caller,
    connection: String,
    scenario: String,
    context: Context,
}

/// Plays the scenario that the environment names with the server at `url`.
///
/// # Errors
/// It could not be played to its end; some scenarios want just that.
pub async fn play(mut config: Config, url: &str) -> Result<(), Refusal> {
    let read = app::backend::config::environment;
    let scenario = read("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
    let context = read("MCP_CONFORMANCE_CONTEXT").map(|json| serde_json::from_str(&json)).transpose();
    let context: Context =
        context.map_err(|error| sentence(format!("The context cannot be read: {error}.")))?.unwrap_or_default();
    // Several scenarios run side by side: each in a database of its own.
    let folder = Scratch::new()?;
    config.database = DatabaseUrl(format!("sqlite:{}", folder.0.join("parley.db").display()).into());
    config.secrets.file = folder.0.join("secret.key");
    config.data_dir = Some(folder.0.clone());
    config.servers.operator = machine::servers(&scenario, url, &context)?;
    config.servers.private = Nearby::ThisMachine;
    // The suite knows Parley by the document that would be there.
    config.public_url =
        url::Url::parse(sign_in::HOME).map_err(|error| sentence(format!("No address can be told: {error}.")))?;
    let backend = Backend::open(config).await?;
    let played = tokio::time::timeout(PATIENCE, Run::begin(&backend, url, scenario, context)).await;
    let late = || Err(sentence(format!("The scenario did not end within {} seconds.", PATIENCE.as_secs())));
    let played = played.unwrap_or_else(|_| late());
    backend.close().await;
    played
}

impl Run {
    async fn begin(backend: &Arc<Backend>, url: &str, scenario: String, context: Context) -> Result<(), Refusal> {
        backend.auth.create_account(NAME, &super::password()?, false).await?;
        let caller = Caller { via: Via::Process, ..backend.auth.account(NAME).await? };
        let connection = if let Some(of_operator) = backend.connections.rows(&caller).await.into_iter().next() {
            of_operator.id
        } else {
            let new = NewConnection { name: NAME.to_owned(), url: url.to_owned(), headers: Vec::new() };
            let added = backend.connections.add(&caller, new).await;
            added.map_err(|error| sentence(format!("It cannot be connected: {error}")))?.to_string()
        };
        let run = Self { backend: Arc::clone(backend), caller, connection, scenario, context };
        run.play().await
    }

    async fn play(&self) -> Result<(), Refusal> {
        if self.scenario.starts_with("auth/") {
            sign_in::play(self).await?;
        } else {
            self.connected().await?;
        }
        match self.scenario.as_str() {
            "initialize" | "json-schema-ref-no-deref" => Ok(()),
            "json-schema-2020-12-preservation" => {
                let schema = self.schema_of("json_schema_2020_12_tool").await?;
                self.call("json_schema_echo", json!({ "schema": schema })).await
            }
            _ if !self.context.calls.is_empty() => {
                for call in &self.context.calls {
                    self.call(&call.name, call.arguments.clone()).await?;
                }
                Ok(())
            }
            _ => self.call_all().await,
        }
    }

    /// Waits until the server is connected; says why it is not, as soon as that is known.
    async fn connected(&self) -> Result<(), Refusal> {
        loop {
            let row = self.row().await?;
            match row.state {
                ConnectionState::Connected => return Ok(()),
                ConnectionState::Connecting | ConnectionState::Asleep => tokio::time::sleep(LOOK).await,
                ConnectionState::Away
                | ConnectionState::Credentials
                | ConnectionState::SignIn
                | ConnectionState::Unfilled
                | ConnectionState::Off => {
                    return Err(sentence(format!("The server is away. {}", row.error)));
                }
            }
        }
    }

    /// The connection as its person's page shows it.
    async fn row(&self) -> Result<ConnectionRow, Refusal> {
        let rows = self.backend.connections.rows(&self.caller).await;
        rows.into_iter().find(|row| row.id == self.connection).ok_or_else(|| sentence("The connection is gone."))
    }

    /// The schema of a tool's arguments, as the model would be told it.
    async fn schema_of(&self, tool: &str) -> Result<Value, Refusal> {
        let specs = self.backend.connections.list(&self.caller).await;
        let spec = specs.into_iter().find(|spec| spec.name == offered_as(tool));
        spec.map(|spec| spec.input_schema.clone())
            .ok_or_else(|| sentence(format!("The tool «{tool}» is not on offer.")))
    }

    /// Calls every tool on offer with arguments of its schema.
    async fn call_all(&self) -> Result<(), Refusal> {
        for tool in self.row().await?.tools {
            let schema = self.schema_of(&tool.name).await?;
            self.call(&tool.name, person::arguments(&schema)).await?;
        }
        Ok(())
    }

    /// Calls a tool as the bot does; an error of the server's is an answer too.
    async fn call(&self, tool: &str, arguments: Value) -> Result<(), Refusal> {
        let cx = ToolCx {
            caller: self.caller.clone(),
            conversation: None,
            store: self.backend.store.clone(),
            clock: self.backend.clock.clone(),
            progress: Arc::new(|_, _| {}),
            asking: Arc::new(Obliging),
            kept: Arc::new(app::backend::tools::kept::Nowhere),
            definition: None,
        };
        let call = ToolCall::new(CallId(tool.to_owned()), offered_as(tool), arguments);
        let outcome: Option<ToolOutcome> = self.backend.connections.call(&cx, &call).await;
        let outcome = outcome.ok_or_else(|| sentence(format!("The tool «{tool}» is not on offer.")))?;
        if outcome.is_error {
            tracing::warn!(tool, "a call failed: {}", outcome.text);
        }
        Ok(())
    }
}

/// What a tool of the suite's is called here.
fn offered_as(tool: &str) -> String {
    format!("{NAME}__{tool}")
}

fn sentence(text: impl Into<String>) -> Refusal {
    Refusal::Sentence(text.into())
}

/// A folder that goes when the scenario ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, Refusal> {
        let path = std::env::temp_dir().join(format!("parley-conformance-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| sentence(format!("No folder can be made: {error}.")))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it is in the machine's folder for such things.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}
