//! What other nodes made of rollouts. Any of them may be killed between noting a change and doing what follows from it, so
//! every node does that; once more is no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;

use updraft_store::StoreError;

use super::Live;
use crate::core::Core;
use crate::published::Published;

/// Rollouts that were read anew, by id.
#[derive(Debug, Default)]
pub(super) struct Reread {
    /// All of them that are others than those that were known.
    pub(super) all: BTreeSet<String>,
    /// Those of which something else has to hold now.
    pub(super) turned: BTreeSet<String>,
}

impl Core {
    /// Takes over what other nodes made of rollouts, and does what follows from it.
    pub(crate) async fn reread_rollouts(&self) -> Result<(), StoreError> {
        let mut live = self.rollouts.live.lock().await;
        let mut reread = Reread::default();
        let read = self.reload(&mut live, &mut reread).await;
        self.follow_up(live, reread, Vec::new(), true).await;
        read
    }

    /// Notes that other nodes heard of devices, and so counted them.
    pub(crate) fn note_counted_elsewhere(&self) {
        self.rollouts.counted_elsewhere.store(true, Relaxed);
    }

    /// Takes over what other nodes counted, for somebody who looks: a node that only counts devices tells no other of the
    /// rollout. What cannot be read now is shown as it was.
    pub(super) async fn see_counts(&self) {
        if !self.rollouts.counted_elsewhere.swap(false, Relaxed) {
            return;
        }
        if let Err(error) = self.reread_rollouts().await {
            self.note_counted_elsewhere();
            tracing::warn!(%error, "what other nodes counted could not be read; showing what was known");
        }
    }

    /// As [`Core::reread_rollouts`], but what devices are offered stays as it is until [`Core::publish_afresh`]. What that would publish.
    pub(crate) async fn take_over_quietly(&self) -> Result<Published, StoreError> {
        let mut live = self.rollouts.live.lock().await;
        self.reload(&mut live, &mut Reread::default()).await?;
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
        Box::pin(self.perform(standing)).await;
        Ok(())
    }

    pub(super) async fn reload(
        &self,
        live: &mut BTreeMap<String, Live>,
        reread: &mut Reread,
    ) -> Result<(), StoreError> {
        for record in self.store.rollouts().await? {
            let known = live.get(&record.id);
            if known.is_some_and(|known| known.record.revision >= record.revision) {
                continue;
            }
            let id = record.id.clone();
            let read = Live::new(record)?;
            let standing = known.map(|known| known.machine.standing());
            if standing.unwrap_or_default() != read.machine.standing() {
                reread.turned.insert(id.clone());
            }
            reread.all.insert(id.clone());
            live.insert(id, read);
        }
        Ok(())
    }
}
