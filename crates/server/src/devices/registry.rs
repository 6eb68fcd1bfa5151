use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use dashmap::DashMap;
use dashmap::mapref::one::RefMut;
use subtle::ConstantTimeEq as _;
use tokio::sync::Notify;
use updraft_protocol::api::{Deployment, DeploymentState, Device, SetAttributes};
use updraft_protocol::{DeviceId, DeviceTypeName, ReasonCode, Report};
use updraft_store::{DeploymentKey, DeviceRecord, DeviceSettings, DeviceWrite, TokenHash};

use super::choice::Choice;
use super::entry::Entry;
use super::journal::Journal;
use super::look::without_deployments;
use super::places::Places;
use super::reports::guess_type;
use super::writer::News;
use crate::identity::Words;
use crate::metrics::Metrics;
use crate::published::{Offering, Published, Terms};
use crate::rollouts::{Due, Timers};

/// Everything known of every device.
#[derive(Debug)]
pub(crate) struct Devices {
    pub(super) entries: DashMap<DeviceId, Entry>,
    by_token: DashMap<TokenHash, DeviceId>,
    /// Devices with unwritten news, each at least once.
    waiting: Mutex<VecDeque<DeviceId>>,
    /// Somebody wants what is waiting to be written now.
    hurry: Notify,
    limit: usize,
    /// On a relay: what devices say is kept for the primary.
    pub(super) journal: Option<Arc<Journal>>,
    /// Until when relays have told all they heard, Unix seconds.
    pub(super) relays: DashMap<String, i64>,
    pub(super) places: Places,
    pub(super) timers: Arc<Timers>,
    pub(super) metrics: Arc<Metrics>,
}

/// What came of a device's question.
#[derive(Debug)]
pub(crate) struct Visit {
    /// What it is offered.
    pub(crate) offer: Option<Arc<Offering>>,
    /// How it is offered.
    pub(crate) terms: Terms,
    /// When time alone changes that nothing is offered, Unix seconds.
    pub(crate) changes_at: Option<i64>,
    /// What it runs already, if nothing is offered and that is a known release.
    pub(crate) running: Option<Arc<Offering>>,
    /// A deployment that this question proved: it must be on disk before the answer leaves.
    pub(crate) proved: bool,
    /// Whether only so many may be under way: other nodes have to know of the offer before it leaves.
    pub(crate) is_capped: bool,
    /// What it rests on: pass it to [`Writer::write`](super::Writer::write).
    pub(crate) basis: u64,
}

/// Why a device's question was not answered.
#[derive(Debug)]
pub(crate) enum VisitError {
    /// There are as many devices as are allowed.
    TooManyDevices,
    /// The release was never offered before: note that durably, then ask again.
    FirstOffer {
        /// The release.
        offering: Arc<Offering>,
        /// As in [`Visit::proved`].
        proved: bool,
    },
}

/// What came of a report.
#[derive(Debug)]
pub(crate) struct Reported {
    /// The deployment as it stands now, and whether the report changed it; none if the report names no known release.
    pub(crate) deployment: Option<(DeploymentState, Option<ReasonCode>, bool)>,
    /// What it rests on: pass it to [`Writer::write`](super::Writer::write).
    pub(crate) basis: u64,
}

impl Devices {
    /// The devices as they were kept.
    pub(crate) fn new(
        records: Vec<DeviceRecord>,
        limit: usize,
        timers: Arc<Timers>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let devices = Self {
            entries: DashMap::new(),
            by_token: DashMap::new(),
            waiting: Mutex::default(),
            hurry: Notify::new(),
            limit,
            journal: None,
            relays: DashMap::new(),
            places: Places::default(),
            timers,
            metrics,
        };
        for record in records {
            if let Some(hash) = record.token_hash {
                devices.by_token.insert(hash, record.device.id.clone());
            }
            let mut entry = Entry::kept(record);
            let since = entry.record.device.last_seen.unwrap_or_default();
            entry.settle_places(&devices.places, since);
            devices
                .entries
                .insert(entry.record.device.id.clone(), entry);
        }
        devices
    }

    /// The same with a journal for the primary.
    pub(crate) fn with_journal(self, journal: Arc<Journal>) -> Self {
        Self {
            journal: Some(journal),
            ..self
        }
    }

