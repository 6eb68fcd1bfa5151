//! `updraft release block`.

use clap::Args;
use reqwest::Method;
use updraft_protocol::api::BlockRequest;

use super::select::Selector;
use super::view::Outcome;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Blocks a release: no device is offered it any more. Devices that run it keep it.
#[derive(Debug, Args)]
pub(crate) struct Block {
    #[command(flatten)]
    release: Selector,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Block {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        let release = self.release.find(&client).await?;
        if release.blocked.as_deref() == Some(self.reason.as_str()) {
            let outcome = Outcome {
                outcome: "already_blocked",
                release,
            };
            let people = |done: &Outcome| done.line("blocked already, for this reason");
            context.output.data(&outcome, people)?;
            return Ok(Exit::Ok);
        }
        let request = BlockRequest {
            reason: self.reason.clone(),
        };
        let path = ["api", "releases", &release.id, "block"];
        let release = client.send(Method::POST, &path, &request).await?;
        let outcome = Outcome {
            outcome: "blocked",
            release,
        };
        context.output.data(&outcome, |done| {
            done.line("blocked; it is offered to nobody")
        })?;
        Ok(Exit::Ok)
    }
}
