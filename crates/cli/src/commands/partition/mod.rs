//! `updraft partition …`: partition tables, without a server.

mod build;
mod check;
mod diff;
mod input;
mod report;
mod show;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// What `updraft partition` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Partition {
    /// Print a partition table
    Show(show::Show),
    /// Say what is wrong with a partition table
    Check(check::Check),
    /// Turn a CSV into a binary table, or back
    Build(build::Build),
    /// Say how two partition tables differ
    Diff(diff::Diff),
}

impl Partition {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Show(command) => command.run(context),
            Self::Check(command) => command.run(context),
            Self::Build(command) => command.run(context),
            Self::Diff(command) => command.run(context),
        }
    }
}
