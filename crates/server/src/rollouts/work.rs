//! What a change makes of rollouts, before it is on disk.

use std::collections::BTreeMap;

use updraft_rollout::{Effect, Event, Refusal, RolloutMachine};
use updraft_store::{NewRollout, Promotion, RolloutAudit, RolloutRecord, RolloutWrite};

use super::commit::{CommitError, Told};
use super::{Live, audit};
use crate::core::Core;
use crate::devices::Move;

/// A rollout's machine moved on.
pub(super) struct Next {
    pub(super) machine: RolloutMachine,
    pub(super) effects: Vec<Effect>,
    pub(super) audit: Vec<RolloutAudit>,
}

/// The rollouts that a change moves on, and the one that it makes.
#[derive(Default)]
pub(super) struct Work {
    pub(super) next: BTreeMap<String, Next>,
    pub(super) new: Option<(RolloutRecord, Next)>,
}

impl Next {
    pub(super) fn of(kept: &Live) -> Self {
        Self {
            machine: kept.machine.clone(),
            effects: Vec::new(),
            audit: Vec::new(),
        }
    }

    /// It as it is written in place of `kept`.
    fn write(&self, kept: &Live) -> RolloutWrite {
        let progress = self.machine.progress();
        let channel = self.effects.iter().find_map(|effect| match effect {
            Effect::Promote { channel } => Some(channel.clone()),
            _ => None,
        });
        RolloutWrite {
            id: kept.record.id.clone(),
            was: kept.record.revision,
            state: progress.state,
            // Numbers and texts always serialise.
            machine: serde_json::to_string(progress).unwrap_or_default(),
            started_at: progress.started_at,
            started_by: progress.started_by.clone(),
            ended_at: progress.ended_at,
            promotes: channel.map(|channel| Promotion {
                release_id: kept.record.release_id.clone(),
                channel,
                actor: audit::SERVER.to_owned(),
            }),
            audit: self.audit.clone(),
        }
    }
}

impl Work {
    pub(super) fn is_empty(&self) -> bool {
        self.next.is_empty() && self.new.is_none()
    }

    /// What is written of those that were there before.
    pub(super) fn writes(&self, live: &BTreeMap<String, Live>) -> Vec<RolloutWrite> {
        let next = self.next.iter();
        next.filter_map(|(id, next)| Some(next.write(live.get(id)?)))
            .collect()
    }

    /// What is written of the new one.
    pub(super) fn new_rollout(&self) -> Option<NewRollout> {
        self.new.as_ref().map(|(record, next)| NewRollout {
            record: record.clone(),
            audit: next.audit.clone(),
        })
    }
}

impl Core {
    /// What devices' moves make of their rollouts.
    pub(super) fn moved(&self, live: &BTreeMap<String, Live>, moves: &[Move]) -> Work {
        let now = self.clock.now();
        let mut work = Work::default();
        for step in moves {
            let Some(kept) = live.get(&step.rollout_id) else {
                continue;
            };
            let next = work
                .next
                .entry(step.rollout_id.clone())
                .or_insert_with(|| Next::of(kept));
            let event = Event::Moved {
                step: step.step,
                from: step.from,
                to: step.to,
            };
            if let Err(refusal) = self.drive(kept, next, event, now) {
                tracing::error!(rollout = step.rollout_id, %refusal, "a device's move was not counted");
            }
        }
        work
    }

    /// What a person's word, or the time, makes of a rollout.
    pub(super) fn told(
        &self,
        live: &BTreeMap<String, Live>,
        told: &Told,
    ) -> Result<Work, CommitError> {
        let now = self.clock.now();
        let mut work = Work::default();
        let kept = live.get(&told.id).ok_or(CommitError::Unknown)?;
        let mut next = Next::of(kept);
        self.drive(kept, &mut next, told.event.clone(), now)
            .map_err(CommitError::Refused)?;
        // Time that changes nothing is not written.
        let is_same = next.machine.progress() == kept.machine.progress();
        if matches!(told.event, Event::Tick) && is_same {
            return Ok(work);
        }
        next.audit.splice(0..0, told.audit.clone());
        for effect in &next.effects {
            if let Effect::CallBackOff { rollout } = effect
                && let Some(back) = live.get(rollout)
                && let Some(cancelled) = self.called_off(back, told, now)
            {
                work.next.insert(rollout.clone(), cancelled);
            }
        }
        work.next.insert(told.id.clone(), next);
        Ok(work)
    }

    /// A machine takes an event, with the fleet at hand.
    pub(super) fn drive(
        &self,
        kept: &Live,
        next: &mut Next,
        event: Event,
        now: i64,
    ) -> Result<(), Refusal> {
        let effects = if self.is_relay() {
            // Without a survey no step opens and no rollout completes: that is the primary's to say. Rules that stop
            // one work without.
            let mut effects = next.machine.apply(event, now)?;
            effects.retain(|effect| !matches!(effect, Effect::Survey { .. }));
            effects
        } else {
            next.machine.drive(event, now, |machine, wave| {
                self.survey(kept, machine, wave, now)
            })?
        };
        next.audit.extend(audit::of_effects(&effects));
        next.effects.extend(effects);
        Ok(())
    }
}
