//! `updraft release`: publish, and decide who gets what.

mod block;
mod change;
mod list;
mod promote;
mod publish;
mod select;
mod show;
mod sync;
mod unblock;
mod view;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;

/// Commands on releases.
#[derive(Debug, Subcommand)]
pub(crate) enum Release {
    /// Publish a firmware image
    Publish(publish::Publish),
    /// List releases
    List(list::List),
    /// Show one release
    Show(show::Show),
    /// Point a channel at a release; stable, unless another is named
    Promote(promote::Promote),
    /// Change a release's status, notes, or what it can be installed over
    Change(change::Change),
    /// Offer a release to nobody any more
    Block(block::Block),
    /// Offer a blocked release again
    Unblock(unblock::Unblock),
    /// Look at the server's artifact store now
    Sync(sync::Sync),
}

impl Release {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runtime::client(async {
            match self {
                Self::Publish(command) => command.run(context).await,
                Self::List(command) => command.run(context).await,
                Self::Show(command) => command.run(context).await,
                Self::Promote(command) => command.run(context).await,
                Self::Change(command) => command.run(context).await,
                Self::Block(command) => command.run(context).await,
                Self::Unblock(command) => command.run(context).await,
                Self::Sync(command) => command.run(context).await,
            }
        })
    }
}
