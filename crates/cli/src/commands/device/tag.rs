//! `updraft device tag ID [TAG…]`.

use clap::{Args, ValueEnum};
use updraft_protocol::DeviceId;
use updraft_protocol::api::{DeviceChange, DeviceField};

use super::change::{apply, nothing_given};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Says where a device is and what it belongs to: what rollouts are aimed by. This wins over what the device
/// says of itself, until it is cleared.
#[derive(Debug, Args)]
pub(crate) struct Tag {
    /// The device's id
    id: DeviceId,
    /// Tags to give it
    tags: Vec<String>,
    /// A tag to take away, also where the device says it itself; may be given several times
    #[arg(long, value_name = "TAG")]
    remove: Vec<String>,
    /// The region it is in
    #[arg(long)]
    region: Option<String>,
    /// The site it is at, such as a building
    #[arg(long)]
    site: Option<String>,
    /// The group it belongs to
    #[arg(long)]
    group: Option<String>,
    /// What its own time is ahead of UTC, in minutes; its maintenance window is by its own time
    #[arg(long, value_name = "MINUTES", allow_hyphen_values = true)]
    utc_offset: Option<i16>,
    /// The channel it is to follow
    #[arg(long)]
    channel: Option<String>,
    /// What was set before and is to hold no more; may be given several times
    #[arg(long, value_enum, value_name = "FIELD")]
    clear: Vec<Clearable>,
}

/// What can be taken back.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Clearable {
    Region,
    Site,
    Group,
    UtcOffset,
}

impl From<Clearable> for DeviceField {
    fn from(field: Clearable) -> Self {
        match field {
            Clearable::Region => Self::Region,
            Clearable::Site => Self::Site,
            Clearable::Group => Self::Group,
            Clearable::UtcOffset => Self::UtcOffset,
        }
    }
}

impl Tag {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let change = DeviceChange {
            channel: self.channel,
            region: self.region,
            site: self.site,
            group: self.group,
            utc_offset_minutes: self.utc_offset,
            add_tags: self.tags,
            remove_tags: self.remove,
            clear: self.clear.into_iter().map(Into::into).collect(),
            ..DeviceChange::default()
        };
        if change == DeviceChange::default() {
            return Err(nothing_given(
                "give a tag, --region, --site, --group, or another option",
            ));
        }
        apply(context, &self.id, &change).await
    }
}
