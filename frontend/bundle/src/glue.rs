//! wasm-bindgen, run as a library: its command-line tool would cost a bare machine eleven more minutes of compiling.
//!
//! The crate's version must be the very one in Cargo.lock, hence the `=` in the workspace.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

/// The two files a page loads, unhashed, and the folder of inline JavaScript that crates bring, if any does.
#[derive(Debug)]
pub(crate) struct Glue {
    /// `NAME.js`.
    pub(crate) js: PathBuf,
    /// `NAME.wasm`, as Leptos asks for it (wasm-bindgen itself says `NAME_bg.wasm`).
    pub(crate) wasm: PathBuf,
    /// `snippets/`, imported by the JavaScript with a relative path.
    pub(crate) snippets: Option<PathBuf>,
}

/// Writes the glue for `wasm` into `folder`.
pub(crate) fn generate(name: &str, wasm: &Path, folder: &Path) -> Result<Glue> {
    Bindgen::new()
        .input_path(wasm)
        .out_name(name)
        .typescript(false)
        // What is to be trimmed is known by its name; the names go with it.
        .remove_name_section(false)
        .remove_producers_section(true)
        // Leptos always passes the path, which holds a hash; a default one would only be wrong.
        .omit_default_module_path(true)
        .web(true)
        .and_then(|bindgen| bindgen.generate(folder))
        .with_context(|| format!("wasm-bindgen could not process {}", wasm.display()))?;
    let renamed = folder.join(format!("{name}.wasm"));
    std::fs::rename(folder.join(format!("{name}_bg.wasm")), &renamed)
        .with_context(|| format!("cannot write {}", renamed.display()))?;
    let snippets = Some(folder.join("snippets")).filter(|path| path.is_dir());
    Ok(Glue { js: folder.join(format!("{name}.js")), wasm: renamed, snippets })
}
