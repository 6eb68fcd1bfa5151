//! `updraft www extract`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Write the files of an image into a folder.
#[derive(Debug, Args)]
pub(crate) struct Extract {}

impl Extract {
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "its options come next"
    )]
    pub(crate) fn run(self, _: &Context) -> Result<Exit, Failure> {
        Err(Failure::new(
            Exit::Unexpected,
            "not_built",
            "updraft www extract is not built yet",
        ))
    }
}
