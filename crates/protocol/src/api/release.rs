use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{DeviceTypeName, Digest};

/// How far a release is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReleaseStatus {
    /// Offered only to devices whose channel points at it.
    Testing,
    /// Offered to every device of its type that runs something older.
    Stable,
    /// No longer offered.
    Deprecated,
}

impl ReleaseStatus {
    /// The status as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Testing => "testing",
            Self::Stable => "stable",
            Self::Deprecated => "deprecated",
        }
    }
}

impl fmt::Display for ReleaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a release status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownStatus;

impl fmt::Display for UnknownStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a release status is one of testing, stable, deprecated")
    }
}

impl core::error::Error for UnknownStatus {}

impl FromStr for ReleaseStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        [Self::Testing, Self::Stable, Self::Deprecated]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(UnknownStatus)
    }
}

/// One release: immutable but for its status, its block and its description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Release {
    /// The release's id, 24 hexadecimal digits.
    pub id: String,
    /// What it is for.
    pub device_type: DeviceTypeName,
    /// Its semantic version, which is the image's own.
    pub version: String,
    /// How far it is trusted.
    pub status: ReleaseStatus,
    /// Why it is blocked, if it is. A blocked release is offered to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// Whether devices install it at once, whatever their schedule.
    pub required: bool,
    /// Which versions it can be installed over, as a semver requirement such as `>=1.2, <2`; any without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_versions: Option<String>,
    /// Whether devices below it must pass through it before they get anything newer.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub stepping_stone: bool,
    /// What it is about.
    pub description: String,
    /// The chip the image is for.
    pub chip: String,
    /// The project name in the image.
    pub project: String,
    /// Size of the file in bytes.
    pub size: u32,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// SHA-256 of the ELF the image was made from, by which a device proves that it runs it.
    pub elf_sha256: Digest,
    /// The image's secure version.
    pub secure_version: u32,
    /// The ESP-IDF version named in the image.
    pub idf_version: String,
    /// When the image was compiled, as the image says.
    pub compile_time: String,
    /// When it was published, Unix seconds.
    pub created_at: i64,
    /// Who published it.
    pub created_by: String,
    /// Whether a device was ever offered it. Such a release can no longer be deleted.
    pub offered: bool,
    /// Where the file is: a path on this server.
    pub download_url: String,
}

/// Releases, newest version first within each device type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReleaseList {
    /// The releases.
    pub releases: Vec<Release>,
}

/// What may be changed of a release. Absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReleaseChange {
    /// The new status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ReleaseStatus>,
    /// The new description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether devices install it at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Which versions it can be installed over, a semver requirement; empty means any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_versions: Option<String>,
    /// Whether devices must pass through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stepping_stone: Option<bool>,
}

/// Why a release is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BlockRequest {
    /// The reason, for people; it may not be empty.
    pub reason: String,
}

/// Where a release is promoted to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PromoteRequest {
    /// The channel that is to point at the release. Promotion to `stable` also makes the release stable.
    pub channel: String,
}

/// A name that points at a release of one device type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Channel {
    /// The device type.
    pub device_type: DeviceTypeName,
    /// The channel, such as `stable` or `beta`.
    pub name: String,
    /// The release it points at.
    pub release_id: String,
    /// That release's version.
    pub version: String,
    /// The version it pointed at before, if any: where to go back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_version: Option<String>,
}
