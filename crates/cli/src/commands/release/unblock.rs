//! `updraft release unblock`.

use clap::Args;

use super::select::Selector;
use super::view::Outcome;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Takes a release's block away: it is offered again as its status says.
#[derive(Debug, Args)]
pub(crate) struct Unblock {
    #[command(flatten)]
    release: Selector,
}

impl Unblock {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        let release = self.release.find(&client).await?;
        let outcome = if release.blocked.is_none() {
            Outcome {
                outcome: "already_unblocked",
                release,
            }
        } else {
            let path = ["api", "releases", &release.id, "unblock"];
            Outcome {
                outcome: "unblocked",
                release: client.post(&path).await?,
            }
        };
        context.output.data(&outcome, |done| {
            let status = done.release.status;
            done.line(&match done.outcome {
                "unblocked" => format!("unblocked; its status is {status}"),
                _ => format!("not blocked; its status is {status}"),
            })
        })?;
        Ok(Exit::Ok)
    }
}
