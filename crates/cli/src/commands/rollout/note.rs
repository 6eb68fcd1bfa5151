//! `updraft rollout pause|resume|approve|cancel|revoke|rollback|retry ID`.

use clap::Args;
use updraft_protocol::api::rollout::NoteRequest;

use super::view::act;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// A rollout, and why something is done to it.
#[derive(Debug, Args)]
pub(crate) struct Note {
    /// The rollout's id
    id: String,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Note {
    pub(crate) async fn run(self, context: &Context, verb: &str) -> Result<Exit, Failure> {
        let request = NoteRequest { note: self.note };
        act(context, &self.id, verb, &request).await
    }
}
