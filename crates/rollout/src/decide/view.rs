use std::fmt;

use updraft_protocol::SlotState;
use updraft_protocol::api::{Attributes, Hold};

use super::History;
use crate::snapshot::STABLE;

/// What a device said of itself, and what the server remembers of it.
#[derive(Debug, Clone, Copy)]
pub struct DeviceView<'a> {
    /// Its name, if it gave one. Without a name it gets what has reached everybody, and no more.
    pub id: Option<&'a str>,
    /// What it is.
    pub device_type: &'a str,
    /// What it runs, in its own words.
    pub version: Option<&'a str>,
    /// Its chip.
    pub chip: Option<&'a str>,
    /// The lowest secure version it accepts.
    pub secure_version: Option<u32>,
    /// Size in bytes of the smallest slot an update could go to.
    pub slot_size: Option<u32>,
    /// The state of the running slot.
    pub state: Option<SlotState>,
    /// Whether it understands an offer that says when to activate, and so may download before its window opens.
    pub can_wait: bool,
    /// The channel it follows.
    pub channel: &'a str,
    /// Where it is.
    pub whereabouts: Whereabouts<'a>,
    /// The one version it is to run, if an operator said so.
    pub pin: Option<Pin<'a>>,
    /// Why it gets nothing, and until when, if an operator said so.
    pub hold: Option<&'a Hold>,
    /// Its deployments so far; a `Vec<Deployment>` will do.
    pub deployments: &'a dyn History,
}

/// Where a device is and what it is called. By default nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Whereabouts<'a> {
    /// The region.
    pub region: Option<&'a str>,
    /// The site: a building, a shop, a network.
    pub site: Option<&'a str>,
    /// The group.
    pub group: Option<&'a str>,
    /// Its tags.
    pub tags: &'a [String],
    /// How far its local time is ahead of UTC, in minutes; unknown: it keeps UTC.
    pub utc_offset_minutes: Option<i16>,
}

impl<'a> From<&'a Attributes> for Whereabouts<'a> {
    fn from(attributes: &'a Attributes) -> Self {
        Self {
            region: attributes.region.as_deref(),
            site: attributes.site.as_deref(),
            group: attributes.group.as_deref(),
            tags: &attributes.tags,
            utc_offset_minutes: attributes.utc_offset_minutes,
        }
    }
}

/// The one version a device is to run. It gets that whatever its rollouts and channels say, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin<'a> {
    /// The version.
    pub version: &'a str,
    /// Whether it may go down to it.
    pub allow_downgrade: bool,
}

impl<'a> Pin<'a> {
    /// Up to this version, and not down to it.
    pub const fn to(version: &'a str) -> Self {
        Self {
            version,
            allow_downgrade: false,
        }
    }
}

impl<'a> DeviceView<'a> {
    /// A device of which nothing is known but its type.
    pub const fn unnamed(device_type: &'a str) -> Self {
        Self {
            id: None,
            device_type,
            version: None,
            chip: None,
            secure_version: None,
            slot_size: None,
            state: None,
            can_wait: false,
            channel: STABLE,
            whereabouts: Whereabouts {
                region: None,
                site: None,
                group: None,
                tags: &[],
                utc_offset_minutes: None,
            },
            pin: None,
            hold: None,
            deployments: &(),
        }
    }
}

/// The moment of a decision, and what goes on at that moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Unix seconds.
    pub now: i64,
    /// How much of each rollout is under way; `&()` where nobody counts.
    pub ledger: &'a dyn Ledger,
}

impl Moment<'_> {
    /// A moment at which nothing is under way.
    pub const fn at(now: i64) -> Self {
        Self { now, ledger: &() }
    }
}

/// Who counts what is under way. Asked only about rollouts with caps, and only when nothing else keeps a device from an
/// offer. Two devices may be decided on at once: whoever makes the offer takes a place by an atomic step of its own, and
/// decides anew when there is none left.
pub trait Ledger: fmt::Debug {
    /// How much of a rollout is under way, in all and at this site.
    fn usage(&self, rollout_id: &str, site: Option<&str>) -> Usage;
}

impl Ledger for () {
    fn usage(&self, _: &str, _: Option<&str>) -> Usage {
        Usage::default()
    }
}

/// How much of a rollout is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Open deployments.
    pub fleet: u32,
    /// Those of them at the device's site.
    pub site: u32,
    /// New offers within the last 60 seconds.
    pub last_minute: u32,
}
