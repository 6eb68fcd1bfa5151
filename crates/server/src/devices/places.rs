//! How much of each rollout is under way: what its caps are about.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use updraft_protocol::api::DeploymentState;
use updraft_rollout::{Ledger, Usage};

use super::entry::Entry;
use super::ways::place;

/// Offers are counted over so many seconds: caps are by the minute.
const MINUTE: i64 = 60;

/// One rollout's part.
#[derive(Debug, Default)]
struct Count {
    fleet: u32,
    /// On a relay: devices that others serve, as the primary last counted them.
    elsewhere: u32,
    sites: HashMap<String, u32>,
    /// When devices took a place, the latest last.
    taken: VecDeque<i64>,
}

/// The devices under way, by rollout.
#[derive(Debug, Default)]
pub(super) struct Places {
    counts: Mutex<HashMap<String, Count>>,
    turn: Mutex<()>,
}

/// A place that a device holds, as it was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    rollout_id: String,
    site: Option<String>,
}

impl Places {
    /// One device after the other: whoever decides and takes a place while this is held finds what it saw.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<String, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how many devices are under way in a rollout elsewhere.
    pub(super) fn set_elsewhere(&self, rollout_id: &str, devices: u32) {
        let mut counts = self.counts();
        counts.entry(rollout_id.to_owned()).or_default().elsewhere = devices;
    }

    fn take(&self, held: &Held, now: i64) {
        let mut counts = self.counts();
        let count = counts.entry(held.rollout_id.clone()).or_default();
        count.fleet += 1;
        if let Some(site) = &held.site {
            *count.sites.entry(site.clone()).or_default() += 1;
        }
        count.taken.push_back(now);
        while count.taken.front().is_some_and(|at| *at <= now - MINUTE) {
            count.taken.pop_front();
        }
    }

    fn leave(&self, held: &Held) {
        let mut counts = self.counts();
        if let Some(count) = counts.get_mut(&held.rollout_id) {
            count.fleet = count.fleet.saturating_sub(1);
            if let Some(site) = held
                .site
                .as_ref()
                .and_then(|site| count.sites.get_mut(site))
            {
                *site = site.saturating_sub(1);
            }
        }
    }
}

/// The ledger at a moment, in Unix seconds.
#[derive(Debug)]
pub(super) struct PlacesAt<'a>(pub(super) &'a Places, pub(super) i64);

impl Ledger for PlacesAt<'_> {
    fn usage(&self, rollout_id: &str, site: Option<&str>) -> Usage {
        let counts = self.0.counts();
        let Some(count) = counts.get(rollout_id) else {
            return Usage::default();
        };
        let since = self.1 - MINUTE;
        let recent = count.taken.iter().rev().take_while(|at| **at > since);
        Usage {
            fleet: count.fleet.saturating_add(count.elsewhere),
            site: site
                .and_then(|site| count.sites.get(site))
                .copied()
                .unwrap_or_default(),
            last_minute: u32::try_from(recent.count()).unwrap_or(u32::MAX),
        }
    }
}

impl Entry {
    /// Takes and leaves places, so that the device holds one for each open deployment of a rollout.
    pub(super) fn settle_places(&mut self, places: &Places, now: i64) {
        let deployments = &self.record.device.deployments;
        let open: Vec<&str> = deployments
            .iter()
            .filter(|deployment| place(deployment).is_some_and(DeploymentState::is_open))
            .filter_map(|deployment| deployment.rollout_id.as_deref())
            .collect();
        self.held.retain(|held| {
            let stays = open.contains(&held.rollout_id.as_str());
            if !stays {
                places.leave(held);
            }
            stays
        });
        for rollout_id in open {
            if self.held.iter().any(|held| held.rollout_id == rollout_id) {
                continue;
            }
            let held = Held {
                rollout_id: rollout_id.to_owned(),
                site: self.record.device.attributes.site.clone(),
            };
            places.take(&held, now);
            self.held.push(held);
        }
    }
}
