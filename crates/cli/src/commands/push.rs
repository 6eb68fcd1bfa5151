//! `updraft push`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Send a firmware to one device and wait until it runs, or is gone again.
#[derive(Debug, Args)]
pub(crate) struct Push {}

impl Push {
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "its options come next"
    )]
    pub(crate) fn run(self, _: &Context) -> Result<Exit, Failure> {
        Err(Failure::new(
            Exit::Unexpected,
            "not_built",
            "updraft push is not built yet",
        ))
    }
}
