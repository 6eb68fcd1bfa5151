//! What would happen: a plan run against a fleet in virtual time, by the very machine and decisions that run it for real.
//!
//! Exact: who belongs to which wave and stage, when stages open, every offer, cap, window, retry, timer, trip and gate, and what
//! they count. The peak of bytes a second is that of all downloads that run at the same time, each at its device's own speed.
//!
//! Approximate: devices ask at even intervals, each at a moment of its own; what they ask while no answer of theirs can change is
//! not played out but counted as its average ([`Outcome::background_per_s`]). A device downloads at an even speed, and starts and
//! proves a new app in constant times. Devices that are unreachable stay so. A plan whose caps turn many devices away at every poll
//! takes as long to rehearse as there are polls.

mod cast;
mod fleet;
mod odds;
mod run;
mod study;
mod tally;

use std::sync::Arc;

use updraft_protocol::api::rollout::{RolloutState, StepReport, Trip};

pub use fleet::{Kind, VirtualFleet};
pub use odds::Odds;
pub use study::{Study, StudyError};

use crate::machine::RolloutMachine;
use crate::plan::Plan;
use crate::snapshot::TypeSnapshot;

/// From the reboot to the report of a good app, in seconds: 3 s to start, and the stability window of 30 s.
pub const PROOF_S: i64 = 33;

/// From the reboot to the report of the old app that it is back, in seconds.
pub const ROLLBACK_S: i64 = 60;

/// How devices fail, in basis points of those that come to that point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// The download or the flash fails, and the device tries again as the plan lets it.
    pub failure_bp: u16,
    /// The new app does not confirm itself, and the old one is back.
    pub rollback_bp: u16,
    /// The device is never heard of again after its reboot.
    pub brick_bp: u16,
}

/// What is rehearsed.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The device type with its releases.
    pub device_type: TypeSnapshot,
    /// The release, which is one of the type's.
    pub release_id: String,
    /// How devices fail.
    pub faults: Faults,
    /// When it starts, Unix seconds.
    pub start: i64,
    /// After this many seconds it is given up.
    pub horizon_s: u64,
    /// After so many events it is given up, which bounds the time it takes.
    pub max_events: u64,
    /// The same seed gives the same outcome.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Where the rollout stands in the end.
    pub state: RolloutState,
    /// Seconds from the start to its end, its halt, or the horizon.
    pub duration_s: i64,
    /// Its steps.
    pub steps: Vec<StepReport>,
    /// Devices that were offered the release.
    pub reached: u32,
    /// Devices that were confirmed.
    pub confirmed: u32,
    /// Devices that were never heard of again, whether or not that was noticed by then.
    pub bricked: u32,
    /// Why it was halted.
    pub trip: Option<Trip>,
    /// Devices that had been offered the release when it was halted; some of them were still under way.
    pub reached_at_halt: u32,
    /// The most requests in one second that the rollout itself caused.
    pub peak_requests_per_s: u32,
    /// Requests a second of devices that ask in vain, on average.
    pub background_per_s: f64,
    /// The most bytes in one second.
    pub peak_bytes_per_s: u64,
    /// Bytes sent in all.
    pub bytes: u64,
    /// Events that were played out.
    pub events: u64,
    /// Whether it was given up after [`Rehearsal::max_events`].
    pub gave_up: bool,
}

impl Outcome {
    /// What comes of a release that is not there.
    fn nothing(plan: &Arc<Plan>) -> Self {
        Self {
            state: RolloutState::Draft,
            duration_s: 0,
            steps: RolloutMachine::new(plan.clone()).step_reports(),
            reached: 0,
            confirmed: 0,
            bricked: 0,
            trip: None,
            reached_at_halt: 0,
            peak_requests_per_s: 0,
            background_per_s: 0.0,
            peak_bytes_per_s: 0,
            bytes: 0,
            events: 0,
            gave_up: false,
        }
    }
}