    /// The device that has this token.
    pub(crate) fn by_token(&self, hash: TokenHash) -> Option<DeviceId> {
        let found = self.by_token.get(&hash)?;
        bool::from(found.key().0.ct_eq(&hash.0)).then(|| found.value().clone())
    }

    /// Whether the device has a token of its own.
    pub(crate) fn is_enrolled(&self, id: &DeviceId) -> bool {
        self.entries
            .get(id)
            .is_some_and(|entry| entry.record.token_hash.is_some())
    }

    /// Notes the token that the store has just written.
    pub(crate) fn set_token(
        &self,
        id: &DeviceId,
        device_type: &DeviceTypeName,
        hash: TokenHash,
        now: i64,
    ) {
        let mut entry = self
            .entries
            .entry(id.clone())
            .or_insert_with(|| Entry::new(id, device_type, now));
        entry.enrolled_at = Some(now);
        let old = entry.record.token_hash.replace(hash);
        entry.record.device.enrolled = true;
        drop(entry);
        if let Some(old) = old {
            self.forget_token(old);
        }
        self.know_token(hash, id.clone());
    }

    pub(super) fn know_token(&self, hash: TokenHash, id: DeviceId) {
        self.by_token.insert(hash, id);
    }

    pub(super) fn forget_token(&self, hash: TokenHash) {
        self.by_token.remove(&hash);
    }

    /// Notes what the store has just written of an operator's settings.
    pub(crate) fn set_settings(&self, id: &DeviceId, settings: DeviceSettings) {
        if let Some(mut entry) = self.entries.get_mut(id) {
            let DeviceSettings {
                channel,
                set,
                pin,
                hold,
            } = settings;
            let device = &mut entry.record.device;
            device.channel = channel;
            device.pin = pin;
            device.hold = hold;
            entry.record.set = set;
            entry.settle_attributes();
        }
    }

    /// Whether another device may become known.
    pub(crate) fn has_room(&self, id: &DeviceId) -> bool {
        self.entries.contains_key(id) || self.entries.len() < self.limit
    }

