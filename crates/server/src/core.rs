//! What decides and what remembers, apart from who asks: shared by the requests, the writer and the timers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

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
    /// On a relay: when what is published stops to hold, Unix seconds.
    expires_at: Option<AtomicI64>,
    /// On a relay: rollouts are being taken over, and what is published stays as it is until they are whole.
    held: AtomicBool,
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
            expires_at: None,
            held: AtomicBool::new(false),
            publishing: Mutex::default(),
        }
    }

    /// The same on a relay, whose snapshot holds until this Unix time in seconds.
    pub(crate) fn relaying(self, expires_at: Option<i64>) -> Self {
        let core = Self {
            expires_at: expires_at.map(AtomicI64::new),
            ..self
        };
        let published = core.published();
        let until = Published::clone(&published).until(expires_at);
        core.published.store(until.into());
        core
    }

    /// Whether this is a relay: rollouts are judged by the primary, and only stopped here.
    pub(crate) fn is_relay(&self) -> bool {
        self.expires_at.is_some()
    }

    /// Notes until when a new snapshot holds; it counts with the next that is published.
    pub(crate) fn set_expiry(&self, at: i64) {
        if let Some(expires_at) = &self.expires_at {
            expires_at.store(at, Ordering::Release);
        }
    }

    /// When what is published stops to hold, Unix seconds.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        self.expires_at
            .as_ref()
            .map(|at| at.load(Ordering::Acquire))
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
        let fetches = self.depot.is_some() || self.is_relay();
        let read = Published::read(&self.store, fetches)
            .await?
            .until(self.expires_at());
        let rollouts = self.published.load().rollouts.clone();
        self.published.store(read.with_rollouts(rollouts).into());
        self.offers_changed();
        Ok(())
    }

    /// Publishes what the store has now together with the rollouts as they are now: in between, a release would be
    /// offered without regard to its rollout.
    pub(crate) async fn publish_whole(
        &self,
        live: &BTreeMap<String, Live>,
    ) -> Result<(), StoreError> {
        let _publishing = self.publishing.lock().await;
        let whole = self.read_whole(live).await;
        self.let_go();
        self.published.store(whole?.into());
        self.offers_changed();
        Ok(())
    }

    /// Gives that up.
    pub(crate) fn let_go(&self) {
        self.held.store(false, Ordering::Release);
    }

    /// Keeps what is published as it is until [`publish_whole`](Self::publish_whole).
    pub(crate) async fn hold(&self) {
        let _publishing = self.publishing.lock().await;
        self.held.store(true, Ordering::Release);
    }

    /// What would be published by that.
    pub(crate) async fn read_whole(
        &self,
        live: &BTreeMap<String, Live>,
    ) -> Result<Published, StoreError> {
        let fetches = self.depot.is_some() || self.is_relay();
        let read = Published::read(&self.store, fetches).await?;
        let rollouts = live.values().filter_map(Live::published).collect();
        Ok(read.until(self.expires_at()).with_rollouts(rollouts))
    }

    /// Publishes the rollouts as they are now.
    pub(crate) async fn publish_rollouts(&self, live: &BTreeMap<String, Live>) {
        let _publishing = self.publishing.lock().await;
        if self.held.load(Ordering::Acquire) {
            return;
        }
        let rollouts = live.values().filter_map(Live::published).collect();
        let published = self.published.load();
        self.published
            .store(published.with_rollouts(rollouts).into());
        self.offers_changed();
    }
}
