//! What a device asks, and what the server answers.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{DeviceTypeName, Digest};

/// Largest JSON body either side of a check-in or a report may send, in bytes. Small enough for a device's
/// buffer; a full check-in takes about 700.
pub const MAX_BODY: usize = 4096;

/// Longest description an offer carries to a device, in bytes; the rest stays on the server.
pub const MAX_OFFER_DESCRIPTION: usize = 512;

/// The state of the running slot's boot record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SlotState {
    /// The factory app runs, which has no boot record.
    Factory,
    /// Never booted (`ESP_OTA_IMG_NEW`); seen by a running app only under a bootloader without rollback.
    New,
    /// First boot, not yet confirmed (`ESP_OTA_IMG_PENDING_VERIFY`).
    PendingVerify,
    /// Confirmed (`ESP_OTA_IMG_VALID`).
    Valid,
    /// Written by a tool that does not use rollback (`ESP_OTA_IMG_UNDEFINED`).
    Undefined,
    /// The running slot is not the one the boot record names.
    Fallback,
    /// Anything else.
    #[serde(other)]
    Unknown,
}

/// Whether a device's bootloader takes a new app back that did not confirm itself, as the device found out: by whether
/// the record of an app on its first boot still said "new".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Bootloader {
    /// It does (built with `CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE`).
    Rollback,
    /// It does not; the app goes back by itself at its next boot.
    NoRollback,
    /// No app was on trial on this device yet.
    #[default]
    #[serde(other)]
    Unknown,
}

/// Why the chip last reset, in the terms of ESP-IDF's `esp_reset_reason()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResetReason {
    /// Power was applied.
    PowerOn,
    /// The app asked for it.
    Software,
    /// The app panicked.
    Panic,
    /// A watchdog bit.
    Watchdog,
    /// The supply dipped.
    Brownout,
    /// Waking from deep sleep.
    DeepSleep,
    /// Reset pin, debugger.
    External,
    /// Anything else.
    #[serde(other)]
    Unknown,
}

/// A device's check-in: what it is and what it runs. `POST /api/devices/{id}/check-in`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckIn {
    /// What the device is.
    pub device_type: DeviceTypeName,
    /// The running app's version, from its app descriptor.
    pub version: String,
    /// The running app's ELF SHA-256, from its app descriptor: the proof of what runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elf_sha256: Option<Digest>,
    /// The running slot, such as `ota_0` or `factory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The state of the running slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SlotState>,
    /// Why the chip last reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_reason: Option<ResetReason>,
    /// The chip, such as `esp32c3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// The lowest secure version the device accepts (its eFuse value).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_version: Option<u32>,
    /// Size in bytes of the smallest app slot an update could go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_size: Option<u32>,
    /// Seconds since the last reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<u32>,
    /// Seconds between two check-ins by the device's own settings. A server without a word of its own leaves it at that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_seconds: Option<u32>,
    /// The region it is in, such as `eu`. What an operator set wins over this and the next four.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The site it is at, such as a building.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The group it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Any other words by which rollouts may be aimed; at most [`MAX_TAGS`](crate::api::attributes::MAX_TAGS).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What its own time is ahead of UTC, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_offset_minutes: Option<i16>,
}

/// The server's answer to a check-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CheckInReply {
    /// What to install, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// When to check in again, in seconds; the device adds its own jitter.
    pub poll_after_seconds: u32,
}

/// One release offered to one device. The first seven fields are the seed's `GET /firmwares/latest/{type}`
/// response; the others are Updraft's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Offer {
    /// The release.
    pub firmware_id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the whole file.
    pub checksum: Digest,
    /// Size of the file in bytes.
    pub size: u32,
    /// Where to get it: a path on the server that answered.
    pub download_url: String,
    /// Install at once, whatever the schedule says.
    #[serde(default)]
    pub required: bool,
    /// What the release is about.
    #[serde(default)]
    pub description: String,
    /// The app's ELF SHA-256, by which the new app proves itself after boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elf_sha256: Option<Digest>,
    /// The app's secure version.
    #[serde(default)]
    pub secure_version: u32,
    /// Whether the device may install it although it is not newer than what it runs.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub allow_downgrade: bool,
    /// Seconds from this answer before which the new app must not be started: its maintenance window is not open yet.
    /// The device downloads and verifies, and waits.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub activate_after_seconds: u32,
    /// Seconds from this answer after which the new app must not be started any more: the window is over then, and the
    /// device asks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activate_within_seconds: Option<u32>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(seconds: &u32) -> bool {
    *seconds == 0
}

/// A device's request to be known by a token of its own. `POST /api/devices/enrol`.
///
/// The device makes the token, keeps it first and asks second: an answer that gets lost costs nothing,
/// because asking again with the same token succeeds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Enrolment {
    /// The device's name.
    pub device_id: crate::DeviceId,
    /// What the device is.
    pub device_type: DeviceTypeName,
    /// The fleet's shared enrolment key.
    pub enrolment_key: String,
    /// The token the device will use: 43 characters of base64url or 64 hexadecimal digits, from a true
    /// random source.
    pub token: String,
}

impl core::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Keys and tokens stay out of logs.
        f.debug_struct("Enrolment")
            .field("device_id", &self.device_id)
            .field("device_type", &self.device_type)
            .finish_non_exhaustive()
    }
}
