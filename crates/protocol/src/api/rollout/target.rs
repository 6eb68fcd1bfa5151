use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// Which devices a rollout is for. An empty list is no condition; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// Chips, as devices report them, such as `esp32c3`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chips: Vec<String>,
    /// A semver requirement on what runs, such as `>=1.0.0, <1.2.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<String>,
    /// Any of these regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Any of these sites (buildings).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// Any of these groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// All of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Any of these devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Seen within this many seconds: whoever was not is unreachable, neither counted nor waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_within_s: Option<u64>,
    /// These devices at once, whatever the other conditions, the wave and the stage say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// These never. It wins over `include`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Devices that were confirmed in this rollout and still run its release: whom a rollback is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_in: Option<String>,
}

/// Where devices are. An empty list is no condition; all conditions must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Area {
    /// Any of these regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Any of these sites (buildings).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// Any of these groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// All of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}
