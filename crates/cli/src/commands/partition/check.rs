//! `updraft partition check`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Say what is wrong with a partition table.
#[derive(Debug, Args)]
pub(crate) struct Check {}

impl Check {
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "its options come next"
    )]
    pub(crate) fn run(self, _: &Context) -> Result<Exit, Failure> {
        Err(Failure::new(
            Exit::Unexpected,
            "not_built",
            "updraft partition check is not built yet",
        ))
    }
}
