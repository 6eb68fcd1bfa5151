//! `updraft rollout start ID`.

use clap::Args;
use updraft_protocol::api::rollout::StartRequest;

use super::view::act;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Starts a rollout: its first stage opens, at once or at the plan's time.
#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The rollout's id
    id: String,
    /// Accept what cannot be undone, which `updraft rollout preview` names
    #[arg(long)]
    accept_one_way: bool,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Start {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let request = StartRequest {
            accept_one_way: self.accept_one_way,
            note: self.note,
        };
        act(context, &self.id, "start", &request).await
    }
}
