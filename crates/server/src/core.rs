//! What decides and what remembers, apart from who asks: shared by the requests, the writer and the timers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Notify};
use updraft_store::{Store, StoreError};

use crate::clock::Clock;
use crate::depot::DepotSide;
use crate::devices::Devices;
use crate::metrics::Metrics;
use crate::published::Published;
use crate::rollouts::{Live, Rollouts, Timers};

/// The fleet, its releases and its rollouts.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Clock,
    pub(crate) devices: Arc<Devices>,
    pub(crate) rollouts: Rollouts,
    pub(crate) timers: Arc<Timers>,
    pub(crate) metrics: Arc<Metrics>,
    /// The artifact store, if there is one beside the data folder.
    pub(crate) depot: Option<DepotSide>,
    published: ArcSwap<Published>,
    /// What devices get may have changed; one may wait for it.
    offers: Notify,
    /// Held while a new snapshot is made, so that the last one made is the newest.
    publishing: Mutex<()>,
}

impl Core {
    pub(crate) fn new(
        store: Arc<Store>,
        clock: Clock,
        devices: Arc<Devices>,
        rollouts: Rollouts,
        timers: Arc<Timers>,
        metrics: Arc<Metrics>,
        published: Published,
    ) -> Self {
        Self {
            store,
            clock,
            devices,
            rollouts,
            timers,
            metrics,
            depot: None,
            published: ArcSwap::from_pointee(published),
            offers: Notify::new(),
            publishing: Mutex::default(),
        }
    }

    /// The same with an artifact store.
    pub(crate) fn with_depot(self, depot: Option<DepotSide>) -> Self {
        Self { depot, ..self }
    }

    /// What devices get may have changed: those that can be told at once are. Whatever publishes says so itself.
    pub(crate) fn offers_changed(&self) {
        self.offers.notify_one();
    }

    /// Waits until what devices get may have changed since the last time.
    pub(crate) async fn changed_offers(&self) {
        self.offers.notified().await;
    }

    /// What is published at this moment.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.published.load_full()
    }

    /// What is published, for a moment: no reference is counted.
    pub(crate) fn peek(&self) -> arc_swap::Guard<Arc<Published>> {
        self.published.load()
    }

    /// Publishes what the store has now, with the rollouts as they were published last.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        if let Some(depot) = &self.depot {
            depot.wake();
        }
        self.reread().await
    }

    /// The same for what came from the artifact store, which need not be told.
    pub(crate) async fn reread(&self) -> Result<(), StoreError> {
        let _publishing = self.publishing.lock().await;
        let read = Published::read(&self.store, self.depot.is_some()).await?;
        let rollouts = self.published.load().rollouts.clone();
        self.published.store(read.with_rollouts(rollouts).into());
        self.offers_changed();
        Ok(())
    }

    /// Publishes the rollouts as they are now.
    pub(crate) async fn publish_rollouts(&self, live: &BTreeMap<String, Live>) {
        let _publishing = self.publishing.lock().await;
        let rollouts = live.values().filter_map(Live::published).collect();
        let published = self.published.load();
        self.published
            .store(published.with_rollouts(rollouts).into());
        self.offers_changed();
    }
}
