//! On a relay: what the primary knows of its devices, taken over beside what this relay heard and has not told yet.

use std::collections::{HashMap, HashSet};

use updraft_protocol::DeviceId;
use updraft_protocol::api::Deployment;
use updraft_protocol::api::relay::{RelayedDevice, RelayedRollout};
use updraft_store::{DeviceRecord, TokenHash};

use super::entry::Entry;
use super::registry::key_of;
use super::ways::place;
use super::{Devices, Move};
use crate::published::Published;

/// What became of the primary's word on a device.
#[derive(Debug)]
pub(crate) enum Takeover {
    /// It holds here as well.
    Taken,
    /// The primary has not heard everything: what is known here stays, and its rollouts are told what is ahead of the
    /// primary's counts.
    Ahead(Vec<Move>),
    /// The device's news is on its way to the disk: ask again.
    Later,
}

impl Devices {
    /// The devices whose token or settings differ from what is known here, and those that have a token here and are not
    /// in the snapshot any more. Devices that enrolled since `asked_at`, Unix seconds, cannot be in it yet.
    pub(crate) fn compare<'a>(
        &self,
        devices: &'a [RelayedDevice],
        asked_at: i64,
    ) -> (Vec<&'a RelayedDevice>, Vec<DeviceId>) {
        let changed = devices.iter().filter(|device| {
            self.entries.get(&device.id).is_none_or(|entry| {
                let (record, known) = (&entry.record, &entry.record.device);
                record.token_hash.map(|hash| hash.0) != device.token.map(|digest| digest.0)
                    || record.set != device.set
                    || known.channel != device.channel
                    || known.pin != device.pin
                    || known.hold != device.hold
            })
        });
        let changed = changed.collect();
        let there: HashSet<&DeviceId> = devices.iter().map(|device| &device.id).collect();
        let without = self.entries.iter().filter(|entry| {
            entry.record.token_hash.is_some()
                && !there.contains(entry.key())
                && entry.enrolled_at.is_none_or(|at| at < asked_at)
        });
        let without = without.map(|entry| entry.key().clone()).collect();
        (changed, without)
    }

    /// Takes over tokens and settings that the store has just written.
    pub(crate) fn take_settings(&self, changed: &[&RelayedDevice], without: &[DeviceId]) {
        let mut old = Vec::new();
        for id in without {
            if let Some(mut entry) = self.entries.get_mut(id) {
                old.extend(entry.record.token_hash.take());
                entry.record.device.enrolled = false;
            }
        }
        for device in changed {
            let record = record(device);
            let mut entry = self
                .entries
                .entry(device.id.clone())
                .or_insert_with(|| Entry::kept(record.clone()));
            if entry.record.token_hash != record.token_hash {
                old.extend(entry.record.token_hash);
            }
            entry.take_settings(&record);
        }
        for hash in old {
            self.forget_token(hash);
        }
        for device in changed {
            if let Some(digest) = device.token {
                self.know_token(TokenHash(digest.0), device.id.clone());
            }
        }
    }

    /// Takes over how many devices are under way elsewhere, by rollout.
    pub(crate) fn take_elsewhere(&self, rollouts: &[RelayedRollout]) {
        for rollout in rollouts {
            self.places.set_elsewhere(&rollout.id, rollout.elsewhere);
        }
    }

    /// Takes over what became of a device's deployments, as far as the primary knows more than this relay.
    pub(crate) fn take_deployments(
        &self,
        device: &RelayedDevice,
        published: &Published,
        now: i64,
    ) -> Takeover {
        let Some(mut entry) = self.entries.get_mut(&device.id) else {
            return Takeover::Taken;
        };
        if entry.is_being_written || entry.has_outcomes() {
            return Takeover::Later;
        }
        if entry.unsent.is_any() {
            let here = &entry.record.device.deployments;
            return Takeover::Ahead(ahead(&device.deployments, here));
        }
        if entry.record.device.deployments == device.deployments {
            return Takeover::Taken;
        }
        let was_waiting = entry.has_news();
        let before = std::mem::take(&mut entry.record.device.deployments);
        for deployment in &before {
            let key = key_of(deployment);
            if !device.deployments.iter().any(|kept| key_of(kept) == key) {
                entry.changed.retain(|changed| *changed != key);
                entry.forgotten.push(key);
            }
        }
        for deployment in &device.deployments {
            entry.note_changed(key_of(deployment));
        }
        entry
            .record
            .device
            .deployments
            .clone_from(&device.deployments);
        entry.has_moved = true;
        self.after(entry, was_waiting, published, now);
        Takeover::Taken
    }

    /// The primary has these words on disk.
    pub(crate) fn acknowledged<'a>(&self, words: impl IntoIterator<Item = (&'a DeviceId, i64)>) {
        for (id, seq) in words {
            if let Some(mut entry) = self.entries.get_mut(id) {
                let unsent = &mut entry.unsent;
                unsent.acknowledged = unsent.acknowledged.max(seq);
            }
        }
    }

    /// Words that were kept before this process began, by device the number of the last.
    pub(crate) fn know_unsent(&self, words: Vec<(DeviceId, i64)>) {
        for (id, last) in words {
            if let Some(mut entry) = self.entries.get_mut(&id) {
                entry.unsent.last = last;
            }
        }
    }

    /// Notes that so many words are on disk.
    pub(super) fn journalled(&self, count: usize) {
        if count > 0
            && let Some(journal) = &self.journal
        {
            journal.written(count);
        }
    }

    /// Every device of a site, or every device, as a relay has to know it, by id; at most so many and one more.
    pub(crate) fn for_relay(&self, site: Option<&str>, limit: usize) -> Vec<RelayedDevice> {
        let of_site = |entry: &Entry| {
            let attributes = &entry.record.device.attributes;
            site.is_none() || attributes.site.as_deref() == site
        };
        let mut devices: Vec<RelayedDevice> = self
            .entries
            .iter()
            .filter(|entry| of_site(entry))
            .take(limit + 1)
            .map(|entry| {
                let (record, device) = (&entry.record, &entry.record.device);
                RelayedDevice {
                    id: device.id.clone(),
                    device_type: device.device_type.clone(),
                    channel: device.channel.clone(),
                    token: record
                        .token_hash
                        .map(|hash| updraft_protocol::Digest(hash.0)),
                    said: record.said.clone(),
                    set: record.set.clone(),
                    pin: device.pin.clone(),
                    hold: device.hold.clone(),
                    deployments: device.deployments.clone(),
                }
            })
            .collect();
        devices.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        devices
    }
}

