//! `updraft partition show`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Print a partition table.
#[derive(Debug, Args)]
pub(crate) struct Show {}

impl Show {
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "its options come next"
    )]
    pub(crate) fn run(self, _: &Context) -> Result<Exit, Failure> {
        Err(Failure::new(
            Exit::Unexpected,
            "not_built",
            "updraft partition show is not built yet",
        ))
    }
}
