use std::collections::BTreeMap;

use updraft_rollout::{Effect, Event, Refusal, RolloutMachine};
use updraft_store::{DeviceWrite, RolloutAudit, RolloutWrite, StoreError};

use super::{Due, Live, audit};
use crate::core::Core;
use crate::devices::Move;
use crate::published::Published;

/// How often a change is made anew on top of what another server has made of a rollout meanwhile.
const TRIES: u32 = 5;

/// A rollout's machine moved on, not yet on disk.
struct Draft {
    machine: RolloutMachine,
    effects: Vec<Effect>,
    audit: Vec<RolloutAudit>,
}

/// What was done, and what is to be done about it.
pub(crate) type Done = Vec<(String, Vec<Effect>)>;

/// What a person or the time tells one rollout.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) id: String,
    pub(super) event: Event,
    /// What the audit record says of it; the time says nothing.
    pub(super) audit: Option<RolloutAudit>,
}

/// Why nothing was changed.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// There is no such rollout.
    Unknown,
    /// Its state does not allow it.
    Refused(Refusal),
    /// The database did not take it.
    Store(StoreError),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Core {
    /// Writes devices' news and moves their rollouts on by them, in one transaction; then acts on what tripped. When
    /// this returns, whoever asks is answered by it.
    pub(crate) async fn write_moves(
        &self,
        writes: &[DeviceWrite],
        moves: &[Move],
    ) -> Result<(), StoreError> {
        if moves.is_empty() {
            return self.store.write_devices(writes).await;
        }
        match self.commit(writes, moves, None).await {
            Ok(done) => {
                self.perform(done).await;
                Ok(())
            }
            Err(CommitError::Store(error)) => Err(error),
            // Only a person's word is refused; moves are counted or passed over.
            Err(CommitError::Refused(_) | CommitError::Unknown) => Ok(()),
        }
    }

    /// Tells one rollout something, and acts on it.
    pub(super) async fn tell(&self, told: Told) -> Result<(), CommitError> {
        let done = self.commit(&[], &[], Some(told)).await?;
        self.perform(done).await;
        Ok(())
    }

    async fn commit(
        &self,
        writes: &[DeviceWrite],
        moves: &[Move],
        told: Option<Told>,
    ) -> Result<Done, CommitError> {
        let mut live = self.rollouts.live.lock().await;
        let mut tries = 1;
        let drafts = loop {
            let drafts = self.drafts(&live, moves, told.as_ref())?;
            let rollouts: Vec<RolloutWrite> = drafts
                .iter()
                .filter_map(|(id, draft)| Some(write(live.get(id)?, draft)))
                .collect();
            match self.store.write_moves(writes, &rollouts).await {
                Ok(()) => break drafts,
                // Another server on the same database was faster: its change comes first.
                Err(StoreError::Stale { .. }) if tries < TRIES => {
                    tries += 1;
                    self.reload(&mut live).await?;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let mut done = Vec::new();
        let mut offers_changed = false;
        for (id, draft) in drafts {
            if let Some(kept) = live.get_mut(&id) {
                take_over(kept, draft.machine);
                self.wake(kept);
            }
            offers_changed |= draft.effects.contains(&Effect::OffersChanged);
            done.push((id, draft.effects));
        }
        if offers_changed {
            self.publish_rollouts(&live).await;
        }
        Ok(done)
    }

    /// The machines that are told something, moved on.
    fn drafts(
        &self,
        live: &BTreeMap<String, Live>,
        moves: &[Move],
        told: Option<&Told>,
    ) -> Result<BTreeMap<String, Draft>, CommitError> {
        let now = self.clock.now();
        let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
        for step in moves {
            let Some(kept) = live.get(&step.rollout_id) else {
                continue;
            };
            let draft = drafts
                .entry(step.rollout_id.clone())
                .or_insert_with(|| Draft::of(kept));
            let event = Event::Moved {
                step: step.step,
                from: step.from,
                to: step.to,
            };
            if let Err(refusal) = self.drive(kept, draft, event, now) {
                tracing::error!(rollout = step.rollout_id, %refusal, "a device's move was not counted");
            }
        }
        if let Some(told) = told {
            let kept = live.get(&told.id).ok_or(CommitError::Unknown)?;
            let mut draft = Draft::of(kept);
            self.drive(kept, &mut draft, told.event.clone(), now)
                .map_err(CommitError::Refused)?;
            // Time that changes nothing is not written.
            let same = matches!(told.event, Event::Tick)
                && draft.machine.progress() == kept.machine.progress();
            draft.audit.splice(0..0, told.audit.clone());
            if !same {
                drafts.insert(told.id.clone(), draft);
            }
        }
        Ok(drafts)
    }

    fn drive(&self, kept: &Live, draft: &mut Draft, event: Event, now: i64) -> Result<(), Refusal> {
        let effects = if self.is_relay() {
            // Without a survey no step opens and no rollout completes: that is the primary's to say. Rules that stop
            // one work without.
            let mut effects = draft.machine.apply(event, now)?;
            effects.retain(|effect| !matches!(effect, Effect::Survey { .. }));
            effects
        } else {
            draft.machine.drive(event, now, |machine, wave| {
                self.survey(kept, machine, wave, now)
            })?
        };
        draft.audit.extend(audit::of_effects(&effects));
        draft.effects.extend(effects);
        Ok(())
    }

    /// Takes over what other nodes made of rollouts. What followed from it is theirs to do.
    pub(crate) async fn reread_rollouts(&self) -> Result<(), StoreError> {
        let mut live = self.rollouts.live.lock().await;
        self.reload(&mut live).await?;
        for kept in live.values() {
            self.wake(kept);
        }
        self.publish_rollouts(&live).await;
        Ok(())
    }

    /// The same, but what devices are offered stays as it is until [`Core::publish_afresh`]. What that would publish.
    pub(crate) async fn take_over_quietly(&self) -> Result<Published, StoreError> {
        let mut live = self.rollouts.live.lock().await;
        self.reload(&mut live).await?;
        self.read_whole(&live).await
    }

    /// Publishes releases and rollouts as they stand, in one step, and sees to what has to hold of these.
    pub(crate) async fn publish_afresh(&self) -> Result<(), StoreError> {
        let live = self.rollouts.live.lock().await;
        self.publish_whole(&live).await?;
        let standing = live
            .iter()
            .map(|(id, live)| (id.clone(), live.machine.standing()))
            .collect();
        drop(live);
        self.perform(standing).await;
        Ok(())
    }

    async fn reload(&self, live: &mut BTreeMap<String, Live>) -> Result<(), StoreError> {
        for record in self.store.rollouts().await? {
            let is_news = live
                .get(&record.id)
                .is_none_or(|known| known.record.revision < record.revision);
            if is_news {
                live.insert(record.id.clone(), Live::new(record)?);
            }
        }
        Ok(())
    }

    /// Sees to it that the rollout is told the time when it wants to know it.
    pub(super) fn wake(&self, live: &Live) {
        if !self.is_relay()
            && let Some(at) = live.machine.wakes_at(self.clock.now())
        {
            self.timers.add(at, Due::Rollout(live.record.id.clone()));
        }
    }
}

impl Draft {
    fn of(kept: &Live) -> Self {
        Self {
            machine: kept.machine.clone(),
            effects: Vec::new(),
            audit: Vec::new(),
        }
    }
}

/// A machine that was written takes its place.
fn take_over(kept: &mut Live, machine: RolloutMachine) {
    let progress = machine.progress();
    let record = &mut kept.record;
    record.state = progress.state;
    record.started_at = progress.started_at;
    record.started_by.clone_from(&progress.started_by);
    record.ended_at = progress.ended_at;
    record.revision += 1;
    kept.machine = machine;
}

fn write(kept: &Live, draft: &Draft) -> RolloutWrite {
    let progress = draft.machine.progress();
    RolloutWrite {
        id: kept.record.id.clone(),
        was: kept.record.revision,
        state: progress.state,
        // Numbers and texts always serialise.
        machine: serde_json::to_string(progress).unwrap_or_default(),
        started_at: progress.started_at,
        started_by: progress.started_by.clone(),
        ended_at: progress.ended_at,
        audit: draft.audit.clone(),
    }
}
