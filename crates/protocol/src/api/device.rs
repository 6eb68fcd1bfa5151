use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::attributes::Attributes;
use crate::{DeviceId, DeviceTypeName, Digest, ReasonCode, ResetReason, SlotState};

/// What a build is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceType {
    /// Its name.
    pub name: DeviceTypeName,
    /// The only chip whose images it takes.
    pub chip: String,
    /// Size in bytes of the slot an image must fit into.
    pub slot_size: u32,
}

/// What may be changed of a device type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceTypeChange {
    /// The new slot size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_size: Option<u32>,
}

/// Where a device's way to one release stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// The server offered it.
    Offered,
    /// Bytes are arriving.
    Downloading,
    /// In the slot, verified. Also a success the device claimed but did not prove.
    Downloaded,
    /// About to start the new app.
    Rebooting,
    /// The new app runs and proved itself.
    Confirmed,
    /// It did not work; the old app runs on.
    Failed,
    /// The new app was started and the old one is back.
    RolledBack,
    /// The device refused it before it changed anything.
    Rejected,
    /// It took longer than its limit.
    TimedOut,
    /// Silent since it rebooted, for longer than its habits explain.
    Lost,
    /// Called off before it was activated.
    Cancelled,
    /// Another release took its place before it was activated.
    Superseded,
}

impl DeploymentState {
    /// The state as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Downloading => "downloading",
            Self::Downloaded => "downloaded",
            Self::Rebooting => "rebooting",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
        }
    }

    /// Every state.
    pub const ALL: &[Self] = &[
        Self::Offered,
        Self::Downloading,
        Self::Downloaded,
        Self::Rebooting,
        Self::Confirmed,
        Self::Failed,
        Self::RolledBack,
        Self::Rejected,
        Self::TimedOut,
        Self::Lost,
        Self::Cancelled,
        Self::Superseded,
    ];

    /// Whether it is under way: `offered`, `downloading`, `downloaded`, `rebooting`.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Offered | Self::Downloading | Self::Downloaded | Self::Rebooting
        )
    }

    /// Whether it ended badly: one of the kinds of failure that a rollout is judged by.
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::RolledBack | Self::Rejected | Self::TimedOut | Self::Lost
        )
    }
}

/// One device's way to one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deployment {
    /// The release.
    pub release_id: String,
    /// Its version.
    pub version: String,
    /// The rollout it is part of; absent when the release came by a channel, by being stable, or by a pin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_id: Option<String>,
    /// The rollout's step that was open when it was last offered, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// Where it stands.
    pub state: DeploymentState,
    /// Why it ended badly, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// The same in the device's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How often the device failed at it.
    pub failures: u32,
    /// When it was first offered, Unix seconds.
    pub started_at: i64,
    /// The latest news, Unix seconds.
    pub updated_at: i64,
}

/// One device as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Device {
    /// Its name.
    pub id: DeviceId,
    /// What it is.
    pub device_type: DeviceTypeName,
    /// The channel it follows.
    pub channel: String,
    /// The version it said it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The ELF SHA-256 it said it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elf_sha256: Option<Digest>,
    /// The running slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The state of the running slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SlotState>,
    /// Why it last reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_reason: Option<ResetReason>,
    /// Whether it has a token of its own.
    pub enrolled: bool,
    /// When it was first seen, Unix seconds.
    pub first_seen: i64,
    /// When it was last seen, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<i64>,
    /// Seconds between its questions: the median of the latest. Before there are enough of them, what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_seconds: Option<u32>,
    /// Where it is and what it belongs to.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// The only version it is to run, if an operator said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// Why it is offered nothing, if an operator said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Its ways to releases, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<Deployment>,
}

/// An operator's word that a device is to be left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Why, for whoever asks later: 1 to [`MAX_HOLD_REASON`] bytes.
    pub reason: String,
    /// When it ends, Unix seconds; without it, an operator ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
}

/// Longest [`Hold::reason`] in bytes: a few sentences.
pub const MAX_HOLD_REASON: usize = 512;

impl Hold {
    /// Whether it holds at this Unix time in seconds.
    pub fn holds(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// One page of devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeviceList {
    /// The devices, by id. Each carries its latest deployment only.
    pub devices: Vec<Device>,
    /// The `after` of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<DeviceId>,
}

/// What an operator may change of a device. Absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct DeviceChange {
    /// The channel it is to follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// Its region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its site, such as a building.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What its own time is ahead of UTC, in minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc_offset_minutes: Option<i16>,
    /// Tags to give it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_tags: Vec<String>,
    /// Tags to take away, also where the device says them itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove_tags: Vec<String>,
    /// The only version it is to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// Offer it nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What an operator set before and is to hold no more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<DeviceField>,
}

/// What an operator can set of a device, and take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeviceField {
    /// Its region; what the device says holds again.
    Region,
    /// Its site; what the device says holds again.
    Site,
    /// Its group; what the device says holds again.
    Group,
    /// Its offset from UTC; what the device says holds again.
    UtcOffset,
    /// Its pin.
    Pin,
    /// Its hold.
    Hold,
}
