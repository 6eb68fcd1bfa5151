//! How a rollout goes on by itself.

use updraft_protocol::api::rollout::{RolloutState, Waiting};

use super::effect::{Effect, Notice};
use super::event::Survey;
use super::progress::Asked;
use super::{Refusal, RolloutMachine, SURVEY_AGE_S, SURVEY_PATIENCE_S};
use crate::position::Position;

impl RolloutMachine {
    /// Goes on as far as it can without a survey, and asks for one where it cannot.
    pub(super) fn advance(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let Some(waiting) = self.waiting(now) else {
            return;
        };
        let is_news = self.note_gate(now, effects);
        match waiting {
            Waiting::Survey => self.ask(now, effects),
            // Those that are waited for may have gone away meanwhile.
            Waiting::Evaluated { .. } | Waiting::Devices { .. } => {
                if now >= self.progress.surveyed_at.saturating_add(SURVEY_AGE_S) {
                    self.ask(now, effects);
                }
            }
            Waiting::Advance if is_news => {
                let step = self.progress.open.unwrap_or(0);
                effects.push(Effect::Notice(Notice::AwaitsAdvance { step }));
            }
            Waiting::Approval if is_news => {
                let step = self.progress.open.unwrap_or(0);
                effects.push(Effect::Notice(Notice::AwaitsApproval { step }));
            }
            Waiting::Advance
            | Waiting::Approval
            | Waiting::Time { .. }
            | Waiting::Soak { .. }
            | Waiting::Success { .. } => {}
        }
    }

    /// Notes whether the open step has passed its gate. Says whether it has just done so.
    pub(super) fn note_gate(&mut self, now: i64, effects: &mut Vec<Effect>) -> bool {
        let Some(step) = self.progress.open else {
            return false;
        };
        let passes = self.gate(now).is_ok();
        let is_news = passes && !self.progress.passed;
        self.progress.passed = passes;
        if is_news {
            effects.push(Effect::Notice(Notice::StepPassed { step }));
        }
        is_news
    }

    fn ask(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let steps = self.plan.steps();
        let step = self.may_open(now).or(self.progress.open);
        let wave = step
            .and_then(|step| steps.get(step as usize))
            .map_or(0, |step| step.wave);
        if let Some(asked) = self.progress.asked
            && asked.wave == wave
            && now < asked.at.saturating_add(SURVEY_PATIENCE_S)
        {
            return;
        }
        self.progress.asked = Some(Asked { at: now, wave });
        effects.push(Effect::Survey { wave });
    }

    /// Takes a survey: opens the next step, or learns who is waited for.
    pub(super) fn surveyed(
        &mut self,
        survey: Survey,
        now: i64,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let is_wanted = self.progress.state == RolloutState::Running
            && self
                .progress
                .asked
                .is_some_and(|asked| asked.wave == survey.wave);
        if !is_wanted {
            return Err(Refusal::WrongSurvey { wave: survey.wave });
        }
        let mut positions = survey.positions;
        positions.sort_unstable();
        let progress = &mut self.progress;
        progress.asked = None;
        progress.surveyed_at = now;
        progress.unreachable = survey.unreachable;
        progress.waiting = survey.waiting;
        let wave_of = |step: u32| self.plan.steps()[step as usize].wave;
        if let Some(next) = self.may_open(now)
            && wave_of(next) == survey.wave
        {
            self.note_gate(now, effects);
            self.open(next, &positions, now, effects);
        } else if let Some(open) = self.progress.open
            && wave_of(open) == survey.wave
            && survey.waiting == 0
        {
            self.nobody_waits(open, &positions, now, effects);
        }
        Ok(())
    }

    /// No reachable device that is admitted has still to begin.
    fn nobody_waits(
        &mut self,
        open: u32,
        positions: &[Position],
        now: i64,
        effects: &mut Vec<Effect>,
    ) {
        let counts = self.progress.steps[open as usize].counts;
        if counts.open() == 0 && counts.evaluated() == 0 && self.widen(open, positions, effects) {
            return;
        }
        self.progress.nobody_waits = true;
        let is_over = self.next_step().is_none() && self.progress.overall.open() == 0;
        if is_over && self.gate(now).is_ok() {
            self.note_gate(now, effects);
            self.progress.state = RolloutState::Completed;
            self.progress.ended_at = Some(now);
            effects.push(Effect::OffersChanged);
            self.promote(effects);
            effects.push(Effect::Notice(Notice::Completed));
        }
    }

    pub(super) fn promote(&self, effects: &mut Vec<Effect>) {
        if let Some(channel) = &self.plan.wire().promote {
            effects.push(Effect::Promote {
                channel: channel.clone(),
            });
        }
    }
}
