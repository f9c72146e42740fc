//! What every route may take: the backend and Leptos' options.

use app::backend::{Backend, config::Config};
use axum::extract::FromRef;
use leptos::prelude::LeptosOptions;
use std::{ops::Deref, sync::Arc};

/// The file beside the program that holds the hashes in the names of the page's files, if they have any.
const HASHES: &str = "hash.txt";

/// The routes' state. Cloning it costs next to nothing: axum does so for each layer, with all that is inside it, at each
/// request.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Inner>);

/// What the state holds.
#[derive(Debug)]
pub struct Inner {
    /// Everything that works without a page.
    pub backend: Arc<Backend>,
    /// Where the page's files are and what they are called.
    pub leptos: LeptosOptions,
}

impl AppState {
    /// The state for a backend.
    pub fn new(backend: Arc<Backend>) -> Self {
        let leptos = options(&backend.config);
        Self(Arc::new(Inner { backend, leptos }))
    }
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

fn options(config: &Config) -> LeptosOptions {
    let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(|folder| folder.join(HASHES)));
    let port = config.live_reload.map_or(3001, u32::from);
    LeptosOptions::builder()
        .output_name("parley")
        .site_root(config.site_root.to_string_lossy().as_ref())
        .site_addr(config.bind)
        .reload_port(port)
        .hash_files(beside.is_some_and(|file| file.is_file()))
        .build()
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

impl FromRef<AppState> for Arc<Backend> {
    fn from_ref(state: &AppState) -> Self {
        Arc::clone(&state.backend)
    }
}
