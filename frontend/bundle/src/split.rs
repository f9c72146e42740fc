//! Cuts the linked module into the one that every page loads and the chunks that are fetched when they are needed.
//!
//! Where it is cut stands in the sources: `app::ui::kit::lazy`. What a chunk alone reaches goes into its file, what
//! several reach and the main module does not goes into a file they share, and the main module keeps the rest. The work
//! is done by the library that cargo-leptos uses for `--split`. Of its output only the names matter here: the main
//! module imports [`LOADER`], which fetches `./NAME.wasm` for each of `chunks`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use wasm_split_cli_support::{Options, transform};

/// What the main module imports the chunks' loaders from. There is no such file: see [`crate::glue`].
pub(crate) const LOADER: &str = "./__wasm_split.js";

/// The pieces.
#[derive(Debug)]
pub(crate) struct Split {
    /// What every page loads; wasm-bindgen is yet to see it.
    pub(crate) main: Vec<u8>,
    /// What is fetched when needed, unhashed: `NAME.wasm`.
    pub(crate) chunks: Vec<PathBuf>,
    /// JavaScript that fetches them.
    pub(crate) loader: String,
}

/// Splits `module`; the chunks are written to `folder`.
pub(crate) fn split(name: &str, module: &[u8], folder: &Path) -> Result<Split> {
    let main_out = folder.join("main.wasm");
    let main_module = format!("./{name}.js");
    let mut options = Options::new(module);
    options.output_dir = folder;
    options.main_out_path = &main_out;
    options.main_module = &main_module;
    options.link_name = LOADER;
    let written = transform(options).map_err(|error| anyhow!("{error:#}")).context("cannot split the WASM")?;
    ensure!(!written.split_modules.is_empty(), "nothing was split off: was it built with the feature `split`?");
    let take = |path: PathBuf| -> Result<Vec<u8>> {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        Ok(bytes)
    };
    let main = take(main_out.clone())?;
    let loader = String::from_utf8(take(folder.join(LOADER))?).context("the loader is not text")?;
    let mut chunks = written.split_modules;
    chunks.sort();
    Ok(Split { main, chunks, loader })
}
