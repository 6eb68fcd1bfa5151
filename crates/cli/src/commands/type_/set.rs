//! `updraft type set NAME --slot-size SIZE`.

use clap::Args;
use reqwest::Method;
use serde::Serialize;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::{DeviceType, DeviceTypeChange};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::size::Size;
use crate::text::size;

/// Sets the size of the slot that an image for this device type must fit into.
#[derive(Debug, Args)]
pub(crate) struct Set {
    /// The device type
    name: DeviceTypeName,
    /// The size of its app slots, as in its partition table: 2M, 1280K
    #[arg(long, value_name = "SIZE")]
    slot_size: Size,
}

#[derive(Debug, Serialize)]
struct Outcome {
    outcome: &'static str,
    device_type: DeviceType,
}

impl Set {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        let path = ["api", "types", self.name.as_str()];
        let before: DeviceType = client.get(&path, &[]).await?;
        let Size(slot_size) = self.slot_size;
        let outcome = if before.slot_size == slot_size {
            Outcome {
                outcome: "already_set",
                device_type: before,
            }
        } else {
            let change = DeviceTypeChange {
                slot_size: Some(slot_size),
            };
            Outcome {
                outcome: "set",
                device_type: client.send(Method::PATCH, &path, &change).await?,
            }
        };
        context.output.data(&outcome, |done| {
            let verb = if done.outcome == "set" {
                "is now"
            } else {
                "is already"
            };
            let to = size(done.device_type.slot_size);
            format!("{}: slot size {verb} {to}\n", done.device_type.name)
        })?;
        Ok(Exit::Ok)
    }
}
