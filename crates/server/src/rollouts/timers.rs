use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use updraft_protocol::DeviceId;
use updraft_rollout::Event;
use updraft_store::DeploymentKey;

use super::commit::{CommitError, Told};
use crate::core::Core;

/// How soon that is tried again which the database did not take, in seconds.
pub(super) const AGAIN_S: i64 = 5;

/// What is due at some time. Whoever is told too early, or in vain, looks at the clock and knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A rollout wants to know the time.
    Rollout(String),
    /// A device was silent for long.
    Deployment(DeviceId, DeploymentKey),
    /// What a rollout confirmed is to be taken back.
    TakeBack(String),
    /// Releases and channels are to be read anew.
    Releases,
}

/// What is due when, the earliest first. Every commit of a rollout says anew when it wants to know the time, so the same is
/// there once.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: Mutex<BTreeSet<(i64, Due)>>,
    earlier: Notify,
}

impl Timers {
    /// Adds what is due at this Unix time in seconds.
    pub(crate) fn add(&self, at: i64, due: Due) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let first = queue.first().is_none_or(|(first, _)| at < *first);
        queue.insert((at, due));
        drop(queue);
        if first {
            self.earlier.notify_one();
        }
    }

    fn next(&self) -> Option<i64> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.first().map(|(at, _)| *at)
    }

    fn take(&self, now: i64) -> Vec<Due> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        while queue.first().is_some_and(|(at, _)| *at <= now) {
            due.extend(queue.pop_first().map(|(_, one)| one));
        }
        due
    }
}

impl Core {
    /// Starts the task that does what is due. It ends when the server does.
    pub(crate) fn start_timers(core: &Arc<Self>) -> JoinHandle<()> {
        let (timers, clock) = (core.timers.clone(), core.clock.clone());
        let core = Arc::downgrade(core);
        tokio::spawn(async move {
            loop {
                let earlier = timers.earlier.notified();
                match timers.next() {
                    None => earlier.await,
                    Some(at) => tokio::select! {
                        () = clock.wait_until(at) => {}
                        () = earlier => {}
                    },
                }
                let Some(core) = Weak::upgrade(&core) else {
                    return;
                };
                core.do_due(timers.take(core.clock.now())).await;
            }
        })
    }

    async fn do_due(&self, due: Vec<Due>) {
        let mut silent = Vec::new();
        for one in due {
            match one {
                Due::Rollout(id) => self.tick(id).await,
                Due::TakeBack(id) => self.take_back(&id).await,
                Due::Releases => self.publish_releases().await,
                Due::Deployment(id, key) => {
                    let now = self.clock.now();
                    if self.devices.silent(&self.published(), &id, &key, now) {
                        silent.push(id);
                    }
                }
            }
        }
        if !silent.is_empty() {
            self.devices.hurry();
        }
    }

    async fn tick(&self, id: String) {
        let told = Told {
            id: id.clone(),
            event: Event::Tick,
            audit: None,
        };
        match self.tell(told).await {
            Ok(()) | Err(CommitError::Unknown) => {}
            Err(CommitError::Refused(refusal)) => {
                tracing::error!(%refusal, "a rollout refused the time");
            }
            Err(CommitError::Store(error)) => {
                tracing::error!(%error, "a rollout was not moved on; it is told again");
                let again = self.clock.now().saturating_add(AGAIN_S);
                self.timers.add(again, Due::Rollout(id));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Due, Timers};

    #[test]
    fn what_is_due_at_one_time_for_one_reason_is_due_once() {
        let timers = Timers::default();
        let one = || Due::Rollout("one".to_owned());
        for _ in 0..30_000 {
            timers.add(20, one());
        }
        timers.add(10, Due::Releases);
        timers.add(21, one());
        assert_eq!(timers.take(9), []);
        assert_eq!(timers.take(20), [Due::Releases, one()]);
        assert_eq!((timers.next(), timers.take(21)), (Some(21), vec![one()]));
    }
}
