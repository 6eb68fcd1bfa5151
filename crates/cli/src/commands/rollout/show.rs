//! `updraft rollout show ID`.

use clap::Args;

use super::view::{get, lines};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Shows a rollout: its stages with their counts, and what it waits for.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The rollout's id
    id: String,
}

impl Show {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let rollout = get(&context.client()?, &self.id).await?;
        context.output.data(&rollout, lines)?;
        Ok(Exit::Ok)
    }
}
