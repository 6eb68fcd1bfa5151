//! `updraft image flash`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Build a whole flash image for the factory.
#[derive(Debug, Args)]
pub(crate) struct Flash {}

impl Flash {
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "its options come next"
    )]
    pub(crate) fn run(self, _: &Context) -> Result<Exit, Failure> {
        Err(Failure::new(
            Exit::Unexpected,
            "not_built",
            "updraft image flash is not built yet",
        ))
    }
}
