//! The devices, counted for a rollout.

use updraft_protocol::DeviceId;
use updraft_protocol::api::rollout::Preview;
use updraft_rollout::rehearsal::Kind;
use updraft_rollout::{ActiveRollout, Census, Seen, Standing, Survey};

use super::Devices;
use super::choice::view;
use super::entry::Entry;
use crate::identity::Words;
use crate::published::Published;

/// A device as a rehearsal sees it, how often it asks in seconds, if that is known, and the version it is pinned to.
pub(crate) type Recorded = (Kind, Option<u32>, Option<String>);

fn seen(entry: &Entry) -> Seen {
    Seen {
        last: entry.record.device.last_seen,
        poll_s: entry.record.device.poll_seconds,
    }
}

impl Devices {
    /// Who of one wave is there.
    pub(crate) fn survey(
        &self,
        published: &Published,
        device_type: &str,
        rollout: &ActiveRollout,
        wave: u32,
        now: i64,
    ) -> Survey {
        let mut survey = Survey {
            wave,
            ..Survey::default()
        };
        let Some(known) = published.snapshot.device_type(device_type) else {
            return survey;
        };
        let Some(census) = Census::new(known, rollout, now) else {
            return survey;
        };
        for entry in &self.entries {
            let device = &entry.record.device;
            if device.device_type.as_str() != device_type {
                continue;
            }
            let view = view(&entry.record, &Words::default());
            if let Standing::Member(member) = census.standing(&view) {
                survey.add(&member, seen(&entry).is_reachable(rollout, now));
            }
            if entry.moves.iter().any(|step| step.rollout_id == rollout.id) {
                // The rollout has not been told yet what this device did: it is not at its end.
                survey.waiting += 1;
            }
        }
        survey
    }

    /// What a rollout would do.
    pub(crate) fn preview(
        &self,
        published: &Published,
        device_type: &str,
        rollout: &ActiveRollout,
        now: i64,
    ) -> Preview {
        let known = published.snapshot.device_type(device_type);
        let Some(census) = known.and_then(|known| Census::new(known, rollout, now)) else {
            return Preview::default();
        };
        // Held for some milliseconds, on an operator's request.
        let held: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| entry.record.device.device_type.as_str() == device_type)
            .collect();
        census.preview(
            held.iter()
                .map(|entry| (view(&entry.record, &Words::default()), seen(entry))),
        )
    }

    /// Every device of a type as a rehearsal of this rollout sees it.
    pub(crate) fn kinds(
        &self,
        device_type: &str,
        rollout: &ActiveRollout,
        now: i64,
    ) -> Vec<(DeviceId, Recorded)> {
        self.entries
            .iter()
            .filter(|entry| entry.record.device.device_type.as_str() == device_type)
            .map(|entry| {
                let record = &entry.record;
                let device = &record.device;
                let version = device.version.as_deref().unwrap_or_default();
                let mut kind = Kind::new(version, 1, 1, device.attributes.clone());
                kind.chip.clone_from(&record.chip);
                kind.secure_version = record.secure_version;
                kind.slot_size = record.slot_size;
                kind.is_reachable = seen(&entry).is_reachable(rollout, now);
                kind.is_kept_back = device.hold.is_some();
                let recorded = (kind, device.poll_seconds, device.pin.clone());
                (entry.key().clone(), recorded)
            })
            .collect()
    }

    /// What becomes of each device of the type in a rollout: its id and its row's word, by id, after this one, at most
    /// so many that are `wanted`. Each device is in exactly one row.
    pub(crate) fn rows<T>(
        &self,
        device_type: &str,
        row: impl Fn(&updraft_store::DeviceRecord) -> Option<T>,
        after: Option<&DeviceId>,
        limit: usize,
    ) -> Vec<T> {
        let mut ids: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| entry.record.device.device_type.as_str() == device_type)
            .filter(|entry| after.is_none_or(|after| entry.key() > after))
            .map(|entry| entry.key().clone())
            .collect();
        ids.sort_unstable();
        ids.iter()
            .filter_map(|id| row(&self.entries.get(id)?.record))
            .take(limit)
            .collect()
    }
}