    pub(super) fn entry(
        &self,
        id: &DeviceId,
        device_type: impl FnOnce() -> DeviceTypeName,
        now: i64,
    ) -> Result<RefMut<'_, DeviceId, Entry>, VisitError> {
        if let Some(entry) = self.entries.get_mut(id) {
            return Ok(entry);
        }
        // Asked outside of the entry's lock, which the count would wait for.
        if !self.has_room(id) {
            return Err(VisitError::TooManyDevices);
        }
        Ok(self
            .entries
            .entry(id.clone())
            .or_insert_with(|| Entry::new(id, &device_type(), now)))
    }

    /// A device asks what there is for it, and says what it is and runs.
    pub(crate) fn visit(
        &self,
        published: &Published,
        id: &DeviceId,
        device_type: &DeviceTypeName,
        words: &Words,
        now: i64,
    ) -> Result<Visit, VisitError> {
        let mut entry = self.entry(id, || device_type.clone(), now)?;
        let was_waiting = entry.has_news();
        if entry.record.device.device_type != *device_type {
            entry.record.device.device_type = device_type.clone();
        }
        entry.absorb(words, published);
        entry.note_asked(words.poll_seconds, now);
        entry.record.relayed.via = None;
        entry.dirty = true;
        let proved = entry.prove(words, published, now);
        let choice = entry.offer(published, words, &self.places, now);
        if let Some(journal) = &self.journal {
            entry.keep_question(journal, words, proved, now);
        }
        let basis = entry.basis;
        self.after(entry, was_waiting, published, now);
        match choice {
            Choice::Offer(granted) => Ok(Visit {
                offer: Some(granted.offering),
                terms: granted.terms,
                is_capped: granted.is_capped,
                changes_at: None,
                running: None,
                proved,
                basis,
            }),
            Choice::FirstOffer(offering) => Err(VisitError::FirstOffer { offering, proved }),
            Choice::Nothing {
                running,
                changes_at,
            } => Ok(Visit {
                changes_at,
                offer: None,
                terms: Terms::default(),
                is_capped: false,
                running,
                proved,
                basis,
            }),
        }
    }

    /// A device says what came of an offer.
    pub(crate) fn report(
        &self,
        published: &Published,
        id: &DeviceId,
        report: &Report,
        now: i64,
    ) -> Result<Reported, VisitError> {
        let mut entry = self.entry(id, || guess_type(published, report), now)?;
        let was_waiting = entry.has_news();
        let stands = entry.take_report(published, report, now);
        entry.record.relayed.via = None;
        if let Some(journal) = &self.journal {
            let is_news = stands.is_none_or(|(_, _, changed)| changed);
            entry.keep_report(journal, report, is_news, now);
        }
        let basis = entry.basis;
        self.after(entry, was_waiting, published, now);
        Ok(Reported {
            deployment: stands,
            basis,
        })
    }

    /// What follows from a change of an entry, which is let go.
    pub(super) fn after(
        &self,
        mut entry: RefMut<'_, DeviceId, Entry>,
        was_waiting: bool,
        published: &Published,
        now: i64,
    ) {
        let id = entry.key().clone();
        let is_watched = std::mem::take(&mut entry.has_moved);
        entry.count(&self.metrics);
        if is_watched {
            entry.settle_places(&self.places, now);
        }
        let deadlines = if is_watched {
            entry.deadlines(published)
        } else {
            Vec::new()
        };
        drop(entry);
        for (at, key) in deadlines {
            self.timers.add(at, Due::Deployment(id.clone(), key));
        }
        if !was_waiting {
            self.wait_for_writing(&id);
        }
    }

    /// Has what is waiting written now.
    pub(crate) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Waits until somebody is in a hurry.
    pub(super) async fn hurried(&self) {
        self.hurry.notified().await;
    }

    pub(super) fn wait_for_writing(&self, id: &DeviceId) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(id.clone());
    }

    /// The devices with unwritten news, up to `limit` of them; they are not waiting any more.
    pub(super) fn waiting(&self, limit: usize) -> Vec<DeviceId> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(limit);
        waiting.drain(..count).collect()
    }

    /// A device's unwritten news, which counts as written from now on.
    pub(super) fn take_news(&self, id: &DeviceId) -> Option<News> {
        let mut entry = self.entries.get_mut(id)?;
        if !entry.has_news() {
            return None;
        }
        entry.dirty = false;
        entry.is_being_written = true;
        let changed = std::mem::take(&mut entry.changed);
        let forgotten = std::mem::take(&mut entry.forgotten);
        let moves = std::mem::take(&mut entry.moves);
        let words = std::mem::take(&mut entry.unsent.unwritten);
        let outcomes = std::mem::take(&mut entry.outcomes);
        let source = &entry.record;
        let deployments = source.device.deployments.iter();
        let record = DeviceRecord {
            device: Device {
                deployments: deployments
                    .filter(|deployment| changed.contains(&key_of(deployment)))
                    .cloned()
                    .collect(),
                ..without_deployments(&source.device)
            },
            said: source.said.clone(),
            set: SetAttributes::default(),
            chip: source.chip.clone(),
            unmatched_report: source.unmatched_report.clone(),
            relayed: source.relayed.clone(),
            ..*source
        };
        Some(News {
            write: DeviceWrite {
                record,
                forgotten,
                words,
                outcomes,
            },
            moves,
        })
    }

    /// News that could not be written after all.
    pub(super) fn put_back(&self, news: News) {
        let News { write, moves } = news;
        let id = &write.record.device.id;
        if let Some(mut entry) = self.entries.get_mut(id) {
            let was_waiting = entry.has_news();
            entry.dirty = true;
            entry.is_being_written = false;
            for deployment in &write.record.device.deployments {
                entry.note_changed(key_of(deployment));
            }
            entry.forgotten.extend(write.forgotten);
            // They came before those that came since.
            entry.moves.splice(0..0, moves);
            entry.unsent.unwritten.splice(0..0, write.words);
            entry.outcomes.splice(0..0, write.outcomes);
            drop(entry);
            if !was_waiting {
                self.wait_for_writing(id);
            }
        }
    }
}

pub(super) fn key_of(deployment: &Deployment) -> DeploymentKey {
    (deployment.release_id.clone(), deployment.rollout_id.clone())
}
