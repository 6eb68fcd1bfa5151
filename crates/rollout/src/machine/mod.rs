//! A rollout as a machine: events in, effects out, nothing else.
//!
//! The machine's whole state is [`Progress`], plain data that serialises: a node that takes it from the store goes on
//! exactly where another stopped. It counts devices by the transitions of their deployments and never looks at the fleet
//! itself: where it must know who is there, it asks for a [`Survey`] and goes on when that comes.

mod advance;
mod command;
mod effect;
mod event;
mod gate;
mod progress;
mod refusal;
mod steps;
mod trips;

use std::sync::Arc;

use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::{Counts, RolloutState, TripAction};

pub use effect::{Effect, Notice};
pub use event::{Event, Survey};
pub use progress::{Asked, Progress, StepProgress};
pub use refusal::Refusal;

use crate::deployment::Place;
use crate::plan::Plan;

/// How long a survey that was asked for may take before it is asked for again, in seconds: whoever was to make it is gone.
pub const SURVEY_PATIENCE_S: i64 = 30;

/// How long a survey that showed devices still to come is believed, in seconds. It is asked for earlier when all of those
/// have begun.
pub const SURVEY_AGE_S: i64 = 60;

/// One rollout.
#[derive(Debug, Clone)]
pub struct RolloutMachine {
    plan: Arc<Plan>,
    progress: Progress,
}

impl RolloutMachine {
    /// A rollout that was not started.
    pub fn new(plan: Arc<Plan>) -> Self {
        Self::resume(plan, Progress::default())
    }

    /// A rollout that goes on from what was stored.
    pub fn resume(plan: Arc<Plan>, mut progress: Progress) -> Self {
        let steps = plan.steps().len();
        progress.steps.resize_with(steps, StepProgress::default);
        progress.open = progress.open.map(|open| open.min(steps as u32 - 1));
        Self { plan, progress }
    }

    /// The plan.
    pub const fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What to store.
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The same, taken out.
    pub fn into_progress(self) -> Progress {
        self.progress
    }

    /// Takes an event at `now`, Unix seconds, and says what is to be done. What a state does not allow is refused and
    /// changes nothing; every pair of state and event is one or the other.
    pub fn apply(&mut self, event: Event, now: i64) -> Result<Vec<Effect>, Refusal> {
        let mut effects = Vec::new();
        // An end that is taken back is told again at once, as an offer: in between nobody is nowhere.
        let is_half =
            matches!(event, Event::Moved { from: Some(state), to: None, .. } if !state.is_open());
        match event {
            Event::Moved { step, from, to } => self.count(step, from, to)?,
            Event::Reoffered {
                step,
                from,
                to_step,
            } => {
                if to_step as usize >= self.progress.steps.len() {
                    return Err(Refusal::NoSuchStep { step: to_step });
                }
                self.count(step, Some(from), None)?;
                self.count(to_step, None, Some(DeploymentState::Offered))?;
            }
            Event::Recounted(counts) => self.recount(&counts)?,
            Event::Surveyed(survey) => self.surveyed(survey, now, &mut effects)?,
            Event::Tick => {}
            Event::Start { by } => self.start(by, now, &mut effects)?,
            Event::Pause => self.pause(&mut effects)?,
            Event::Resume { note } => self.resume_by(&note, now, &mut effects)?,
            Event::Halt { by, reason, action } => {
                self.halt(by, reason, action, now, &mut effects)?;
            }
            Event::TakenBack { by } => self.taken_back(by)?,
            Event::Cancel => self.cancel(now, &mut effects)?,
            Event::Approve { by } => self.approve(by)?,
            Event::Advance { force } => self.advance_by(force, now)?,
            Event::Retry => self.retry(&mut effects)?,
        }
        self.judge(now, &mut effects);
        if !is_half {
            self.advance(now, &mut effects);
        }
        Ok(effects)
    }

