//! What is to be built: the workspace's `[[workspace.metadata.leptos]]` table, as cargo-leptos reads it.
//!
//! Only the keys this bundler acts on are named here; cargo-leptos knows the rest.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The project as the bundler sees it; paths are absolute.
#[derive(Debug)]
pub(crate) struct Project {
    /// The workspace's folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// What the outputs are called: `NAME.HASH.js`.
    pub(crate) name: String,
    /// The package whose library runs in the browser.
    pub(crate) package: String,
    /// The cargo profile to build it with.
    pub(crate) profile: String,
    /// The folder of JavaScript, WASM and stylesheet, below the site's root.
    pub(crate) pkg_dir: PathBuf,
    /// Files copied to the site's root as they are.
    pub(crate) assets: PathBuf,
    /// Tailwind's input.
    pub(crate) stylesheet: PathBuf,
    /// The file beside the server's binary that tells it the hashes.
    pub(crate) hash_file: String,
}

#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    target_directory: PathBuf,
    #[serde(rename = "metadata")]
    tables: Option<Tables>,
}

#[derive(Deserialize)]
struct Tables {
    leptos: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    name: String,
    lib_package: String,
    lib_profile_release: String,
    site_pkg_dir: PathBuf,
    assets_dir: PathBuf,
    tailwind_input_file: PathBuf,
    hash_file_name: String,
}

impl Project {
    /// Asks cargo for the workspace this is run in.
    pub(crate) fn read() -> Result<Self> {
        let output = Command::new(cargo())
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cannot run cargo")?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
        Self::parse(&output.stdout)
    }

    fn parse(json: &[u8]) -> Result<Self> {
        let metadata: Metadata = serde_json::from_slice(json)
            .context("[[workspace.metadata.leptos]] in Cargo.toml lacks a key that the bundler needs")?;
        let table = metadata
            .tables
            .and_then(|tables| tables.leptos.into_iter().next())
            .context("Cargo.toml has no [[workspace.metadata.leptos]] table")?;
        let root = metadata.workspace_root;
        Ok(Self {
            target: metadata.target_directory,
            name: table.name,
            package: table.lib_package,
            profile: table.lib_profile_release,
            pkg_dir: table.site_pkg_dir,
            assets: root.join(table.assets_dir),
            stylesheet: root.join(table.tailwind_input_file),
            hash_file: table.hash_file_name,
            root,
        })
    }

    /// Where npm puts the tools' programs: the `node_modules` beside the stylesheet.
    pub(crate) fn npm_program(&self, name: &str) -> PathBuf {
        let style = self.stylesheet.parent().unwrap_or_else(|| Path::new("."));
        style.join("node_modules/.bin").join(name)
    }
}

/// The cargo that runs us, so that one toolchain builds everything.
pub(crate) fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_workspace_is_read_as_it_is() {
        let project = Project::read().unwrap();
        assert_eq!((project.name.as_str(), project.package.as_str()), ("parley", "frontend"));
        assert!(project.root.join("Cargo.toml").is_file());
        assert!(project.stylesheet.starts_with(&project.root));
    }

    #[test]
    fn a_missing_key_is_named() {
        let json = br#"{"workspace_root": "/p", "target_directory": "/t", "metadata": {"leptos": [{"name": "x"}]}}"#;
        let error = format!("{:#}", Project::parse(json).unwrap_err());
        assert!(error.contains("lib-package"), "{error}");
    }

    #[test]
    fn a_workspace_without_the_table_is_refused() {
        let json = br#"{"workspace_root": "/p", "target_directory": "/t", "metadata": null}"#;
        let error = Project::parse(json).unwrap_err().to_string();
        assert!(error.contains("[[workspace.metadata.leptos]]"), "{error}");
    }
}
