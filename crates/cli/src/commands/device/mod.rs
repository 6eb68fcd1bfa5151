//! `updraft device`: what is out there.

mod enrol;
mod list;
mod show;
mod why;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;

/// Commands on devices.
#[derive(Debug, Subcommand)]
pub(crate) enum Device {
    /// List devices
    List(list::List),
    /// Show one device and what became of its updates
    Show(show::Show),
    /// Say why a device is offered what it is offered, or nothing
    Why(why::Why),
    /// Give a device a token of its own
    Enrol(enrol::Enrol),
}

impl Device {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runtime::client(async {
            match self {
                Self::List(command) => command.run(context).await,
                Self::Show(command) => command.run(context).await,
                Self::Why(command) => command.run(context).await,
                Self::Enrol(command) => command.run(context).await,
            }
        })
    }
}
