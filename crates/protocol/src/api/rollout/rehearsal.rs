//! Rehearsals: what a plan would do, before it does it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{RolloutPlan, RolloutState, StepReport, Trip};
use crate::DeviceTypeName;

/// What is to be rehearsed: a rollout that exists, or a plan for a version. It is rehearsed from its beginning, as if it
/// started now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RehearsalRequest {
    /// A rollout's id; without it `device_type`, `version` and `plan` say what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_type: Option<DeviceTypeName>,
    /// The version, which is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How it goes; `{}` is the default plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<RolloutPlan>,
    /// A fleet that is made up; without it the devices the server knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet: Option<SyntheticFleet>,
    /// How it is rehearsed.
    pub terms: RehearsalTerms,
}

/// A fleet that is made up: devices alike but for their site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct SyntheticFleet {
    /// How many devices.
    pub devices: u32,
    /// Seconds between two of a device's questions.
    pub poll_s: u32,
    /// What they run.
    pub running: String,
    /// The sites they are at in turn; none without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
}

impl Default for SyntheticFleet {
    fn default() -> Self {
        Self {
            devices: 1000,
            poll_s: 300,
            running: String::from("0.0.0"),
            sites: Vec::new(),
        }
    }
}

/// How a plan is rehearsed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RehearsalTerms {
    /// Downloads or writes that fail, in basis points of those begun.
    pub failure_bp: u16,
    /// New apps that do not confirm themselves, in basis points of those started.
    pub rollback_bp: u16,
    /// Devices never heard of again after their reboot, in basis points, in the run that shows how the plan goes.
    pub brick_bp: u16,
    /// The same in the runs that show how soon a bad release is caught.
    pub bad_brick_bp: u16,
    /// How many such runs, each with other luck.
    pub runs: u32,
    /// The same seed gives the same outcome.
    pub seed: u64,
    /// How fast a device downloads, in bytes a second.
    pub bytes_per_s: u32,
    /// After so many seconds of the plan's own time a run is given up.
    pub horizon_s: u64,
}

impl RehearsalTerms {
    /// Most runs: the rarest outcome that is told is one in twenty.
    pub const MAX_RUNS: u32 = 200;
    /// The longest rehearsed time, in seconds: a year.
    pub const MAX_HORIZON_S: u64 = 365 * 24 * 3600;
}

impl Default for RehearsalTerms {
    fn default() -> Self {
        Self {
            failure_bp: 0,
            rollback_bp: 0,
            brick_bp: 0,
            bad_brick_bp: 200,
            runs: 20,
            seed: 1,
            bytes_per_s: 100_000,
            horizon_s: 90 * 24 * 3600,
        }
    }
}

/// What a rehearsal came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RehearsalReport {
    /// Devices of the fleet.
    pub devices: u32,
    /// Devices that take part: the target's reachable ones.
    pub members: u32,
    /// How it was rehearsed.
    pub terms: RehearsalTerms,
    /// How the plan goes.
    pub outcome: RehearsalOutcome,
    /// How soon a bad release is caught.
    pub odds: RehearsalOdds,
}

/// How a plan goes in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RehearsalOutcome {
    /// Where the rollout stands in the end; still running if the horizon came first.
    pub state: RolloutState,
    /// When it started, Unix seconds.
    pub started_at: i64,
    /// Seconds from the start to its end, its halt, or the horizon.
    pub duration_s: i64,
    /// Its steps, with the times they opened.
    pub steps: Vec<StepReport>,
    /// Devices that were offered the release.
    pub reached: u32,
    /// Devices that were confirmed.
    pub confirmed: u32,
    /// Devices that were never heard of again.
    pub bricked: u32,
    /// Why it was halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trip: Option<Trip>,
    /// The most requests in one second that the rollout itself causes.
    pub peak_requests_per_s: u32,
    /// Requests a second of devices that ask in vain, on average.
    pub background_requests_per_s: f64,
    /// The most bytes in one second.
    pub peak_bytes_per_s: u64,
    /// Bytes sent in all.
    pub bytes: u64,
}

/// How soon a release that bricks devices is caught, in many runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RehearsalOdds {
    /// Devices that a reboot bricks, in basis points.
    pub brick_bp: u16,
    /// Runs that were made.
    pub runs: u32,
    /// Runs in which the rollout was halted.
    pub halted: u32,
    /// The chance that it is halted, 0 to 1.
    pub chance: f64,
    /// Devices that had been offered the release at the halt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Spread>,
    /// Devices that were lost for good in the runs that were halted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bricked: Option<Spread>,
}

/// Numbers of many runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Spread {
    /// Half of the runs had no more.
    pub median: u32,
    /// 95 of 100 runs had no more.
    pub p95: u32,
    /// The most of any run.
    pub most: u32,
}
