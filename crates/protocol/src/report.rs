//! What a device says came of an offer.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{Digest, ReasonCode, ResetReason};

/// How far a device got with an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UpdateStatus {
    /// Bytes are arriving.
    #[serde(
        alias = "started",
        alias = "in_progress",
        alias = "STARTED",
        alias = "IN_PROGRESS"
    )]
    Downloading,
    /// Whole, verified, in the slot. A device's word before the reboot is this and no more.
    Downloaded,
    /// About to start the new app.
    Rebooting,
    /// The new app runs, is healthy, and proves itself by its ELF SHA-256.
    #[serde(alias = "success", alias = "SUCCESS")]
    Confirmed,
    /// It did not work; the old app runs on.
    #[serde(alias = "failure", alias = "FAILED")]
    Failed,
    /// The new app was started, was not confirmed, and the old one is back.
    #[serde(alias = "rollback", alias = "ROLLED_BACK")]
    RolledBack,
    /// The device refused the offer before it changed anything.
    Rejected,
}

impl UpdateStatus {
    /// The status as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Downloading => "downloading",
            Self::Downloaded => "downloaded",
            Self::Rebooting => "rebooting",
            Self::Confirmed => "confirmed",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Rejected => "rejected",
        }
    }
}

/// A report: `POST /api/devices/{id}/reports`, and `POST /api/beacons/{id}/ota_status` for the devices of
/// the seed, which send the first four fields only (`update_status` `success` or `failed`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Report {
    /// The version the report is about: the one that was offered.
    pub firmware_version: String,
    /// How far it got.
    pub update_status: UpdateStatus,
    /// Unix time in seconds by the device's clock, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// The version that ran before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_version: Option<String>,
    /// The release, when the device was offered one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_id: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// The failure in words, for a person; at most [`MAX_DETAIL`] bytes are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// ELF SHA-256 of the app that runs while this is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elf_sha256: Option<Digest>,
    /// The running slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Why the chip last reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_reason: Option<ResetReason>,
    /// The checks a confirmed app has passed throughout its stability window, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// Bytes in flash so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_written: Option<u32>,
    /// Seconds from the offer to this report, by the device's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
}

/// Longest [`Report::detail`] kept, in bytes.
pub const MAX_DETAIL: usize = 512;
