use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::payload::{MAX_PAYLOAD, PayloadError, json, text};
use crate::{Digest, ReasonCode, Report, ResetReason, UpdateStatus};

/// How an update goes, in a device's words. A word alone, or JSON with `status` (or `update_status`) and whatever
/// fields of a [`Report`] the device can fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMessage {
    /// How far it got.
    #[serde(alias = "update_status")]
    pub status: UpdateStatus,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// The failure in words.
    #[serde(default, alias = "message", skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// How much of the image has arrived, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<u8>,
    /// The version it is about, if the device knows: seed 003's do not, they were only told a URL.
    #[serde(
        default,
        alias = "firmware_version",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// The release it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_id: Option<String>,
    /// The version that ran before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_version: Option<String>,
    /// Unix time in seconds by the device's clock, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// ELF SHA-256 of the app that runs while this is sent: the proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elf_sha256: Option<Digest>,
    /// The running slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Why the chip last reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_reason: Option<ResetReason>,
    /// The checks a confirmed app has passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<String>,
    /// Bytes in flash so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_written: Option<u32>,
    /// Seconds from the offer to this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
}

impl StatusMessage {
    /// The words that may stand alone.
    const WORDS: &'static str = "SUCCESS, FAILED, STARTED, IN_PROGRESS, PROGRESS, ROLLED_BACK, downloading, downloaded, \
                                 rebooting, confirmed, failed, rolled_back, rejected";

    /// Nothing but a status.
    pub const fn of(status: UpdateStatus) -> Self {
        Self {
            status,
            reason: None,
            detail: None,
            progress: None,
            version: None,
            firmware_id: None,
            previous_version: None,
            updated_at: None,
            elf_sha256: None,
            slot: None,
            reset_reason: None,
            checks: Vec::new(),
            bytes_written: None,
            duration_seconds: None,
        }
    }

    /// Reads what a device published.
    pub fn read(payload: &[u8]) -> Result<Self, PayloadError> {
        let text = text(payload, MAX_PAYLOAD)?;
        if text.starts_with('{') {
            let message: Self = json(text)?;
            return match message.progress {
                Some(101..) => Err(PayloadError::OutOfRange {
                    what: "progress",
                    range: "0 to 100",
                }),
                _ => Ok(message),
            };
        }
        let status = match text {
            "SUCCESS" | "success" | "confirmed" => UpdateStatus::Confirmed,
            "FAILED" | "failed" | "failure" => UpdateStatus::Failed,
            "STARTED" | "IN_PROGRESS" | "PROGRESS" | "started" | "in_progress" | "downloading" => {
                UpdateStatus::Downloading
            }
            "downloaded" => UpdateStatus::Downloaded,
            "rebooting" => UpdateStatus::Rebooting,
            "ROLLED_BACK" | "rolled_back" | "rollback" => UpdateStatus::RolledBack,
            "rejected" => UpdateStatus::Rejected,
            _ => return Err(PayloadError::UnknownWord { known: Self::WORDS }),
        };
        Ok(Self::of(status))
    }

    /// The report this is, about `version` (and the release `firmware_id`) where the device named none.
    pub fn into_report(self, version: &str, firmware_id: Option<&str>) -> Report {
        // An id of ours beside a version of the device's own might contradict it.
        let firmware_id = match (&self.firmware_id, &self.version) {
            (None, None) => firmware_id.map(Into::into),
            _ => self.firmware_id,
        };
        Report {
            firmware_version: self.version.unwrap_or_else(|| version.to_string()),
            update_status: self.status,
            updated_at: self.updated_at,
            previous_version: self.previous_version,
            firmware_id,
            reason: self.reason,
            detail: self.detail,
            elf_sha256: self.elf_sha256,
            slot: self.slot,
            reset_reason: self.reset_reason,
            checks: self.checks,
            bytes_written: self.bytes_written,
            duration_seconds: self.duration_seconds,
        }
    }
}

impl From<Report> for StatusMessage {
    fn from(report: Report) -> Self {
        Self {
            status: report.update_status,
            reason: report.reason,
            detail: report.detail,
            progress: None,
            version: Some(report.firmware_version),
            firmware_id: report.firmware_id,
            previous_version: report.previous_version,
            updated_at: report.updated_at,
            elf_sha256: report.elf_sha256,
            slot: report.slot,
            reset_reason: report.reset_reason,
            checks: report.checks,
            bytes_written: report.bytes_written,
            duration_seconds: report.duration_seconds,
        }
    }
}
