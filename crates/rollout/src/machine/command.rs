//! What a person tells a rollout.

use updraft_protocol::api::rollout::{Advance, RolloutState, Trip, TripAction};

use super::effect::{Effect, Notice, of_action};
use super::{Refusal, RolloutMachine};

impl RolloutMachine {
    pub(super) fn start(
        &mut self,
        by: String,
        now: i64,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if self.progress.state != RolloutState::Draft {
            return Err(self.not("be started"));
        }
        self.progress.state = RolloutState::Running;
        self.progress.started_by = Some(by);
        let at = self.plan.wire().start_at.map_or(now, |at| at.max(now));
        self.progress.started_at = Some(at);
        effects.extend([Effect::OffersChanged, Effect::Notice(Notice::Started)]);
        Ok(())
    }

    pub(super) fn pause(&mut self, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        match self.progress.state {
            RolloutState::Running | RolloutState::Completed => {
                self.progress.state = RolloutState::Paused;
                self.progress.ended_at = None;
                effects.extend([Effect::OffersChanged, Effect::Notice(Notice::Paused)]);
                Ok(())
            }
            RolloutState::Draft
            | RolloutState::Paused
            | RolloutState::Halted
            | RolloutState::Cancelled => Err(self.not("be paused")),
        }
    }

    pub(super) fn resume_by(
        &mut self,
        note: &str,
        now: i64,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        match self.progress.state {
            RolloutState::Paused => {}
            RolloutState::Halted if note.trim().is_empty() => return Err(Refusal::NoteWanted),
            RolloutState::Halted => {
                // Somebody has looked at what happened so far: it is judged by what happens from here on.
                let progress = &mut self.progress;
                progress.baseline = progress.overall;
                if let Some(open) = progress.open {
                    progress.step_baseline = progress.steps[open as usize].counts;
                }
                progress.trip = None;
                progress.soaks_since = now;
                progress.passed = false;
                progress.nobody_waits = false;
                progress.resumes = progress.resumes.saturating_add(1);
                // Else devices were thrown to and fro between the two.
                if let Some(rollout) = progress.taken_back_by.take() {
                    effects.push(Effect::CallBackOff { rollout });
                }
            }
            RolloutState::Draft
            | RolloutState::Running
            | RolloutState::Completed
            | RolloutState::Cancelled => return Err(self.not("be resumed")),
        }
        self.progress.state = RolloutState::Running;
        // A survey that was asked for before is not waited for.
        self.progress.asked = None;
        effects.extend([Effect::OffersChanged, Effect::Notice(Notice::Resumed)]);
        Ok(())
    }

    pub(super) fn halt(
        &mut self,
        by: String,
        reason: String,
        action: Option<TripAction>,
        now: i64,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let action = action.unwrap_or(self.plan.wire().action);
        match self.progress.state {
            RolloutState::Running | RolloutState::Paused | RolloutState::Completed => {}
            RolloutState::Halted => {
                let Some(trip) = &mut self.progress.trip else {
                    return Err(Refusal::AlreadyHalted);
                };
                if trip.action >= action {
                    return Err(Refusal::AlreadyHalted);
                }
                // What tripped stays on record; only the action is harder.
                trip.action = action;
                let trip = trip.clone();
                of_action(action, self.progress.taken_back_by.is_some(), effects);
                effects.push(Effect::Notice(Notice::Halted(trip)));
                return Ok(());
            }
            RolloutState::Draft | RolloutState::Cancelled => return Err(self.not("be halted")),
        }
        let counts = self.progress.overall.since(&self.progress.baseline);
        let trip = Trip {
            rule: None,
            by: Some(by),
            reason,
            action,
            at: now,
            failures: counts.failures(),
            evaluated: counts.evaluated(),
        };
        self.trip(trip, effects);
        Ok(())
    }

    pub(super) fn taken_back(&mut self, by: String) -> Result<(), Refusal> {
        if !self.wants_back() {
            return Err(self.not("be taken back"));
        }
        self.progress.taken_back_by = Some(by);
        Ok(())
    }

    pub(super) fn cancel(&mut self, now: i64, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        if self.progress.state == RolloutState::Cancelled {
            return Err(self.not("be cancelled"));
        }
        self.progress.state = RolloutState::Cancelled;
        self.progress.ended_at = Some(now);
        effects.extend([
            Effect::OffersChanged,
            Effect::DropOffered,
            Effect::Notice(Notice::Cancelled),
        ]);
        Ok(())
    }

    pub(super) fn approve(&mut self, by: String) -> Result<(), Refusal> {
        if self.plan.wire().advance != Advance::Approval {
            return Err(Refusal::NoApprovalWanted);
        }
        match self.progress.state {
            RolloutState::Running | RolloutState::Paused => {}
            RolloutState::Draft
            | RolloutState::Halted
            | RolloutState::Completed
            | RolloutState::Cancelled => return Err(self.not("be approved")),
        }
        if self.next_step().is_none() {
            return Err(Refusal::NothingAhead);
        }
        if self.progress.started_by.as_deref() == Some(by.as_str()) {
            return Err(Refusal::SamePerson { by });
        }
        self.progress.approved_by = Some(by);
        Ok(())
    }

    pub(super) fn advance_by(&mut self, force: bool, now: i64) -> Result<(), Refusal> {
        if self.progress.state != RolloutState::Running {
            return Err(self.not("be advanced"));
        }
        if self.next_step().is_none() {
            return Err(Refusal::NothingAhead);
        }
        if self.plan.wire().advance == Advance::Approval
            && self.progress.open.is_some()
            && self.progress.approved_by.is_none()
        {
            return Err(Refusal::ApprovalWanted);
        }
        if !force && let Err(waiting) = self.gate(now) {
            return Err(Refusal::GateNotPassed { waiting });
        }
        self.progress.pushed = true;
        self.progress.forced |= force;
        Ok(())
    }

    pub(super) fn retry(&mut self, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        match self.progress.state {
            RolloutState::Running | RolloutState::Paused | RolloutState::Completed => {
                effects.extend([Effect::Forgive, Effect::OffersChanged]);
                Ok(())
            }
            RolloutState::Draft | RolloutState::Halted | RolloutState::Cancelled => {
                Err(self.not("be tried again"))
            }
        }
    }

    const fn not(&self, what: &'static str) -> Refusal {
        Refusal::not(self.progress.state, what)
    }
}
