//! `updraft device pin ID VERSION`.

use clap::Args;
use updraft_protocol::DeviceId;
use updraft_protocol::api::{DeviceChange, DeviceField};

use super::change::apply;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Lets a device run one version and no other: it is offered that one, and never a newer one.
#[derive(Debug, Args)]
pub(crate) struct Pin {
    /// The device's id
    id: DeviceId,
    /// The version
    #[arg(required_unless_present = "off", conflicts_with = "off")]
    version: Option<String>,
    /// Take the pin away
    #[arg(long)]
    off: bool,
}

impl Pin {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let change = DeviceChange {
            pin: self.version,
            clear: self.off.then_some(DeviceField::Pin).into_iter().collect(),
            ..DeviceChange::default()
        };
        apply(context, &self.id, &change).await
    }
}
