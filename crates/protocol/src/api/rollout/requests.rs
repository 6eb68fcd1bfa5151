use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::{RolloutPlan, TripAction};
use crate::DeviceTypeName;

/// A rollout to be drafted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRollout {
    /// What it is for.
    pub device_type: DeviceTypeName,
    /// The version to roll out, which is published.
    pub version: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it goes.
    #[serde(default)]
    pub plan: RolloutPlan,
}

/// The body of `start`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct StartRequest {
    /// Whether the doors that open one way, which the preview names, are accepted.
    pub accept_one_way: bool,
    /// Why, for the audit record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The body of `pause`, `resume`, `approve`, `cancel`, `retry`. Resuming what tripped wants a note.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct NoteRequest {
    /// Why, for the audit record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The body of `advance`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct AdvanceRequest {
    /// Open the next stage although this one has not passed its gate. Nothing opens a stage of a halted rollout.
    pub force: bool,
    /// Why, for the audit record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The body of `halt`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct HaltRequest {
    /// What is done, if not the plan's `action`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<TripAction>,
    /// Why, for the audit record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
