//! `updraft webhook`: have what happens posted somewhere.

mod add;
mod enable;
mod list;
mod remove;
mod test;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;

/// Commands on webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// Have what happens from now on posted to an address, signed
    Add(add::Add),
    /// List webhooks and how each stands
    List(list::List),
    /// Remove a webhook
    Remove(remove::Remove),
    /// Post a test to a webhook, now
    Test(test::Test),
    /// Let a webhook that was disabled go on where it stopped
    Enable(enable::Enable),
}

impl Webhook {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runtime::client(async {
            match self {
                Self::Add(command) => command.run(context).await,
                Self::List(command) => command.run(context).await,
                Self::Remove(command) => command.run(context).await,
                Self::Test(command) => command.run(context).await,
                Self::Enable(command) => command.run(context).await,
            }
        })
    }
}
