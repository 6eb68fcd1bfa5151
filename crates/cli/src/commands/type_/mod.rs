//! `updraft type`: what builds are for.

mod list;
mod set;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;

/// Commands on device types.
#[derive(Debug, Subcommand)]
pub(crate) enum Type {
    /// List device types
    List(list::List),
    /// Set what fits a device type
    Set(set::Set),
}

impl Type {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runtime::client(async {
            match self {
                Self::List(command) => command.run(context).await,
                Self::Set(command) => command.run(context).await,
            }
        })
    }
}
