use std::collections::BTreeMap;

use tokio::sync::MutexGuard;
use updraft_rollout::{Effect, Event, Refusal, RolloutMachine};
use updraft_store::{DeviceWrite, RolloutAudit, StoreError};

use super::reread::Reread;
use super::work::{Next, Work};
use super::{Due, Live};
use crate::core::Core;
use crate::devices::Move;

/// How often a change is made anew on top of what another server has made of a rollout meanwhile.
const TRIES: u32 = 5;

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
            return Box::pin(self.store.write_moves(writes, &[], None)).await;
        }
        let make = |live: &BTreeMap<String, Live>| Ok(self.moved(live, moves));
        self.commit(writes, moves, make).await
    }

    /// Tells one rollout something, and acts on it.
    pub(super) async fn tell(&self, told: Told) -> Result<(), CommitError> {
        self.commit(&[], &[], |live| self.told(live, &told)).await
    }

    /// Makes a change of rollouts, together with the devices' news that it follows from, and acts on it. What was read
    /// anew on the way counts whether or not the change is made.
    pub(super) async fn commit<E: From<StoreError> + Send>(
        &self,
        writes: &[DeviceWrite],
        moves: &[Move],
        make: impl Fn(&BTreeMap<String, Live>) -> Result<Work, E> + Send,
    ) -> Result<(), E> {
        let mut live = self.rollouts.live.lock().await;
        let mut reread = Reread::default();
        let written = self
            .make(&mut live, &mut reread, (writes, moves), make)
            .await;
        let (done, outcome) = match written {
            Ok(work) => (self.take_over(&mut live, work), Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        let changes_offers =
            |(_, effects): &(String, Vec<Effect>)| effects.contains(&Effect::OffersChanged);
        let offers_changed = done.iter().any(changes_offers);
        self.follow_up(live, reread, done, offers_changed).await;
        outcome
    }

    /// Writes what a change makes of rollouts; what that is.
    async fn make<E: From<StoreError> + Send>(
        &self,
        live: &mut BTreeMap<String, Live>,
        reread: &mut Reread,
        (writes, moves): (&[DeviceWrite], &[Move]),
        make: impl Fn(&BTreeMap<String, Live>) -> Result<Work, E> + Send,
    ) -> Result<Work, E> {
        self.know_all(live, reread, moves).await?;
        let mut tries = 1;
        loop {
            let work = make(live)?;
            if writes.is_empty() && work.is_empty() {
                return Ok(work);
            }
            let rollouts = work.writes(live);
            let new = work.new_rollout();
            // Large: it may write a rollout, devices, a channel and another rollout.
            let writing = self.store.write_moves(writes, &rollouts, new.as_ref());
            match Box::pin(writing).await {
                Ok(()) => return Ok(work),
                // Another server on the same database was faster: its change comes first.
                Err(StoreError::Stale { .. }) if tries < TRIES => {
                    tries += 1;
                    self.reload(live, reread).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads the rollouts anew if devices moved in one that another server has made meanwhile. A move must not be lost:
    /// its rollout would wait for the device for ever.
    async fn know_all(
        &self,
        live: &mut BTreeMap<String, Live>,
        reread: &mut Reread,
        moves: &[Move],
    ) -> Result<(), StoreError> {
        let is_unknown =
            |live: &BTreeMap<String, Live>, step: &&Move| !live.contains_key(&step.rollout_id);
        if !moves.iter().any(|step| is_unknown(live, &step)) {
            return Ok(());
        }
        self.reload(live, reread).await?;
        match moves.iter().find(|step| is_unknown(live, step)) {
            None => Ok(()),
            Some(step) => Err(StoreError::NotFound {
                what: "rollout",
                name: step.rollout_id.clone(),
            }),
        }
    }

    /// What was written takes its place. What is to be done about it.
    fn take_over(&self, live: &mut BTreeMap<String, Live>, work: Work) -> Done {
        let mut done = Vec::new();
        for (id, next) in work.next {
            if let Some(kept) = live.get_mut(&id) {
                take_over(kept, next.machine);
                self.wake(kept);
            }
            done.push((id, next.effects));
        }
        if let Some((record, next)) = work.new {
            let Next {
                machine, effects, ..
            } = next;
            done.push((record.id.clone(), effects));
            let new = Live { record, machine };
            self.wake(&new);
            live.insert(new.record.id.clone(), new);
        }
        done
    }

    /// Publishes what changed and lets the rollouts go; then does what is to be done.
    pub(super) async fn follow_up(
        &self,
        live: MutexGuard<'_, BTreeMap<String, Live>>,
        reread: Reread,
        mut done: Done,
        offers_changed: bool,
    ) {
        for kept in reread.all.iter().filter_map(|id| live.get(id)) {
            self.wake(kept);
        }
        if offers_changed || !reread.all.is_empty() {
            self.publish_rollouts(&live).await;
        }
        let turned = reread.turned.into_iter();
        done.extend(turned.filter_map(|id| {
            let standing = live.get(&id)?.machine.standing();
            Some((id, standing))
        }));
        drop(live);
        // Mostly nothing, and large.
        if !done.is_empty() {
            Box::pin(self.perform(done)).await;
        }
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

/// A machine that was written takes its place.
fn take_over(kept: &mut Live, machine: RolloutMachine) {
    kept.record.revision += 1;
    kept.machine = machine;
    kept.settle();
}
