//! Opening a step: which devices it takes.

use updraft_protocol::api::rollout::{StepReport, StepState};

use super::RolloutMachine;
use super::effect::{Effect, Notice};
use crate::plan::Step;
use crate::position::{BUCKETS, Position};

/// What opening a step comes to.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// Up to where it takes devices; none of them if absent.
    bound: Option<Position>,
    /// Reachable devices of its wave that were admitted before.
    before: u32,
    /// The same once it is open.
    after: u32,
}

impl RolloutMachine {
    /// Which of the devices at these sorted positions a step takes.
    fn takes(&self, step: u32, positions: &[Position]) -> Taken {
        let plan = self.plan.steps()[step as usize];
        // Within a wave a bound only rises; a new wave begins with nobody.
        let known = self
            .progress
            .open
            .filter(|open| self.plan.steps()[*open as usize].wave == plan.wave)
            .and(self.progress.bound);
        let up_to = |bound: Option<Position>| {
            positions.partition_point(|position| Some(*position) <= bound)
        };
        let before = up_to(known);
        let takes = plan.takes(positions.len(), before);
        let kth = takes
            .checked_sub(1)
            .and_then(|index| positions.get(index))
            .copied();
        let bound = if plan.is_all() {
            Some(Position::MAX)
        } else {
            kth.max(known)
        };
        Taken {
            bound,
            before: before as u32,
            after: up_to(bound) as u32,
        }
    }

    fn set_bound(&mut self, step: u32, taken: &Taken) {
        let joined = taken.after - taken.before;
        let progress = &mut self.progress;
        progress.bound = taken.bound;
        progress.waiting = progress.waiting.saturating_add(joined);
        progress.is_empty = joined == 0;
        progress.nobody_waits = false;
        let report = &mut progress.steps[step as usize];
        report.devices = taken.after;
        report.bucket = taken.bound.map(|bound| bound.bucket.min(BUCKETS - 1));
    }

    pub(super) fn open(
        &mut self,
        step: u32,
        positions: &[Position],
        now: i64,
        effects: &mut Vec<Effect>,
    ) {
        let taken = self.takes(step, positions);
        let progress = &mut self.progress;
        progress.open = Some(step);
        progress.soaks_since = now;
        progress.passed = false;
        progress.pushed = false;
        progress.forced = false;
        progress.approved_by = None;
        let report = &mut progress.steps[step as usize];
        report.opened_at = Some(now);
        progress.step_baseline = report.counts;
        self.set_bound(step, &taken);
        effects.push(Effect::OffersChanged);
        effects.push(Effect::Notice(Notice::StepOpened {
            step,
            devices: taken.after,
        }));
    }

    /// All of a step's devices went away before they said anything: it takes the next ones, else it would stand still for
    /// ever, or the rest would follow on no evidence. Says whether there are any.
    pub(super) fn widen(
        &mut self,
        open: u32,
        positions: &[Position],
        effects: &mut Vec<Effect>,
    ) -> bool {
        let taken = self.takes(open, positions);
        if taken.after == taken.before {
            return false;
        }
        self.set_bound(open, &taken);
        effects.push(Effect::OffersChanged);
        effects.push(Effect::Notice(Notice::StepWidened {
            step: open,
            devices: taken.after,
        }));
        true
    }

    /// The steps as the API shows them.
    pub fn step_reports(&self) -> Vec<StepReport> {
        let progress = &self.progress;
        let open = progress.open.map(|open| open as usize);
        let state = |index: usize| match open {
            Some(open) if index < open => StepState::Passed,
            Some(open) if index == open && progress.passed => StepState::Passed,
            Some(open) if index == open => StepState::Open,
            _ => StepState::Ahead,
        };
        let report = |(index, step): (usize, &Step)| {
            let known = progress.steps[index];
            StepReport {
                wave: self.plan.wave_name(step.wave).to_owned(),
                stage: step.stage + 1,
                state: state(index),
                opened_at: known.opened_at,
                devices: known.devices,
                bucket: known.bucket,
                counts: known.counts,
            }
        };
        self.plan.steps().iter().enumerate().map(report).collect()
    }
}
