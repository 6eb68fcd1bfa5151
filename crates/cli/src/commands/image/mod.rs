//! `updraft image`: files, without a server.

mod flash;
mod info;
mod report;
mod verify;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Commands on firmware files.
#[derive(Debug, Subcommand)]
pub(crate) enum Image {
    /// Show what a firmware file says of itself
    Info(info::Info),
    /// Check a firmware file as a device would before it boots it, and more strictly
    Verify(verify::Verify),
    /// Build a whole flash image for the factory
    Flash(flash::Flash),
}

impl Image {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Info(command) => command.run(context),
            Self::Verify(command) => command.run(context),
            Self::Flash(command) => command.run(context),
        }
    }
}
