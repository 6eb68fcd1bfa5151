use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::api::DeploymentState;

/// A bad end of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// It did not work; the old app runs on.
    Failed,
    /// The new app was started and the old one is back.
    RolledBack,
    /// The device refused it.
    Rejected,
    /// It took longer than its limit.
    TimedOut,
    /// Silent since it rebooted.
    Lost,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Failed,
        Self::RolledBack,
        Self::Rejected,
        Self::TimedOut,
        Self::Lost,
    ];

    /// The deployment's state that it is.
    pub const fn state(self) -> DeploymentState {
        match self {
            Self::Failed => DeploymentState::Failed,
            Self::RolledBack => DeploymentState::RolledBack,
            Self::Rejected => DeploymentState::Rejected,
            Self::TimedOut => DeploymentState::TimedOut,
            Self::Lost => DeploymentState::Lost,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.state().as_str())
    }
}

/// When a rollout stops itself. A rule looks at evaluated devices only, and twice: at those of the open stage, and at
/// all of the rollout's, so that a good beginning does not dilute a bad wave. After a resume both start anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TripRule {
    /// The kinds of failure that count; none named: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<FailureKind>,
    /// The fewest evaluated devices a share is taken of.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub min_evaluated: u32,
    /// It fires at this share of the evaluated devices, in basis points, 1 to 10,000, or above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_bp: Option<u16>,
    /// It fires at this many devices, or more. `min_evaluated` does not apply to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// What happens then, if not the plan's `action`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<TripAction>,
}

const fn one() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_one(value: &u32) -> bool {
    *value == 1
}

impl TripRule {
    /// Stops at this share of at least so many evaluated devices.
    pub const fn share(share_bp: u16, min_evaluated: u32, kinds: Vec<FailureKind>) -> Self {
        Self {
            kinds,
            min_evaluated,
            share_bp: Some(share_bp),
            count: None,
            action: None,
        }
    }

    /// Stops at this many.
    pub const fn count(count: u32, kinds: Vec<FailureKind>) -> Self {
        Self {
            kinds,
            min_evaluated: 1,
            share_bp: None,
            count: Some(count),
            action: None,
        }
    }
}

/// What happens when something trips. Each does what those before it do.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TripAction {
    /// Offer nothing more.
    #[default]
    Pause,
    /// Also drop what was offered and not begun.
    Cancel,
    /// Also stop those that download or hold the image, up to the moment of activation.
    Revoke,
    /// Also take those confirmed back to the last good release, where the secure version allows.
    Rollback,
}

impl TripAction {
    /// The action as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Cancel => "cancel",
            Self::Revoke => "revoke",
            Self::Rollback => "rollback",
        }
    }
}

/// Why a rollout is halted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trip {
    /// The rule's place in the plan's `trips`; absent when a person halted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<u32>,
    /// Who halted it, if a person did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// What was done.
    pub action: TripAction,
    /// When, Unix seconds.
    pub at: i64,
    /// The failures that were counted.
    pub failures: u32,
    /// Of how many evaluated devices.
    pub evaluated: u32,
}