/// A device of a snapshot, never heard of here.
fn record(device: &RelayedDevice) -> DeviceRecord {
    let mut entry = Entry::new(&device.id, &device.device_type, updraft_store::unix_now());
    let record = &mut entry.record;
    record.device.channel.clone_from(&device.channel);
    record.device.enrolled = device.token.is_some();
    record.device.attributes = device.set.over(&device.said);
    record.device.pin.clone_from(&device.pin);
    record.device.hold.clone_from(&device.hold);
    record.said.clone_from(&device.said);
    record.set.clone_from(&device.set);
    record.token_hash = device.token.map(|digest| TokenHash(digest.0));
    entry.record
}

/// What brings rollouts that count `there` to what is known `here`.
fn ahead(there: &[Deployment], here: &[Deployment]) -> Vec<Move> {
    let by_rollout = |deployments: &[Deployment]| -> HashMap<String, Deployment> {
        let of_rollouts = deployments
            .iter()
            .filter(|deployment| place(deployment).is_some());
        of_rollouts
            .filter_map(|deployment| Some((deployment.rollout_id.clone()?, deployment.clone())))
            .collect()
    };
    let (there, here) = (by_rollout(there), by_rollout(here));
    let rollouts: HashSet<&String> = there.keys().chain(here.keys()).collect();
    let mut moves = Vec::new();
    for rollout_id in rollouts {
        let at = |known: &HashMap<String, Deployment>| {
            let deployment = known.get(rollout_id)?;
            Some((deployment.step?, deployment.state))
        };
        let mut tell = |step, from, to| {
            moves.push(Move {
                rollout_id: rollout_id.clone(),
                step,
                from,
                to,
            });
        };
        match (at(&there), at(&here)) {
            (Some(from), Some(to)) if from == to => {}
            (Some((step, from)), Some((same, to))) if step == same => {
                tell(step, Some(from), Some(to));
            }
            (from, to) => {
                if let Some((step, from)) = from {
                    tell(step, Some(from), None);
                }
                if let Some((step, to)) = to {
                    tell(step, None, Some(to));
                }
            }
        }
    }
    moves
}
