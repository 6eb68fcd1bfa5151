use serde::{Deserialize, Serialize};
use updraft_protocol::api::rollout::{Counts, RolloutState, Trip};

use crate::position::Position;

/// All that a rollout remembers. Times are Unix seconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Where it stands.
    pub state: RolloutState,
    /// The open step, from 0; none before the first opened.
    pub open: Option<u32>,
    /// Up to where the open step takes devices of its wave. It only rises within a wave.
    pub bound: Option<Position>,
    /// When it was started, or is to start if that is later.
    pub started_at: Option<i64>,
    /// Who started it.
    pub started_by: Option<String>,
    /// When it was completed or cancelled.
    pub ended_at: Option<i64>,
    /// When the open step's soak began: as it opened, or at the last resume of a halted rollout.
    pub soaks_since: i64,
    /// Whether the open step passed its gate. It may fail it again before the next opens.
    pub passed: bool,
    /// Who approved of the step after the open one.
    pub approved_by: Option<String>,
    /// Whether a person asked for the step after the open one.
    pub pushed: bool,
    /// Whether that is to happen whatever the gate says.
    pub forced: bool,
    /// Each step's numbers.
    pub steps: Vec<StepProgress>,
    /// The sum of the steps' counts.
    pub overall: Counts,
    /// All counts as they were when a halted rollout was last resumed.
    pub baseline: Counts,
    /// The open step's counts at that time; zero if it opened later.
    pub step_baseline: Counts,
    /// Why it is halted.
    pub trip: Option<Trip>,
    /// The rollout that takes back what this one confirmed before it was halted.
    pub taken_back_by: Option<String>,
    /// How often it was resumed after it was halted.
    pub resumes: u32,
    /// Whether nobody was in the open step when it opened.
    pub is_empty: bool,
    /// The survey that was asked for and did not come yet.
    pub asked: Option<Asked>,
    /// When the last survey came.
    pub surveyed_at: i64,
    /// Devices that the last survey saw admitted and waiting, and those the step added, less those that began since.
    pub waiting: u32,
    /// Whether a survey showed that no reachable device waits, and nobody began since.
    pub nobody_waits: bool,
    /// Devices of the wave that the last survey could not reach.
    pub unreachable: u32,
}

/// A survey that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// When.
    pub at: i64,
    /// Of which wave.
    pub wave: u32,
}

/// One step's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepProgress {
    /// Devices that were last offered the release while it was open, by state.
    pub counts: Counts,
    /// When it opened.
    pub opened_at: Option<i64>,
    /// Reachable devices of the wave up to its bound.
    pub devices: u32,
    /// The highest bucket it took.
    pub bucket: Option<u16>,
}
