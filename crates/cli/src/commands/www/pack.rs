//! `updraft www pack`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Pack a folder into an image for a www slot.
#[derive(Debug, Args)]
pub(crate) struct Pack {}

impl Pack {
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "its options come next"
    )]
    pub(crate) fn run(self, _: &Context) -> Result<Exit, Failure> {
        Err(Failure::new(
            Exit::Unexpected,
            "not_built",
            "updraft www pack is not built yet",
        ))
    }
}
