//! `updraft release promote`.

use clap::Args;
use reqwest::Method;
use updraft_protocol::api::{Channel, PromoteRequest, Release, ReleaseStatus};

use super::select::Selector;
use super::view::Outcome;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// The channel every device follows unless told otherwise.
pub(super) const STABLE: &str = "stable";

/// Points a channel at a release. Promoted to `stable`, a testing release becomes a stable one.
#[derive(Debug, Args)]
pub(crate) struct Promote {
    #[command(flatten)]
    release: Selector,
    /// The channel
    #[arg(long, value_name = "CHANNEL", default_value = STABLE)]
    channel: String,
}

impl Promote {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        let release = self.release.find(&client).await?;
        let channels = client.channels(Some(release.device_type.as_str())).await?;
        let channel = &self.channel;
        if is_promoted(&release, &self.channel, &channels) {
            let outcome = Outcome {
                outcome: "already_promoted",
                release,
            };
            let people = |done: &Outcome| done.line(&format!("{channel} points at it already"));
            context.output.data(&outcome, people)?;
            return Ok(Exit::Ok);
        }
        let before = channels
            .into_iter()
            .find(|found| found.name == *channel)
            .map(|found| found.version);
        let request = PromoteRequest {
            channel: channel.clone(),
        };
        let path = ["api", "releases", &release.id, "promote"];
        let release = client.send(Method::POST, &path, &request).await?;
        let outcome = Outcome {
            outcome: "promoted",
            release,
        };
        let people = |done: &Outcome| match &before {
            Some(before) => done.line(&format!(
                "{channel} points at it now, and before at {before}"
            )),
            None => done.line(&format!("{channel} points at it now")),
        };
        context.output.data(&outcome, people)?;
        Ok(Exit::Ok)
    }
}

/// Whether the channel points at the release already, and nothing else is left of a promotion.
pub(super) fn is_promoted(release: &Release, channel: &str, channels: &[Channel]) -> bool {
    let points = channels
        .iter()
        .any(|found| found.name == channel && found.release_id == release.id);
    points && (channel != STABLE || release.status == ReleaseStatus::Stable)
}
