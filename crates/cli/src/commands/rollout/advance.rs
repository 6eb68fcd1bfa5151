//! `updraft rollout advance ID`.

use clap::Args;
use updraft_protocol::api::rollout::AdvanceRequest;

use super::view::act;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Opens a rollout's next stage.
#[derive(Debug, Args)]
pub(crate) struct Advance {
    /// The rollout's id
    id: String,
    /// Although the open stage has not passed its gate
    #[arg(long)]
    force: bool,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Advance {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let request = AdvanceRequest {
            force: self.force,
            note: self.note,
        };
        act(context, &self.id, "advance", &request).await
    }
}
