use updraft_protocol::api::rollout::RolloutState;

use super::cast::Cast;
use super::{Rehearsal, VirtualFleet};

/// What many runs came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Odds {
    /// How many runs.
    pub runs: u32,
    /// Events that were played out in all of them.
    pub events: u64,
    /// Whether one was given up after [`Rehearsal::max_events`]; none was begun after it.
    pub gave_up: bool,
    /// In how many of them the rollout was halted.
    pub halted: u32,
    /// Devices that had been offered the release at the halt, run by run, fewest first.
    pub reached: Vec<u32>,
    /// Devices that were lost for good in those runs, fewest first.
    pub bricked: Vec<u32>,
}

impl Odds {
    /// The chance that the rollout is halted, 0 to 1.
    pub fn halts(&self) -> f64 {
        f64::from(self.halted) / f64::from(self.runs.max(1))
    }

    /// Of the runs that were halted, this percentage reached no more devices than this.
    pub fn reached_percentile(&self, percent: u32) -> Option<u32> {
        percentile(&self.reached, percent)
    }

    /// Of the runs that were halted, this percentage lost no more devices than this.
    pub fn bricked_percentile(&self, percent: u32) -> Option<u32> {
        percentile(&self.bricked, percent)
    }
}

/// The nearest-rank percentile of sorted values.
fn percentile(sorted: &[u32], percent: u32) -> Option<u32> {
    let rank = (sorted.len() * percent.min(100) as usize).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

impl Rehearsal {
    /// Runs it so many times, with other seeds each time.
    pub fn odds(&self, fleet: &VirtualFleet, runs: u32) -> Odds {
        self.odds_with(fleet, &self.cast(fleet), runs)
    }

    pub(super) fn odds_with(&self, fleet: &VirtualFleet, cast: &Cast, runs: u32) -> Odds {
        let mut odds = Odds::default();
        let mut one = self.clone();
        for run in 0..runs {
            // What is left is for all the runs that are left.
            one.max_events = self.max_events.saturating_sub(odds.events);
            let outcome = one.run_with(fleet, cast, self.seed.wrapping_add(u64::from(run) << 32));
            odds.runs += 1;
            odds.events += outcome.events;
            if outcome.gave_up {
                odds.gave_up = true;
                break;
            }
            if outcome.state == RolloutState::Halted {
                odds.halted += 1;
                odds.reached.push(outcome.reached_at_halt);
                odds.bricked.push(outcome.bricked);
            }
        }
        odds.reached.sort_unstable();
        odds.bricked.sort_unstable();
        odds
    }
}
