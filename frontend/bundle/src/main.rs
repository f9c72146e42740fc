//! `cargo bundle [DIR]`: builds the browser side into `DIR/site` and `DIR/hash.txt` (default `target/parley`).
//!
//! It does the part of `cargo leptos build --release` that `make run` and CI need, from the same
//! `[[workspace.metadata.leptos]]` table, without the hour that compiling cargo-leptos costs on a bare machine.
//! Invariant: the site folder is swapped in whole, so it never holds files of two builds. Live reload is not here:
//! that is `cargo leptos watch`.

mod compress;
mod glue;
mod linked;
mod names;
mod panics;
mod paths;
mod project;
mod sizes;
mod split;
mod tools;
mod trim;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::project::Project;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bundle: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let project = Project::read()?;
    let out = output_folder(&project)?;
    std::fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;

    let folders = paths::Folders::here();
    let wasm = tools::cargo_build(&project, &folders)?;
    let css = tools::tailwind(&project)?;
    let fingerprint = names::fingerprint(&project, &wasm, &css)?;
    let stamp = out.join(".fingerprint");
    if std::fs::read_to_string(&stamp).is_ok_and(|last| last == fingerprint) {
        eprintln!("bundle: {} is up to date", out.join("site").display());
        return Ok(());
    }
    let _ = std::fs::remove_file(&stamp);

    let site = out.join(".site");
    let _ = std::fs::remove_dir_all(&site);
    let pkg = site.join(&project.pkg_dir);
    if project.assets.is_dir() {
        names::copy_folder(&project.assets, &site)?;
    }
    std::fs::create_dir_all(&pkg).with_context(|| format!("cannot create {}", pkg.display()))?;
    let linked = std::fs::read(&wasm).with_context(|| format!("cannot read {}", wasm.display()))?;
    let split = split::split(&project.name, &trim::trim(linked)?, &pkg)?;
    let glue = glue::generate(&project.name, split, &pkg)?;
    tools::terser(&project, &glue.js)?;
    for module in std::iter::once(&glue.wasm).chain(&glue.chunks) {
        tools::wasm_opt(&project, module)?;
        if let Err(named) = folders.check(module) {
            eprintln!("bundle: {named}");
        }
    }
    let hashed = names::hash_outputs(&project.name, &pkg, &glue, &css)?;
    compress::folder(&site)?;

    let hash_file = out.join(&project.hash_file);
    std::fs::write(&hash_file, hashed.hash_file()).with_context(|| format!("cannot write {}", hash_file.display()))?;
    let public = out.join("site");
    let _ = std::fs::remove_dir_all(&public);
    std::fs::rename(&site, &public).with_context(|| format!("cannot put {} in place", public.display()))?;
    let pkg = public.join(&project.pkg_dir);
    sizes::report(&hashed.files(&pkg), &hashed.chunks(&pkg))?;
    std::fs::write(&stamp, fingerprint).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(())
}

fn output_folder(project: &Project) -> Result<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().map_or_else(|| project.root.join("target/parley"), PathBuf::from);
    if arguments.next().is_some() || folder.to_string_lossy().starts_with('-') {
        bail!("usage: cargo bundle [DIR]");
    }
    Ok(folder)
}
