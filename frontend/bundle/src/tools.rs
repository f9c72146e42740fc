//! The programs that are run: cargo for the WASM, Tailwind for the stylesheet, `wasm-opt` and terser for size.
//!
//! All but the first come from npm (`style/package.json`); what they print goes to the terminal.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::paths::Folders;
use crate::project::{Project, cargo};

const TARGET: &str = "wasm32-unknown-unknown";

/// What rustc assumes of a browser since 1.87; `wasm-opt` refuses a module that uses more than it is told of.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Compiles the browser's library; returns the path of its WASM.
pub(crate) fn cargo_build(project: &Project, folders: &Folders) -> Result<PathBuf> {
    let mut command = Command::new(cargo());
    command.current_dir(&project.root).args([
        "rustc",
        "--config",
        &folders.setting(),
        "--lib",
        "--package",
        &project.package,
        "--target",
        TARGET,
        "--profile",
        &project.profile,
        // Off in `cargo leptos watch`, where everything is one module.
        "--features",
        "split",
        "--",
        // What splitting goes by: which bytes of the code stand for which function or address.
        "-Clink-arg=--emit-relocs",
    ]);
    run(&mut command, "cargo build of the browser side")?;
    let folder = if project.profile == "dev" { "debug" } else { project.profile.as_str() };
    Ok(project.target.join(TARGET).join(folder).join(format!("{}.wasm", project.package.replace('-', "_"))))
}

/// Compiles the stylesheet from the classes that the sources use.
pub(crate) fn tailwind(project: &Project) -> Result<Vec<u8>> {
    let mut command = Command::new(npm_program(project, "tailwindcss")?);
    command.current_dir(&project.root).arg("--input").arg(&project.stylesheet).args(["--output", "-", "--minify"]);
    // It announces its version and time on stderr at every run: shown only when it fails.
    let output = command.stdin(Stdio::null()).output().context("cannot run tailwindcss")?;
    if !output.status.success() || output.stdout.is_empty() {
        bail!("tailwindcss failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output.stdout)
}

/// Shrinks the WASM in place.
pub(crate) fn wasm_opt(project: &Project, wasm: &Path) -> Result<()> {
    let mut command = Command::new(npm_program(project, "wasm-opt")?);
    // Twice: the second time there is still a little. Functions of like names are alike: side by side they are a hundredth
    // less to download. The names themselves are not written without `--debuginfo`.
    command.args(["-Oz", "-Oz", "--reorder-functions-by-name", "--strip-producers"]);
    command.args(WASM_FEATURES).arg(wasm).arg("-o").arg(wasm);
    run(&mut command, "wasm-opt")
}

/// Shrinks the script in place, which saves about a seventh of its download.
pub(crate) fn terser(project: &Project, script: &Path) -> Result<()> {
    let mut command = Command::new(npm_program(project, "terser")?);
    command.arg(script).args(["--module", "--compress", "passes=2", "--mangle", "--output"]).arg(script);
    run(&mut command, "terser")
}

fn npm_program(project: &Project, name: &str) -> Result<PathBuf> {
    let program = project.npm_program(name);
    if !program.exists() {
        bail!("{} is missing: run `make setup` (it is an npm package of style/package.json)", program.display());
    }
    Ok(program)
}

fn run(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {what}"))?;
    if !status.success() {
        bail!("{what} failed ({status})");
    }
    Ok(())
}
