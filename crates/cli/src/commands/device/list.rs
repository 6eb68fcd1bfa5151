//! `updraft device list`.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use clap::builder::PossibleValuesParser;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::{Deployment, DeploymentState, Device, DeviceList};

use crate::api::Client;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::Span;
use crate::table::Table;
use crate::text::{NONE, ago};

/// Devices asked for at a time: the server answers that many at once in some milliseconds.
const PAGE: usize = 500;

/// Lists devices, by id.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this device type
    #[arg(long = "type", value_name = "TYPE")]
    device_type: Option<DeviceTypeName>,
    /// Only those that run this version
    #[arg(long)]
    version: Option<String>,
    /// Only those whose latest update is in this state
    #[arg(long, value_parser = PossibleValuesParser::new(DeploymentState::ALL.iter().map(|state| state.as_str())))]
    state: Option<String>,
    /// Only those in this region
    #[arg(long)]
    region: Option<String>,
    /// Only those at this site
    #[arg(long)]
    site: Option<String>,
    /// Only those of this group
    #[arg(long)]
    group: Option<String>,
    /// Only those with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only those not seen for so long, such as 7d
    #[arg(long, value_name = "TIME")]
    not_seen_for: Option<Span>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl List {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        let list = self.collect(&client).await?;
        context.output.data(&list, lines)?;
        if list.devices.is_empty() {
            context.output.note("no such devices");
        } else if list.next.is_some() {
            context
                .output
                .note("there are more; raise --limit to see them");
        }
        Ok(Exit::Ok)
    }

    /// The Unix time since which the wanted devices were not seen.
    fn not_seen_since(&self) -> Option<i64> {
        let Span(length) = self.not_seen_for?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Some(now.saturating_sub(length).as_secs().cast_signed())
    }

    /// Pages through the server's list.
    async fn collect(&self, client: &Client) -> Result<DeviceList, Failure> {
        let mut found = DeviceList {
            devices: Vec::new(),
            next: None,
        };
        let limit = self.limit.unwrap_or(usize::MAX);
        while found.devices.len() < limit {
            let page = PAGE.min(limit - found.devices.len()).to_string();
            let not_seen_since = self.not_seen_since().map(|since| since.to_string());
            let after = found.next.as_ref().map(ToString::to_string);
            let mut query = vec![("limit", page.as_str())];
            let filters = [
                ("after", after.as_deref()),
                (
                    "device_type",
                    self.device_type.as_ref().map(DeviceTypeName::as_str),
                ),
                ("version", self.version.as_deref()),
                ("state", self.state.as_deref()),
                ("region", self.region.as_deref()),
                ("site", self.site.as_deref()),
                ("group", self.group.as_deref()),
                ("tag", self.tag.as_deref()),
                ("not_seen_since", not_seen_since.as_deref()),
            ];
            query.extend(
                filters
                    .into_iter()
                    .filter_map(|(key, value)| Some((key, value?))),
            );
            let page: DeviceList = client.get(&["api", "devices"], &query).await?;
            // A server that sends the same page for ever would otherwise keep us here for ever.
            let advances = page.next > found.next;
            found.devices.extend(page.devices);
            found.next = page.next;
            if found.next.is_none() || !advances {
                break;
            }
        }
        Ok(found)
    }
}

fn lines(list: &DeviceList) -> String {
    if list.devices.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["DEVICE", "TYPE", "VERSION", "SLOT", "SEEN", "LATEST UPDATE"]);
    for device in &list.devices {
        table.row([
            device.id.to_string(),
            device.device_type.to_string(),
            device.version.clone().unwrap_or_else(|| NONE.into()),
            device.slot.clone().unwrap_or_else(|| NONE.into()),
            device.last_seen.map_or_else(|| "never".into(), ago),
            latest(device),
        ]);
    }
    table.render()
}

fn latest(device: &Device) -> String {
    let Some(Deployment {
        version,
        state,
        reason,
        ..
    }) = device.deployments.first()
    else {
        return NONE.to_owned();
    };
    match reason {
        Some(reason) => format!("{version} {} ({reason})", state.as_str()),
        None => format!("{version} {}", state.as_str()),
    }
}
