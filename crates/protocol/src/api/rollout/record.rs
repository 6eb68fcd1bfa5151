use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Counts, RolloutPlan, Trip};
use crate::DeviceTypeName;

/// Where a rollout stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    /// Not started.
    #[default]
    Draft,
    /// Under way.
    Running,
    /// A person stopped it for a while.
    Paused,
    /// It tripped, or a person halted it. Resuming wants a note.
    Halted,
    /// Every reachable device came to an end. Latecomers are still served.
    Completed,
    /// Over before its end.
    Cancelled,
}

impl RolloutState {
    /// Every state.
    pub const ALL: &[Self] = &[
        Self::Draft,
        Self::Running,
        Self::Paused,
        Self::Halted,
        Self::Completed,
        Self::Cancelled,
    ];

    /// The state as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Halted => "halted",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it alone decides who gets its release: running, paused, halted.
    pub const fn is_unfinished(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Halted)
    }
}

impl fmt::Display for RolloutState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rollout {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub device_type: DeviceTypeName,
    /// The release.
    pub release_id: String,
    /// Its version.
    pub version: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it stands.
    pub state: RolloutState,
    /// How it goes.
    pub plan: RolloutPlan,
    /// Its steps: every stage of every wave, in order.
    pub steps: Vec<StepReport>,
    /// Devices by the state of their deployment.
    pub counts: Counts,
    /// What it waits for, while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Why it is halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trip: Option<Trip>,
    /// When it was drafted, Unix seconds.
    pub created_at: i64,
    /// Who drafted it.
    pub created_by: String,
    /// When it was started, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// When it came to its end, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// Grows with every change.
    pub revision: u64,
}

/// Rollouts, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RolloutList {
    /// The rollouts.
    pub rollouts: Vec<Rollout>,
    /// The `after` of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Whether a step was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not yet.
    Ahead,
    /// It is the open one.
    Open,
    /// It passed its gate.
    Passed,
}

/// One stage of one wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StepReport {
    /// The wave's name.
    pub wave: String,
    /// The stage within it, from 1.
    pub stage: u32,
    /// Whether it was opened.
    pub state: StepState,
    /// When it opened, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<i64>,
    /// Reachable devices of the wave up to its bound, when it opened.
    pub devices: u32,
    /// The highest bucket it takes, 0 to 9,999, while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<u16>,
    /// Devices that were offered the release in it, by state.
    pub counts: Counts,
}

/// What a running rollout waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Waiting {
    /// The time of its start, or of its next wave.
    Time {
        /// Unix seconds.
        until: i64,
    },
    /// The end of the soak.
    Soak {
        /// Unix seconds.
        until: i64,
    },
    /// More evaluated devices.
    Evaluated {
        /// So many there are.
        evaluated: u32,
        /// So many there must be, or as many as are reachable.
        wanted: u32,
    },
    /// A better share of confirmed ones.
    Success {
        /// So many are confirmed.
        confirmed: u32,
        /// Of so many.
        evaluated: u32,
        /// The share there must be, in basis points.
        wanted_bp: u16,
    },
    /// A person to open the next stage.
    Advance,
    /// The approval of a second person.
    Approval,
    /// Reachable devices that have not come to an end.
    Devices {
        /// Under way.
        open: u32,
        /// Not begun.
        waiting: u32,
    },
    /// A count of the fleet's devices.
    Survey,
}
