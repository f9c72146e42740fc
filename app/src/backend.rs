//! The backend: everything that works without a page. [`Backend`] is the composition root.
//!
//! Invariant: nothing below imports leptos, axum, `api` or `ui` (checked by `tests/layers.rs`).

pub mod auth;
pub mod caller;
pub mod chat;
pub mod clock;
pub mod config;
pub mod http;
pub mod hub;
pub mod jwt;
pub mod limiter;
pub mod llm;
pub mod metrics;
pub mod secrets;
pub mod store;
pub mod task;
#[cfg(any(test, feature = "testing"))]
pub mod test;
pub mod tools;
pub mod weight;

use self::{
    auth::{
        Auth,
        oauth::{Documents, OAuth, Site},
    },
    chat::{Chat, Options, Programs, Setup},
    clock::Clock,
    config::{Config, McpEndpoint},
    hub::Hub,
    limiter::{Action, Key, Limiter},
    llm::{Models, catalogue::CatalogueError},
    secrets::Secrets,
    store::{Store, StoreError, tasks::Runner},
    task::Tasks,
    tools::{
        RegistryError, ToolRegistry, conversations,
        picker::Picker,
        prompts::SavedPrompts,
        remote::{self, Connections, Means},
        sending,
        serve::{
            self,
            call::Calls,
            http::McpHttp,
            resources::{collections::Schemas, conversations::Conversations},
        },
    },
};
use crate::wire::id::Millis;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Between two sweeps of the limiter's idle buckets.
const SWEEP: Duration = Duration::from_mins(1);
/// How often deleted conversations whose time to be brought back is over are removed for good.
const PURGE: Duration = Duration::from_hours(1);
/// What background tasks get to end once everything else has: longer than a socket waits for its peer's goodbye.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Everything at work in this process.
#[derive(Debug)]
pub struct Backend {
    /// What it was told to be.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// Its background tasks.
    pub tasks: Tasks,
    /// Its switchboard.
    pub hub: Hub,
    /// Its store.
    pub store: Store,
    /// Its limits.
    pub limiter: Limiter,
    /// Its gate.
    pub auth: Auth,
    /// The models on offer.
    pub models: Models,
    /// The tools on offer to everybody and to other programs: the built-in ones.
    pub tools: ToolRegistry,
    /// People's MCP servers; the bot uses their tools besides.
    pub connections: Connections,
    /// The conversations' use cases.
    pub chat: Arc<Chat>,
    /// People's saved prompts.
    pub prompts: SavedPrompts,
    /// What its MCP endpoints are made of.
    pub programs: serve::Setup,
    /// What other programs find of it over HTTP, at `/mcp`.
    pub mcp: McpHttp,
    /// The same at the operator's further endpoints, each with less.
    pub mcp_others: Vec<McpHttp>,
}

