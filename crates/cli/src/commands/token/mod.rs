//! `updraft token`: who may do what.

mod issue;
mod list;
mod revoke;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;

/// Commands on tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Issue a token and print it, this once
    Issue(issue::Issue),
    /// List tokens, without their secrets
    List(list::List),
    /// Take a token's rights away, at once
    Revoke(revoke::Revoke),
}

impl Token {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        runtime::client(async {
            match self {
                Self::Issue(command) => command.run(context).await,
                Self::List(command) => command.run(context).await,
                Self::Revoke(command) => command.run(context).await,
            }
        })
    }
}
