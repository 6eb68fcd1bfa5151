//! `updraft sim …`: virtual devices.

mod chip;
mod device;
mod fleet;
mod local;
mod options;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;

/// What `updraft sim` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Sim {
    /// Run one virtual device, with its flash in a file, and watch it
    Device(device::Device),
    /// Run the real firmware on an emulated ESP32-C3
    Chip(chip::Chip),
    /// Run many virtual devices at once
    Fleet(fleet::Fleet),
}

impl Sim {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Device(command) => runtime::service(command.run(context)),
            Self::Chip(command) => runtime::service(command.run(context)),
            Self::Fleet(command) => runtime::service(command.run(context)),
        }
    }
}
