//! The `updraft` command: over-the-air updates for ESP32 fleets.
//!
//! One file a subcommand, under `commands/`. Data goes to stdout, everything else to stderr; with `--json`
//! both are JSON. A command returns an [`exit::Exit`] or an [`error::Failure`], and only `main` ends the
//! process.

mod api;
mod aside;
mod cli;
mod commands;
mod context;
mod demo_firmware;
mod error;
mod espota;
mod exit;
mod firmware;
mod local;
mod output;
mod progress;
mod runtime;
mod settings;
mod signals;
mod size;
mod table;
mod text;

use std::process::ExitCode;

use clap::Parser as _;

use cli::Cli;
use context::Context;
use error::Failure;
use exit::Exit;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return cli::refuse(&error).into(),
    };
    let json = cli.global.json;
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report(json);
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let context = Context::new(&cli.global)?;
    cli.command.run(&context)
}
