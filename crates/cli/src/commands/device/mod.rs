//! `updraft device`: what is out there.

mod change;
mod check_update;
mod enrol;
mod hold;
mod list;
mod pin;
mod show;
mod tag;
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
    /// Say where a device is and what it belongs to
    Tag(tag::Tag),
    /// Let a device run one version and no other
    Pin(pin::Pin),
    /// Leave a device alone for a while
    Hold(hold::Hold),
    /// Have a device update now, if there is anything for it
    CheckUpdate(check_update::CheckUpdate),
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
                Self::Tag(command) => command.run(context).await,
                Self::Pin(command) => command.run(context).await,
                Self::Hold(command) => command.run(context).await,
                Self::CheckUpdate(command) => command.run(context).await,
                Self::Enrol(command) => command.run(context).await,
            }
        })
    }
}
