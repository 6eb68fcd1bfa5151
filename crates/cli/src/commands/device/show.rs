//! `updraft device show ID`.

use clap::Args;
use serde::Serialize;
use updraft_protocol::DeviceId;
use updraft_protocol::api::{Attributes, Deployment, Device, Hold};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::table::{Details, Table};
use crate::text::{NONE, ago, instant};

/// Shows what is known of a device, and every update it was offered with what came of it.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The device's id
    id: DeviceId,
}

impl Show {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let device = context.client()?.device(self.id.as_str()).await?;
        context.output.data(&device, lines)?;
        Ok(Exit::Ok)
    }
}

/// An enumeration's word on the wire.
fn word(value: Option<impl Serialize>) -> String {
    value
        .and_then(|value| serde_json::to_value(value).ok())
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_else(|| NONE.to_owned())
}

/// Everything about a device, for people.
pub(super) fn lines(device: &Device) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| NONE.into());
    let mut details = Details::new();
    details.line("device", device.id.as_str());
    details.line("type", device.device_type.as_str());
    details.line("channel", &device.channel);
    details.line("version", text(&device.version));
    details.line(
        "elf sha256",
        device
            .elf_sha256
            .map_or_else(|| NONE.into(), |digest| digest.to_string()),
    );
    details.line("slot", text(&device.slot));
    details.line("slot state", word(device.state));
    details.line("last reset", word(device.reset_reason));
    details.line("own token", if device.enrolled { "yes" } else { "no" });
    let Attributes {
        region,
        site,
        group,
        tags,
        utc_offset_minutes,
    } = &device.attributes;
    details.line("region", text(region));
    details.line("site", text(site));
    details.line("group", text(group));
    details.line(
        "tags",
        text(&Some(tags.join(", ")).filter(|tags| !tags.is_empty())),
    );
    details.line(
        "own time",
        utc_offset_minutes.map_or_else(|| NONE.into(), |minutes| format!("UTC {minutes:+} min")),
    );
    details.line("pinned to", text(&device.pin));
    details.line("held", held(device.hold.as_ref()));
    details.line(
        "asks every",
        device
            .poll_seconds
            .map_or_else(|| NONE.into(), |seconds| format!("{seconds} s")),
    );
    details.line("first seen", instant(device.first_seen));
    let seen = device.last_seen.map_or_else(
        || "never".to_owned(),
        |seen| format!("{} ({})", instant(seen), ago(seen)),
    );
    details.line("last seen", seen);
    let mut text = details.render();
    if !device.deployments.is_empty() {
        text.push('\n');
        text.push_str(&deployments(&device.deployments));
    }
    text
}

fn held(hold: Option<&Hold>) -> String {
    match hold {
        None => "no".to_owned(),
        Some(Hold {
            reason,
            until: None,
        }) => reason.clone(),
        Some(Hold {
            reason,
            until: Some(until),
        }) => format!("until {}: {reason}", instant(*until)),
    }
}

fn deployments(deployments: &[Deployment]) -> String {
    let mut table = Table::new(["VERSION", "STATE", "SINCE", "FAILURES", "REASON", "DETAIL"]);
    for deployment in deployments {
        table.row([
            deployment.version.clone(),
            deployment.state.as_str().to_owned(),
            instant(deployment.updated_at),
            deployment.failures.to_string(),
            deployment
                .reason
                .map_or(NONE, |reason| reason.as_str())
                .to_owned(),
            deployment.detail.clone().unwrap_or_else(|| NONE.into()),
        ]);
    }
    table.render()
}
