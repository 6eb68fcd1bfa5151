//! `updraft rollout create TYPE VERSION`.

use clap::Args;
use reqwest::Method;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::rollout::{NewRollout, Rollout};

use super::plan::PlanFlags;
use super::view::{act, lines};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use updraft_protocol::api::rollout::StartRequest;

/// Drafts a rollout of a published release. Without options it is 10 %, a day's wait, half of the rest, half a
/// day's wait, everybody; it stops itself when too many devices fail. From its start on, devices get the release
/// by this rollout only, stable or not.
#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The device type
    #[arg(value_name = "TYPE")]
    device_type: DeviceTypeName,
    /// The version
    version: String,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Start it at once
    #[arg(long)]
    start: bool,
    #[command(flatten)]
    plan: PlanFlags,
}

impl Create {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let new = NewRollout {
            device_type: self.device_type,
            version: self.version,
            name: self.name,
            plan: self.plan.plan()?,
        };
        let client = context.client()?;
        let path = ["api", "rollouts"];
        let rollout: Rollout = client.send(Method::POST, &path, &new).await?;
        if self.start {
            return act(context, &rollout.id, "start", &StartRequest::default()).await;
        }
        context.output.data(&rollout, lines)?;
        context.output.note(&format!(
            "a draft; see what it would do: updraft rollout preview {0}, then: updraft rollout start {0}",
            rollout.id
        ));
        Ok(Exit::Ok)
    }
}
