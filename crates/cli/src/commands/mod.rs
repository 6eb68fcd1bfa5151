//! The subcommands, one file each.

mod audit;
mod completions;
mod demo;
mod device;
mod discover;
mod espota;
mod events;
mod image;
mod man;
mod partition;
mod push;
mod relay;
mod release;
mod rollout;
mod serve;
mod sim;
mod token;
mod type_;
mod webhook;
mod www;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// What `updraft` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(Box<serve::Serve>),
    /// Serve a site's devices from a server's signed snapshot, also while that is away
    Relay(Box<relay::Relay>),
    /// Publish releases and decide who gets them
    #[command(subcommand)]
    Release(release::Release),
    /// Give a release to devices in stages that judge themselves
    #[command(subcommand)]
    Rollout(rollout::Rollout),
    /// Look at devices and give them tokens
    #[command(subcommand)]
    Device(device::Device),
    /// Look at device types and set what fits them
    #[command(subcommand)]
    Type(type_::Type),
    /// Print who changed what
    Audit(audit::Audit),
    /// Show what happened, and follow what happens
    Events(events::Events),
    /// Have what happens posted somewhere
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Give and take rights
    #[command(subcommand)]
    Token(token::Token),
    /// Look into a firmware file; needs no server
    #[command(subcommand)]
    Image(image::Image),
    /// Look into a partition table, check and build it; needs no server
    #[command(subcommand)]
    Partition(partition::Partition),
    /// Pack web assets into an image for a device's www slot; needs no server
    #[command(subcommand)]
    Www(www::Www),
    /// Send a firmware to one device of the local network
    Push(push::Push),
    /// Send a firmware to one device by the Arduino protocol, espota
    Espota(espota::Espota),
    /// List the devices of the local network
    Discover(discover::Discover),
    /// Run virtual devices
    #[command(subcommand)]
    Sim(sim::Sim),
    /// Show the whole of it: a server, a fleet, a good release and a bad one
    Demo(demo::Demo),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Write manual pages
    Man(man::Man),
}

impl Command {
    /// Runs it.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Serve(command) => command.run(context),
            Self::Relay(command) => command.run(context),
            Self::Release(command) => command.run(context),
            Self::Rollout(command) => command.run(context),
            Self::Device(command) => command.run(context),
            Self::Type(command) => command.run(context),
            Self::Audit(command) => command.run(context),
            Self::Events(command) => command.run(context),
            Self::Webhook(command) => command.run(context),
            Self::Token(command) => command.run(context),
            Self::Image(command) => command.run(context),
            Self::Partition(command) => command.run(context),
            Self::Www(command) => command.run(context),
            Self::Push(command) => command.run(context),
            Self::Espota(command) => command.run(context),
            Self::Discover(command) => command.run(context),
            Self::Sim(command) => command.run(context),
            Self::Demo(command) => command.run(context),
            Self::Completions(command) => command.run(),
            Self::Man(command) => command.run(context),
        }
    }
}
