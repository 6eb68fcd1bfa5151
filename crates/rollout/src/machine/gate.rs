//! What a rollout waits for before it goes on.

use updraft_protocol::api::rollout::{Advance, RolloutState, Waiting};

use super::{RolloutMachine, SURVEY_AGE_S, SURVEY_PATIENCE_S};

impl RolloutMachine {
    /// Whether the open step has shown enough for the next one: enough of its evaluated devices confirmed, a long enough
    /// soak, and enough devices evaluated or nobody reachable left to wait for. Never merely because all came to an end.
    pub(super) fn gate(&self, now: i64) -> Result<(), Waiting> {
        let progress = &self.progress;
        let Some(open) = progress.open.map(|open| open as usize) else {
            return Ok(());
        };
        let (Some(step), Some(all)) = (self.plan.steps().get(open), progress.steps.get(open))
        else {
            return Ok(());
        };
        let counts = all.counts.since(&progress.step_baseline);
        let evaluated = counts.evaluated();
        let under_way = all.counts.open();
        if progress.is_empty && evaluated == 0 && under_way == 0 {
            return Ok(());
        }
        let gate = self.plan.wire().gate;
        let confirmed = u64::from(counts.confirmed) * 10_000;
        if confirmed < u64::from(gate.success_bp) * u64::from(evaluated) {
            return Err(Waiting::Success {
                confirmed: counts.confirmed,
                evaluated,
                wanted_bp: gate.success_bp,
            });
        }
        let until = progress.soaks_since.saturating_add_unsigned(step.soak_s);
        if now < until {
            return Err(Waiting::Soak { until });
        }
        if evaluated >= gate.min_evaluated {
            return Ok(());
        }
        if under_way > 0 || progress.waiting > 0 {
            return Err(Waiting::Evaluated {
                evaluated,
                wanted: gate.min_evaluated,
            });
        }
        if !progress.nobody_waits {
            return Err(Waiting::Survey);
        }
        Ok(())
    }

    /// What a running rollout waits for; `None` in every other state.
    pub fn waiting(&self, now: i64) -> Option<Waiting> {
        let progress = &self.progress;
        if progress.state != RolloutState::Running {
            return None;
        }
        if !progress.forced
            && let Err(waiting) = self.gate(now)
        {
            return Some(waiting);
        }
        let Some(next) = self.next_step() else {
            return Some(match (progress.overall.open(), progress.waiting) {
                (0, 0) => Waiting::Survey,
                (open, waiting) => Waiting::Devices { open, waiting },
            });
        };
        if let Some(waiting) = self.permission() {
            return Some(waiting);
        }
        let until = self.opens_at(next);
        if now < until && !progress.forced {
            return Some(Waiting::Time { until });
        }
        Some(Waiting::Survey)
    }

    /// When to tell the time again ([`super::Event::Tick`]), Unix seconds, if nothing else happens before.
    pub fn wakes_at(&self, now: i64) -> Option<i64> {
        match self.waiting(now)? {
            Waiting::Time { until } | Waiting::Soak { until } => Some(until),
            Waiting::Evaluated { .. } | Waiting::Devices { .. } | Waiting::Survey => {
                Some(match self.progress.asked {
                    Some(asked) => asked.at.saturating_add(SURVEY_PATIENCE_S),
                    None => self.progress.surveyed_at.saturating_add(SURVEY_AGE_S),
                })
            }
            Waiting::Success { .. } | Waiting::Advance | Waiting::Approval => None,
        }
    }

    /// What a person has still to do before the next step opens.
    pub(super) fn permission(&self) -> Option<Waiting> {
        // The first step is opened by starting the rollout; one without devices has nothing to look at.
        if self.progress.open.is_none() || self.progress.is_empty {
            return None;
        }
        match self.plan.wire().advance {
            Advance::Manual if !self.progress.pushed => Some(Waiting::Advance),
            Advance::Approval if self.progress.approved_by.is_none() => Some(Waiting::Approval),
            Advance::Auto | Advance::Manual | Advance::Approval => None,
        }
    }

    /// The step after the open one.
    pub(super) fn next_step(&self) -> Option<u32> {
        let next = self.progress.open.map_or(0, |open| open + 1);
        ((next as usize) < self.plan.steps().len()).then_some(next)
    }

    /// The earliest time a step opens by the plan.
    pub(super) fn opens_at(&self, step: u32) -> i64 {
        let started = self.progress.started_at.unwrap_or(i64::MAX);
        let after = self.plan.steps().get(step as usize);
        started.saturating_add_unsigned(after.map_or(0, |step| step.not_before_s))
    }

    /// The next step, if nothing but a survey keeps it from opening.
    pub(crate) fn may_open(&self, now: i64) -> Option<u32> {
        let next = self.next_step()?;
        let forced = self.progress.forced;
        let ready = forced || (self.gate(now).is_ok() && now >= self.opens_at(next));
        (ready && self.permission().is_none()).then_some(next)
    }
}