    /// The same with somebody at hand who surveys the fleet at once: a wave's number in, its survey out.
    pub fn drive(
        &mut self,
        event: Event,
        now: i64,
        mut survey: impl FnMut(&Self, u32) -> Survey,
    ) -> Result<Vec<Effect>, Refusal> {
        let mut done = Vec::new();
        let mut effects = self.apply(event, now)?;
        loop {
            let mut wanted = None;
            for effect in effects {
                match effect {
                    Effect::Survey { wave } => wanted = Some(wave),
                    other => done.push(other),
                }
            }
            let Some(wave) = wanted else { return Ok(done) };
            let answer = survey(self, wave);
            effects = self.apply(Event::Surveyed(answer), now)?;
        }
    }

    /// What has to hold as long as the rollout is in this state. Each is harmless to do again: a node that takes over does
    /// them once, in case the one before was killed between noting a change and doing it. What is done in the same step as
    /// the change is not among them: a channel that was pointed at the release may have been pointed elsewhere since.
    pub fn standing(&self) -> Vec<Effect> {
        let mut effects = Vec::new();
        match self.progress.state {
            RolloutState::Halted => {
                if let Some(trip) = &self.progress.trip {
                    let is_taken_back = self.progress.taken_back_by.is_some();
                    effect::of_action(trip.action, is_taken_back, &mut effects);
                }
            }
            RolloutState::Cancelled => effects.push(Effect::DropOffered),
            RolloutState::Draft
            | RolloutState::Running
            | RolloutState::Paused
            | RolloutState::Completed => {}
        }
        effects
    }

    /// Whether what it confirmed is to be taken back, and nobody does so yet.
    pub fn wants_back(&self) -> bool {
        let progress = &self.progress;
        let trip = progress.trip.as_ref();
        progress.state == RolloutState::Halted
            && progress.taken_back_by.is_none()
            && trip.is_some_and(|trip| trip.action >= TripAction::Rollback)
    }

    /// Devices by state, over all steps.
    pub fn counts(&self) -> Counts {
        self.progress.overall
    }

    fn count(&mut self, step: u32, from: Place, to: Place) -> Result<(), Refusal> {
        if self.progress.state == RolloutState::Draft {
            return Err(Refusal::not(self.progress.state, "count a deployment"));
        }
        let Some(counted) = self.progress.steps.get_mut(step as usize) else {
            return Err(Refusal::NoSuchStep { step });
        };
        if let Some(from) = from
            && (counted.counts.get(from) == 0 || self.progress.overall.get(from) == 0)
        {
            return Err(Refusal::Miscounted { step, state: from });
        }
        if let Some(from) = from {
            *counted.counts.get_mut(from) -= 1;
            *self.progress.overall.get_mut(from) -= 1;
            let left = (counted.counts.get(from), self.progress.overall.get(from));
            if self.progress.open == Some(step) {
                forget(&mut self.progress.step_baseline, from, left.0);
            }
            forget(&mut self.progress.baseline, from, left.1);
        }
        if let Some(to) = to {
            *counted.counts.get_mut(to) += 1;
            *self.progress.overall.get_mut(to) += 1;
        }
        if from.is_none() {
            // One of those that the last survey saw waiting has begun.
            self.progress.waiting = self.progress.waiting.saturating_sub(1);
            self.progress.nobody_waits = false;
        }
        Ok(())
    }

    fn recount(&mut self, counts: &[Counts]) -> Result<(), Refusal> {
        if self.progress.state == RolloutState::Draft {
            return Err(Refusal::not(self.progress.state, "count deployments"));
        }
        if counts.len() > self.progress.steps.len() {
            return Err(Refusal::NoSuchStep {
                step: counts.len() as u32 - 1,
            });
        }
        let mut overall = Counts::default();
        for (index, step) in self.progress.steps.iter_mut().enumerate() {
            step.counts = counts.get(index).copied().unwrap_or_default();
            for state in DeploymentState::ALL {
                *overall.get_mut(*state) += step.counts.get(*state);
            }
        }
        self.progress.overall = overall;
        Ok(())
    }
}

/// One that stood in `state` stands there no more, and `left` do. Of what counts as old, a failure that goes is taken for one:
/// none that came since may hide behind those from before.
fn forget(old: &mut Counts, state: DeploymentState, left: u32) {
    let known = old.get_mut(state);
    *known = if state.is_failure() {
        known.saturating_sub(1)
    } else {
        (*known).min(left)
    };
}
