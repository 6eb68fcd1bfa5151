//! `updraft completions SHELL`.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::raw;

/// Prints a completion script on stdout.
#[derive(Debug, Args)]
#[command(
    after_help = "For example: updraft completions bash > ~/.local/share/bash-completion/completions/updraft"
)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "updraft", &mut script);
        raw(&script)?;
        Ok(Exit::Ok)
    }
}
