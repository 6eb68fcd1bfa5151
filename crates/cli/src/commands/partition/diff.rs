//! `updraft partition diff`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Say how two partition tables differ.
#[derive(Debug, Args)]
pub(crate) struct Diff {}

impl Diff {
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_value,
        reason = "its options come next"
    )]
    pub(crate) fn run(self, _: &Context) -> Result<Exit, Failure> {
        Err(Failure::new(
            Exit::Unexpected,
            "not_built",
            "updraft partition diff is not built yet",
        ))
    }
}
