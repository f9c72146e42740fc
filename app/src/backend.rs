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
pub mod limiter;
pub mod llm;
pub mod metrics;
pub mod store;
pub mod task;
#[cfg(any(test, feature = "testing"))]
pub mod test;
pub mod tools;

use self::{
    auth::Auth,
    chat::{Chat, Options, Setup},
    clock::Clock,
    config::Config,
    hub::Hub,
    limiter::{Action, Key, Limiter},
    llm::{Models, catalogue::CatalogueError},
    store::{Store, StoreError},
    task::Tasks,
    tools::{RegistryError, ToolRegistry, serve::http::McpHttp},
};
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
    /// The tools on offer.
    pub tools: ToolRegistry,
    /// The conversations' use cases.
    pub chat: Arc<Chat>,
    /// Its tools for other programs, over HTTP.
    pub mcp: McpHttp,
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
        if let Some(folder) = &config.data_dir {
            writable(folder).map_err(|source| OpenError::DataDir { folder: folder.clone(), source })?;
        }
        let store = Store::open(&config.database, clock.clone())
            .await
            .map_err(|source| OpenError::Database { shown: config.database.shown(), source })?;
        let (tasks, hub) = (Tasks::default(), Hub::default());
        let limiter = Limiter::new(&config.rates, clock.clone());
        let auth =
            Auth::new(store.clone(), clock.clone(), hub.clone(), limiter.clone(), config.https(), config.sign_up_open);
        let models = Models::from_config(&config.models, &http::client()?)?;
        let tools = ToolRegistry::builtin(http::Guarded::new()?, hub.clone())?;
        let (sends, creates, frames) = (limiter.clone(), limiter.clone(), limiter.clone());
        let chat = Chat::new(Setup {
            store: store.clone(),
            hub: hub.clone(),
            models: models.clone(),
            tools: tools.clone(),
            tasks: tasks.clone(),
            clock: clock.clone(),
            sending: Box::new(move |user| sends.check(Action::Send, &Key::User(user))),
            creating: Box::new(move |user| creates.check(Action::Create, &Key::User(user))),
            frames: Box::new(move || {
                let budget = frames.socket();
                Box::new(move |()| budget.check())
            }),
            options: Options::default(),
        });
        let mcp = McpHttp::new(tools.clone(), store.clone(), clock.clone(), tasks.stopping());
        let backend = Self { config, clock, tasks, hub, store, limiter, auth, models, tools, chat, mcp };
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
        self.tasks.spawn("purge", async move {
            loop {
                match store.purge_deleted().await {
                    Ok(0) => {}
                    Ok(conversations) => tracing::info!(conversations, "removed what was deleted"),
                    Err(error) => tracing::warn!(%error, "what was deleted cannot be removed yet"),
                }
                if stop.run_until_cancelled(tokio::time::sleep(PURGE)).await.is_none() {
                    return;
                }
            }
        });
    }

    /// Begins what a stop or a crash left: once, before the first request.
    pub async fn begin(&self) {
        self.chat.recover().await;
    }

    /// Takes no new turns, tells every tab, and lets running turns finish or be checkpointed within `grace`.
    pub async fn drain(&self, grace: Duration) {
        self.chat.close();
        self.tasks.stop();
        self.chat.drain(grace).await;
    }

    /// Ends every task and closes the store. Nothing works afterwards.
    pub async fn close(&self) {
        self.tasks.stop();
        if !self.tasks.wait(LAST_WORDS).await {
            tracing::warn!("some background tasks did not end in time");
        }
        self.store.close().await;
    }
}

/// Makes `folder` if it is not there, and tries to write to it.
fn writable(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let probe = folder.join(format!(".parley-{}", std::process::id()));
    std::fs::write(&probe, [])?;
    std::fs::remove_file(&probe)
}
