//! The program `parley`.

use clap::Parser;
use server::cli::{self, Cli};
use std::process::ExitCode;

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
