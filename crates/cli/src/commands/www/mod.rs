//! `updraft www …`: web asset images, without a server.

mod encode;
mod extract;
mod image;
mod list;
mod pack;
mod packed;
mod report;
mod source;

pub(in crate::commands) use image::Image;

use clap::Subcommand;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// What `updraft www` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Www {
    /// Pack a folder into an image for a www slot
    Pack(pack::Pack),
    /// List the files of an image
    List(list::List),
    /// Write the files of an image into a folder
    Extract(extract::Extract),
}

impl Www {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Pack(command) => command.run(context),
            Self::List(command) => command.run(context),
            Self::Extract(command) => command.run(context),
        }
    }
}