/// Why the backend cannot start: a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder cannot be made or written to.
    #[error("The data folder {} cannot be written to (PARLEY_DATA_DIR): {source}.", folder.display())]
    DataDir {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be reached, opened or migrated.
    #[error("The database {shown} cannot be opened (PARLEY_DATABASE_URL): {source}.")]
    Database {
        /// Its address without secrets.
        shown: String,
        /// Why.
        source: StoreError,
    },
    /// The models cannot be offered as configured.
    #[error("The models cannot be offered: {0}.")]
    Models(#[from] CatalogueError),
    /// The built-in tools do not fit together: a fault of ours.
    #[error("The tools cannot be offered: {0}.")]
    Tools(#[from] RegistryError),
    /// No HTTP client.
    #[error("No secure connection can be made from here: {0}.")]
    Http(#[from] reqwest::Error),
}

impl Backend {
    /// Opens everything: the data folder, the database (which it migrates), the models, the tools.
    pub async fn open(config: Config) -> Result<Arc<Self>, OpenError> {
        Self::open_at(config, Clock::System).await
    }

    /// [`Backend::open`] at a clock of one's own.
    pub async fn open_at(config: Config, clock: Clock) -> Result<Arc<Self>, OpenError> {
        Self::open_with(config, clock, true).await
    }

    /// [`Backend::open`] for a process that serves no page: nobody can be asked by its turns.
    pub async fn open_without_page(config: Config) -> Result<Arc<Self>, OpenError> {
        Self::open_with(config, Clock::System, false).await
    }

    async fn open_with(config: Config, clock: Clock, page: bool) -> Result<Arc<Self>, OpenError> {
        if let Some(folder) = &config.data_dir {
            writable(folder).map_err(|source| OpenError::DataDir { folder: folder.clone(), source })?;
        }
        let store = Store::open(&config.database, clock.clone())
            .await
            .map_err(|source| OpenError::Database { shown: config.database.shown(), source })?;
        let (tasks, hub) = (Tasks::default(), Hub::default());
        let limiter = Limiter::new(&config.rates, clock.clone());
        let oauth = OAuth::new(
            store.clone(),
            clock.clone(),
            hub.clone(),
            limiter.clone(),
            Documents::new(http::Guarded::new()?),
            Site::new(&config.origin(), config.mcp.endpoints.iter().map(|endpoint| endpoint.path.clone())),
            http::own()?,
        );
        let auth = Auth::new(
            store.clone(),
            clock.clone(),
            hub.clone(),
            limiter.clone(),
            config.https(),
            config.sign_up_open,
            oauth,
        );
        let models = Models::from_config(&config.models, &http::client()?)?;
        let tools = ToolRegistry::builtin(http::Guarded::new()?, hub.clone())?;
        let connections = Connections::new(Means {
            config: config.servers.clone(),
            store: store.clone(),
            secrets: Secrets::new(&config.secrets),
            home: remote::oauth::Home::at(&config.origin()),
            tasks: tasks.clone(),
            clock: clock.clone(),
            options: remote::Options::default(),
        })?;
        let (sends, creates, frames) = (limiter.clone(), limiter.clone(), limiter.clone());
        let chat = Chat::new(Setup {
            store: store.clone(),
            hub: hub.clone(),
            models: models.clone(),
            tools: tools.clone().with_remote(connections.clone()),
            tasks: tasks.clone(),
            clock: clock.clone(),
            sending: Box::new(move |user| sends.check(Action::Send, &Key::User(user))),
            creating: Box::new(move |user| creates.check(Action::Create, &Key::User(user))),
            frames: Box::new(move || {
                let budget = frames.socket();
                Box::new(move |()| budget.check())
            }),
            options: Options {
                approval: config.approval_wait,
                page,
                summaries: config.summaries,
                ..Options::default()
            },
        });
        let prompts = SavedPrompts::new(store.clone(), hub.clone());
        let programs = serve::Setup {
            // Not the bot's: it must not talk to itself.
            tools: tools.each(conversations::named)?.and(vec![
                ("conversations", conversations::for_programs(hub.clone())),
                ("chat", sending::tools(Arc::new(Programs(Arc::clone(&chat))), hub.clone())),
            ])?,
            sources: vec![Arc::new(Conversations), Arc::new(Schemas)],
            prompts: prompts.clone(),
            store: store.clone(),
            clock: clock.clone(),
            hub: hub.clone(),
            tasks: tasks.clone(),
            calls: Calls::new(store.clone(), clock.clone(), tasks.clone(), Runner::Server),
            config: config.mcp.clone(),
        };
        programs.calls.long.go_on_with(programs.tools.clone());
        let mcp = McpHttp::new(programs.endpoint(&McpEndpoint::main())?, tasks.stopping());
        let others = config.mcp.endpoints.iter();
        let others = others.map(|endpoint| Ok(McpHttp::new(programs.endpoint(endpoint)?, tasks.stopping())));
        let mcp_others = others.collect::<Result<Vec<_>, RegistryError>>()?;
        let backend = Self {
            config,
            clock,
            tasks,
            hub,
            store,
            limiter,
            auth,
            models,
            tools,
            connections,
            chat,
            prompts,
            programs,
            mcp,
            mcp_others,
        };
        backend.keep_house();
        Ok(Arc::new(backend))
    }

    /// Forgets what is idle and removes what was deleted, until the drain.
    fn keep_house(&self) {
        let (limiter, stop) = (self.limiter.clone(), self.tasks.stopping());
        self.tasks.spawn("sweep", async move {
            while stop.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
                limiter.sweep();
            }
        });
        let (store, stop) = (self.store.clone(), self.tasks.stopping());
        let (clock, record_days) = (self.clock.clone(), self.config.record_days);
        self.tasks.spawn("purge", async move {
            loop {
                match store.purge_deleted().await {
                    Ok(0) => {}
                    Ok(conversations) => tracing::info!(conversations, "removed what was deleted"),
                    Err(error) => tracing::warn!(%error, "what was deleted cannot be removed yet"),
                }
                if let Err(error) = store.purge_tasks().await {
                    tracing::warn!(%error, "expired tasks cannot be removed yet");
                }
                match store.purge_oauth().await {
                    Ok(0) => {}
                    Ok(rows) => tracing::debug!(rows, "removed what programs can use no more"),
                    Err(error) => tracing::warn!(%error, "what programs can use no more cannot be removed yet"),
                }
                purge_record(&store, &clock, record_days).await;
                if stop.run_until_cancelled(tokio::time::sleep(PURGE)).await.is_none() {
                    return;
                }
            }
        });
    }

    /// The built-in tools and those of each person's servers: what the bot has.
    pub fn all_tools(&self) -> ToolRegistry {
        self.tools.clone().with_remote(self.connections.clone())
    }

    /// What people take up in a message of their own and of their servers'.
    pub fn picker(&self) -> Picker {
        Picker::new(self.store.clone(), self.clock.clone(), Some(self.connections.clone()))
    }

    /// Begins what a stop or a crash left, and from then on looks after what other processes leave: once, before the
    /// first request.
    pub async fn begin(&self) {
        if let Err(error) = self.connections.reseal().await {
            tracing::warn!(%error, "people's secrets cannot be sealed anew");
        }
        self.chat.recover().await;
        self.chat.look_after_others();
        self.mcp.server().calls().long.recover().await;
    }

    /// Takes no new turns, tells every tab, and lets running turns finish or be checkpointed within `grace`.
    pub async fn drain(&self, grace: Duration) {
        self.chat.close();
        self.tasks.stop();
        self.chat.drain(grace).await;
    }

    /// Ends every task and closes the store. Nothing works afterwards.
    pub async fn close(&self) {
        self.programs.calls.long.end().await;
        self.tasks.stop();
        if !self.tasks.wait(LAST_WORDS).await {
            tracing::warn!("some background tasks did not end in time");
        }
        self.store.close().await;
    }
}

/// Removes the records of tool calls that are older than they are to be kept.
async fn purge_record(store: &Store, clock: &Clock, days: u64) {
    if days == 0 {
        return;
    }
    let kept = i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(24 * 3600 * 1000);
    match store.purge_tool_calls(Millis(clock.now().0.saturating_sub(kept))).await {
        Ok(0) => {}
        Ok(calls) => tracing::info!(calls, "removed old records of tool calls"),
        Err(error) => tracing::warn!(%error, "old records of tool calls cannot be removed yet"),
    }
}

/// Makes `folder` if it is not there, and tries to write to it.
fn writable(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let probe = folder.join(format!(".parley-{}", std::process::id()));
    std::fs::write(&probe, [])?;
    std::fs::remove_file(&probe)
}
