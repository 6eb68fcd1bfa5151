//! `updraft release list`.

use clap::Args;
use serde::Serialize;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::{Channel, Release};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::table::Table;
use crate::text::{NONE, instant, short_size};

/// Lists releases, the newest version of each device type first.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this device type
    #[arg(long = "type", value_name = "TYPE")]
    device_type: Option<DeviceTypeName>,
}

/// Releases and the channels that point at them.
#[derive(Debug, Serialize)]
struct Listing {
    releases: Vec<Release>,
    channels: Vec<Channel>,
}

impl List {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        let device_type = self.device_type.as_ref().map(DeviceTypeName::as_str);
        let listing = Listing {
            releases: client.releases(device_type).await?,
            channels: client.channels(device_type).await?,
        };
        context.output.data(&listing, lines)?;
        if listing.releases.is_empty() {
            context
                .output
                .note("no releases; publish one with: updraft release publish FILE --type TYPE");
        }
        Ok(Exit::Ok)
    }
}

fn lines(listing: &Listing) -> String {
    if listing.releases.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        "TYPE",
        "VERSION",
        "STATUS",
        "CHANNELS",
        "SIZE",
        "PUBLISHED",
        "ID",
    ]);
    for release in &listing.releases {
        let status = match release.blocked {
            Some(_) => "blocked",
            None => release.status.as_str(),
        };
        table.row([
            release.device_type.to_string(),
            release.version.clone(),
            status.to_owned(),
            channels(&release.id, &listing.channels),
            short_size(release.size.into()),
            instant(release.created_at),
            release.id.clone(),
        ]);
    }
    table.render()
}

fn channels(release: &str, channels: &[Channel]) -> String {
    let pointing: Vec<&str> = channels
        .iter()
        .filter(|channel| channel.release_id == release)
        .map(|channel| channel.name.as_str())
        .collect();
    if pointing.is_empty() {
        NONE.to_owned()
    } else {
        pointing.join(",")
    }
}
