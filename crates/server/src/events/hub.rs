use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep};
use updraft_store::{Changed, Store, StoreError};

use super::{Event, Events};
use crate::state::AppState;

/// Events kept in memory for those who follow closely, at about 1 KiB each.
const RECENT: usize = 1024;

/// Events read from the database at a time.
pub(super) const PAGE: u32 = 256;

/// After so long a pause, a database that did not answer is asked again.
const AGAIN: Duration = Duration::from_millis(200);

/// Even if nobody tells of a change, the database is looked at this often.
const LOOK: Duration = Duration::from_secs(5);

/// How long events are kept, in seconds: 30 days. Whoever follows them is never away for as long.
const KEPT_S: i64 = 30 * 24 * 3600;

/// How often older ones are forgotten.
const PRUNE: Duration = Duration::from_hours(1);

/// The latest events, and how many streams there may be.
#[derive(Debug)]
pub(crate) struct Hub {
    recent: Mutex<VecDeque<Arc<Event>>>,
    latest: watch::Sender<i64>,
    streams: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

impl Hub {
    /// Begins after the last event there is.
    pub(crate) async fn open(
        store: &Store,
        max_streams: usize,
        stopped: watch::Receiver<bool>,
    ) -> Result<Arc<Self>, StoreError> {
        Ok(Arc::new(Self {
            recent: Mutex::default(),
            latest: watch::Sender::new(store.last_event().await?),
            streams: Arc::new(Semaphore::new(max_streams)),
            stopped,
        }))
    }

    /// Leave to follow, if not too many do.
    pub(crate) fn begin(&self) -> Option<OwnedSemaphorePermit> {
        self.streams.clone().try_acquire_owned().ok()
    }

    /// The number of the last event.
    pub(crate) fn latest(&self) -> watch::Receiver<i64> {
        self.latest.subscribe()
    }

    /// Says when the server stops.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.clone()
    }

    /// Some events after this number; from the database where they are not in memory any more.
    pub(crate) async fn after(&self, store: &Store, number: i64) -> Result<Events, StoreError> {
        if let Some(recent) = self.recent(number) {
            return Ok(recent);
        }
        let events = store.events(number, PAGE).await?;
        Ok(events
            .into_iter()
            .map(|event| Arc::new(event.into()))
            .collect())
    }

    fn recent(&self, number: i64) -> Option<Events> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        // Only if the next one is there: numbers have no gaps.
        let first = recent.front()?.id;
        let skipped = usize::try_from(number.checked_add(1)?.checked_sub(first)?).ok()?;
        let events = recent.iter().skip(skipped).take(PAGE as usize);
        Some(events.cloned().collect())
    }

    /// Reads what is new; says whether there may be more.
    async fn read(&self, store: &Store) -> Result<bool, StoreError> {
        let last = *self.latest.borrow();
        let events = store.events(last, PAGE).await?;
        let Some(newest) = events.last().map(|event| event.number) else {
            return Ok(false);
        };
        let more = events.len() == PAGE as usize;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            if recent.len() == RECENT {
                recent.pop_front();
            }
            recent.push_back(Arc::new(event.into()));
        }
        drop(recent);
        self.latest.send_replace(newest);
        Ok(more)
    }
}

/// Reads new events, whoever wrote them, until the server stops; and forgets old ones.
pub(crate) async fn follow(state: AppState, mut stopped: watch::Receiver<bool>) {
    let (hub, store) = (state.hub(), state.store());
    let mut changes = store.changes();
    let mut pruned = Instant::now();
    loop {
        let pause = match hub.read(store).await {
            Ok(true) => continue,
            Ok(false) => LOOK,
            Err(error) => {
                tracing::warn!(%error, "new events could not be read");
                AGAIN
            }
        };
        if pruned.elapsed() >= PRUNE {
            pruned = Instant::now();
            prune(store, state.now().saturating_sub(KEPT_S)).await;
        }
        let woken = async {
            while let Some(news) = changes.next().await {
                if matches!(news.changed, Changed::Events | Changed::Everything) {
                    return;
                }
            }
            // The store is closed: the stop comes any moment.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            Ok(_) = stopped.wait_for(|stopped| *stopped) => return,
            () = woken => {}
            () = sleep(pause) => {}
        }
    }
}

async fn prune(store: &Store, before: i64) {
    loop {
        match store.prune_events(before).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "old events could not be forgotten yet");
                return;
            }
        }
    }
}
