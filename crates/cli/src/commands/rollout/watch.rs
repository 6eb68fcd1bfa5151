//! `updraft rollout watch ID`.

use std::time::Duration;

use clap::Args;
use updraft_protocol::api::rollout::{Rollout, RolloutState};

use super::view::{get, lines, one_line};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// How often the server is asked: a person sees no delay, the server no load.
const INTERVAL: Duration = Duration::from_secs(1);

/// Follows a rollout until it is completed, halted or cancelled. Ends with code 7 where it was not completed.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The rollout's id
    id: String,
}

impl Watch {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        let mut shown = String::new();
        let rollout = loop {
            let rollout: Rollout = get(&client, &self.id).await?;
            let line = one_line(&rollout);
            if line != shown {
                context.output.note(&line);
                shown = line;
            }
            if is_over(rollout.state) {
                break rollout;
            }
            tokio::time::sleep(INTERVAL).await;
        };
        context.output.data(&rollout, lines)?;
        Ok(match rollout.state {
            RolloutState::Completed => Exit::Ok,
            _ => Exit::Failed,
        })
    }
}

/// Whether nothing more happens by itself.
const fn is_over(state: RolloutState) -> bool {
    matches!(
        state,
        RolloutState::Completed | RolloutState::Halted | RolloutState::Cancelled
    )
}
