//! What every command needs: how to speak, the settings, and a way to the server.

use crate::api::Client;
use crate::error::Failure;
use crate::output::Output;
use crate::progress::{self, Transfer};
use crate::settings::{GlobalArgs, Settings};

/// A run's surroundings.
#[derive(Debug)]
pub(crate) struct Context {
    /// How this run speaks.
    pub(crate) output: Output,
    /// Settings from flags, environment and files.
    pub(crate) settings: Settings,
}

impl Context {
    /// By the global options.
    pub(crate) fn new(args: &GlobalArgs) -> Result<Self, Failure> {
        Ok(Self {
            output: Output::new(args.json, args.quiet),
            settings: Settings::load(args)?,
        })
    }

    /// A client of the configured server, with the configured token if there is one.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let token = self.settings.token()?;
        Ok(Client::new(&self.settings.server, token)?)
    }

    /// Begins to show a transfer.
    pub(crate) fn transfer(&self, what: &str, total: u64) -> Transfer {
        Transfer::begin(self.settings.progress, self.output, what, total)
    }

    /// Whether a bar may be drawn.
    pub(crate) fn wants_bar(&self) -> bool {
        progress::wants_bar(self.settings.progress, self.output)
    }
}
