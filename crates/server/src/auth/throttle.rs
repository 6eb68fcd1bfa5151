use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The span over which failures are counted.
const WINDOW: Duration = Duration::from_mins(1);

/// Addresses remembered. An attacker with more than these gains a fresh start, not memory.
const MAX_ADDRESSES: usize = 4096;

/// Counts failed authentications by address.
#[derive(Debug)]
pub(crate) struct Throttle {
    limit: u32,
    failures: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Throttle {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit,
            failures: Mutex::default(),
        }
    }

    /// Seconds until this address may try again, if it failed too often.
    pub(crate) fn wait(&self, address: IpAddr) -> Option<u32> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = failures.get(&address)?;
        let left = WINDOW.checked_sub(since.elapsed())?;
        (*count >= self.limit).then(|| left.as_secs() as u32 + 1)
    }

    /// Notes a failure.
    pub(crate) fn failed(&self, address: IpAddr) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MAX_ADDRESSES {
            failures.retain(|_, (since, _)| since.elapsed() < WINDOW);
        }
        if failures.len() >= MAX_ADDRESSES {
            failures.clear();
        }
        let (since, count) = failures.entry(address).or_insert((Instant::now(), 0));
        if since.elapsed() >= WINDOW {
            (*since, *count) = (Instant::now(), 0);
        }
        *count = count.saturating_add(1);
    }
}
