use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use updraft_protocol::DeviceId;
use updraft_protocol::mqtt::Format;
use updraft_store::{MqttDevice, Presence as Noted};

/// How long a device counts as connected that has said nothing and left no will. One may stay connected for weeks and
/// say only at its start what it runs; an order to one that is gone costs a message and nothing else.
const SILENT_FOR: Duration = Duration::from_hours(30 * 24);

/// One connected device.
#[derive(Debug, Clone)]
struct Connected {
    heard: Instant,
    /// In what form it wants its orders.
    format: Format,
    /// Whether it has said what it runs since it came.
    told_version: bool,
    /// The last order, and when it was given, Unix seconds.
    ordered: Option<(String, i64)>,
    /// Whether it said that the order came to nothing.
    failed: bool,
}

/// Which devices are connected to the broker, as far as the servers have heard.
#[derive(Debug)]
pub(crate) struct Presence {
    connected: DashMap<DeviceId, Connected>,
    /// Who came and went, and when (Unix seconds), that was not written yet.
    news: Mutex<HashMap<DeviceId, (Noted, i64)>>,
    limit: usize,
}

impl Presence {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            connected: DashMap::new(),
            news: Mutex::default(),
            limit,
        }
    }

    /// The device said something. Says whether it was away before.
    pub(super) fn heard(&self, id: &DeviceId) -> bool {
        let now = Instant::now();
        if let Some(mut known) = self.connected.get_mut(id) {
            known.heard = now;
            return false;
        }
        self.insert(
            id,
            Connected {
                heard: now,
                format: Format::Url,
                told_version: false,
                ordered: None,
                failed: false,
            },
        );
        true
    }

    fn insert(&self, id: &DeviceId, connected: Connected) {
        if self.connected.len() < self.limit {
            self.connected.entry(id.clone()).or_insert(connected);
        }
    }

    /// The device said, at `now` (Unix seconds), what it runs, and in what form it wants its orders. Says whether it
    /// had not said so since it came, or since its last order came to nothing.
    pub(super) fn told_version(&self, id: &DeviceId, format: Format, now: i64) -> bool {
        self.heard(id);
        let Some(mut known) = self.connected.get_mut(id) else {
            return false;
        };
        let is_new = !known.told_version || std::mem::take(&mut known.failed);
        let is_news = is_new || known.format != format;
        known.format = format;
        known.told_version = true;
        drop(known);
        if is_news {
            self.note(id, Noted::Came(format), now);
        }
        is_new
    }

    /// The device is gone, as was heard at `now` (Unix seconds).
    pub(super) fn gone(&self, id: &DeviceId, now: i64) {
        self.connected.remove(id);
        // Another node may be the one that knew it.
        self.note(id, Noted::Gone, now);
    }

    fn note(&self, id: &DeviceId, noted: Noted, now: i64) {
        self.news().insert(id.clone(), (noted, now));
    }

    fn news(&self) -> std::sync::MutexGuard<'_, HashMap<DeviceId, (Noted, i64)>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who came and went since this was asked last.
    pub(super) fn take_news(&self) -> Vec<(DeviceId, Noted, i64)> {
        let news = std::mem::take(&mut *self.news());
        news.into_iter()
            .map(|(id, (noted, at))| (id, noted, at))
            .collect()
    }

    /// News that could not be written; newer ones stay.
    pub(super) fn put_back(&self, unwritten: Vec<(DeviceId, Noted, i64)>) {
        let mut news = self.news();
        for (id, noted, at) in unwritten {
            news.entry(id).or_insert((noted, at));
        }
    }

    /// What is kept of a device, as this node heard it before it was restarted, or another did. What was heard here
    /// since is newer.
    pub(super) fn learn(&self, kept: MqttDevice) {
        if self.news().contains_key(&kept.id) {
            return;
        }
        let ordered = kept.ordered;
        if let Some(mut known) = self.connected.get_mut(&kept.id) {
            // Another node may have told it something since.
            if let Some((_, theirs)) = &ordered
                && known.ordered.as_ref().is_none_or(|(_, ours)| ours < theirs)
            {
                known.ordered = ordered;
            }
            return;
        }
        self.insert(
            &kept.id,
            Connected {
                heard: Instant::now(),
                format: kept.format,
                told_version: true,
                ordered,
                failed: false,
            },
        );
    }

    /// Whether the device is there.
    pub(crate) fn is_online(&self, id: &DeviceId) -> bool {
        self.connected
            .get(id)
            .is_some_and(|known| known.heard.elapsed() < SILENT_FOR)
    }

    /// Whether the device is there and has said what it runs since it came.
    pub(super) fn knows_version(&self, id: &DeviceId) -> bool {
        self.connected
            .get(id)
            .is_some_and(|known| known.told_version)
    }

    pub(super) fn format(&self, id: &DeviceId) -> Format {
        self.connected
            .get(id)
            .map_or(Format::Url, |known| known.format)
    }

    /// Whether this release was ordered after `since` (Unix seconds): a device that is told twice may flash twice.
    pub(super) fn was_ordered(&self, id: &DeviceId, release: &str, since: i64) -> bool {
        self.connected.get(id).is_some_and(|known| {
            known
                .ordered
                .as_ref()
                .is_some_and(|(last, at)| last == release && *at > since)
        })
    }

    /// Notes that this release is ordered at `now` (Unix seconds).
    pub(super) fn order(&self, id: &DeviceId, release: &str, now: i64) {
        if let Some(mut known) = self.connected.get_mut(id) {
            known.ordered = Some((release.to_owned(), now));
            known.failed = false;
        }
    }

    /// The device said that the order came to nothing: once it says again what it runs, it may be told the same.
    pub(super) fn failed(&self, id: &DeviceId) {
        if let Some(mut known) = self.connected.get_mut(id) {
            known.failed = true;
        }
    }

    /// The order could not be given after all.
    pub(super) fn not_ordered(&self, id: &DeviceId) {
        if let Some(mut known) = self.connected.get_mut(id) {
            known.ordered = None;
        }
    }

    /// The release that was ordered last.
    pub(super) fn ordered(&self, id: &DeviceId) -> Option<String> {
        let known = self.connected.get(id)?;
        known.ordered.as_ref().map(|(release, _)| release.clone())
    }

    /// Every device that is there and has said what it runs.
    pub(super) fn online(&self) -> Vec<DeviceId> {
        self.connected
            .iter()
            .filter(|known| known.told_version && known.heard.elapsed() < SILENT_FOR)
            .map(|known| known.key().clone())
            .collect()
    }
}
