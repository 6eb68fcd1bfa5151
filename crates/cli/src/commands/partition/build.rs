//! `updraft partition build`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Turn a CSV into a binary table, or back.
#[derive(Debug, Args)]
pub(crate) struct Build {}

impl Build {
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "its options come next"
    )]
    pub(crate) fn run(self, _: &Context) -> Result<Exit, Failure> {
        Err(Failure::new(
            Exit::Unexpected,
            "not_built",
            "updraft partition build is not built yet",
        ))
    }
}
