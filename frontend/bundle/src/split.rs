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

/// How the loader waits for what a chunk shares with others.
const AWAITED: &str = "await Promise.all(parallelStuff);";

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
    Ok(Split { main, chunks, loader: patient(&loader)? })
}

/// The loader, as one that fails when all it fetches has come or failed, and not with the first of them: whoever tries
/// again meanwhile would be given what is still on its way, and fail with that.
fn patient(loader: &str) -> Result<String> {
    ensure!(loader.matches(AWAITED).count() == 1, "the chunks' loader does not wait for its pieces as it used to");
    Ok(loader.replace(AWAITED, &format!("await Promise.allSettled(parallelStuff);\n        {AWAITED}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loader_fails_when_all_it_fetches_is_over() {
        let loader = patient("const f = async () => {\n    await Promise.all(parallelStuff);\n};").unwrap_or_default();
        let (settled, thrown) = (loader.find("allSettled(parallelStuff)"), loader.find("Promise.all(parallelStuff)"));
        assert!(settled.is_some() && settled < thrown, "{loader}");
        assert!(patient("await Promise.any(parallelStuff);").is_err());
    }
}
