//! What is counted while a rehearsal runs.

use std::collections::{HashMap, VecDeque};

use crate::decide::{Ledger, Usage};

/// Requests and bytes, and their peaks.
#[derive(Debug, Default)]
pub(super) struct Load {
    second: i64,
    requests: u32,
    bytes_per_s: u64,
    pub(super) peak_requests: u32,
    pub(super) peak_bytes: u64,
    pub(super) bytes: u64,
}

impl Load {
    /// So many requests at this time; times only rise.
    pub(super) fn requests(&mut self, now: i64, count: u32) {
        if now != self.second {
            self.second = now;
            self.requests = 0;
        }
        self.requests += count;
        self.peak_requests = self.peak_requests.max(self.requests);
    }

    pub(super) fn begins(&mut self, bytes_per_s: u32) {
        self.bytes_per_s += u64::from(bytes_per_s);
        self.peak_bytes = self.peak_bytes.max(self.bytes_per_s);
    }

    pub(super) fn ends(&mut self, bytes_per_s: u32, bytes: u32) {
        self.bytes_per_s -= u64::from(bytes_per_s);
        self.bytes += u64::from(bytes);
    }
}

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Places {
    fleet: u32,
    sites: HashMap<String, u32>,
    offers: VecDeque<i64>,
}

impl Places {
    pub(super) fn take(&mut self, site: Option<&str>, now: i64) {
        self.fleet += 1;
        if let Some(site) = site {
            if let Some(count) = self.sites.get_mut(site) {
                *count += 1;
            } else {
                self.sites.insert(site.to_owned(), 1);
            }
        }
        self.offers.push_back(now);
        self.forget(now);
    }

    pub(super) fn free(&mut self, site: Option<&str>) {
        self.fleet -= 1;
        if let Some(count) = site.and_then(|site| self.sites.get_mut(site)) {
            *count -= 1;
        }
    }

    pub(super) fn forget(&mut self, now: i64) {
        while self.offers.front().is_some_and(|at| *at <= now - 60) {
            self.offers.pop_front();
        }
    }
}

impl Ledger for Places {
    fn usage(&self, _: &str, site: Option<&str>) -> Usage {
        Usage {
            fleet: self.fleet,
            site: site
                .and_then(|site| self.sites.get(site))
                .map_or(0, |count| *count),
            last_minute: self.offers.len() as u32,
        }
    }
}
