//! `updraft rollout halt ID`.

use clap::Args;
use updraft_protocol::api::rollout::HaltRequest;

use super::parse::action;
use super::view::act;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use updraft_protocol::api::rollout::TripAction;

/// Stops a rollout as if it had tripped: nothing is offered until somebody resumes it with a note.
#[derive(Debug, Args)]
pub(crate) struct Halt {
    /// The rollout's id
    id: String,
    /// What is done beyond that: pause, cancel, revoke or rollback [default: the plan's]
    #[arg(long, value_name = "ACTION", value_parser = action)]
    action: Option<TripAction>,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Halt {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let request = HaltRequest {
            action: self.action,
            note: self.note,
        };
        act(context, &self.id, "halt", &request).await
    }
}
