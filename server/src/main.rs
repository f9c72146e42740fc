//! The program `parley`.

use clap::Parser;
use mimalloc::MiMalloc;
use server::cli::{self, Cli};
use std::process::ExitCode;

/// Also SQLite's, whose pages glibc's allocator would take from and give back to one heap for all threads: a quarter of
/// the time of a call over `/mcp` was spent there.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // Before anything runs beside it: the environment is read from here on, never written.
    if let Err(refusal) = cli::read_env_file() {
        return refusal.tell();
    }
    match cli::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => refusal.tell(),
    }
}
