use updraft_protocol::api::{Attributes, DeploymentState, Device, SetAttributes};
use updraft_protocol::{DeviceId, DeviceTypeName, ReasonCode, Report, UpdateStatus};
use updraft_rollout::STABLE;
use updraft_store::{DeploymentKey, DeviceRecord, Outcome, Relayed};

use super::habit::Habit;
use super::journal::Unsent;
use super::places::Held;
use super::progress;
use super::ways::Move;
use crate::identity::Words;
use crate::metrics::Metrics;
use crate::published::{Published, shorten};

/// Longest word kept of a report, in bytes: twice an app descriptor's field.
pub(super) const MAX_KEPT: usize = 64;

/// One device in memory.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: DeviceRecord,
    /// How often it asks.
    pub(super) habit: Habit,
    /// Whether the row has unwritten news.
    pub(super) dirty: bool,
    /// Deployments that changed since they were last written.
    pub(super) changed: Vec<DeploymentKey>,
    /// Deployments that are to be forgotten.
    pub(super) forgotten: Vec<DeploymentKey>,
    /// What rollouts are to be told of them.
    pub(super) moves: Vec<Move>,
    /// What its deployments came to, to be written for those who follow events.
    pub(super) outcomes: Vec<Outcome>,
    /// When it was last offered something, Unix seconds, as far as this server knows.
    pub(super) offered_at: Option<i64>,
    /// Whether a deployment moved since places and timers were last seen to.
    pub(super) has_moved: bool,
    /// Places in rollouts that it holds.
    pub(super) held: Vec<Held>,
    /// States that deployments came from and to, to be counted.
    pub(super) heard: Vec<(Option<DeploymentState>, DeploymentState, Option<ReasonCode>)>,
    /// Whether news that do not count as such any more are on their way to the database.
    pub(super) is_being_written: bool,
    /// How often what was heard here gave way to what another node wrote.
    pub(super) basis: u64,
    /// On a relay: when it enrolled there, Unix seconds, as far as this process knows.
    pub(super) enrolled_at: Option<i64>,
    /// On a relay: what the primary has not heard.
    pub(super) unsent: Unsent,
}

impl Entry {
    /// A device as it was kept.
    pub(super) fn kept(record: DeviceRecord) -> Self {
        Self {
            habit: Habit::known(record.device.poll_seconds),
            record,
            dirty: false,
            changed: Vec::new(),
            forgotten: Vec::new(),
            moves: Vec::new(),
            outcomes: Vec::new(),
            offered_at: None,
            has_moved: false,
            held: Vec::new(),
            heard: Vec::new(),
            is_being_written: false,
            basis: 0,
            enrolled_at: None,
            unsent: Unsent::default(),
        }
    }

    /// A device never heard of before.
    pub(super) fn new(id: &DeviceId, device_type: &DeviceTypeName, now: i64) -> Self {
        Self::kept(DeviceRecord {
            device: Device {
                id: id.clone(),
                device_type: device_type.clone(),
                channel: STABLE.to_owned(),
                version: None,
                elf_sha256: None,
                slot: None,
                state: None,
                reset_reason: None,
                enrolled: false,
                first_seen: now,
                last_seen: None,
                poll_seconds: None,
                attributes: Attributes::default(),
                pin: None,
                hold: None,
                deployments: Vec::new(),
            },
            said: Attributes::default(),
            set: SetAttributes::default(),
            chip: None,
            secure_version: None,
            slot_size: None,
            token_hash: None,
            unmatched_report: None,
            relayed: Relayed::default(),
            revision: 0,
        })
    }

    pub(super) fn has_news(&self) -> bool {
        self.dirty
            || !self.changed.is_empty()
            || !self.forgotten.is_empty()
            || !self.unsent.unwritten.is_empty()
    }

    pub(super) fn note_changed(&mut self, key: DeploymentKey) {
        self.forgotten.retain(|forgotten| *forgotten != key);
        if !self.changed.contains(&key) {
            self.changed.push(key);
        }
    }

    /// Takes over what the device says of itself. What it does not say stays as it was, except that another
    /// version makes the old ELF SHA-256 untrue.
    pub(super) fn absorb(&mut self, words: &Words, published: &Published) {
        let device = &mut self.record.device;
        if words.version.is_some() && words.version != device.version {
            device.version.clone_from(&words.version);
            device.elf_sha256 = None;
        }
        if let Some(elf_sha256) = words.elf_sha256 {
            device.elf_sha256 = Some(elf_sha256);
            if words.version.is_none()
                && let Some(known) = published.elf(device.device_type.as_str(), elf_sha256)
            {
                device.version = Some(known.release.version.clone());
            }
        }
        keep(&mut device.slot, words.slot.as_ref());
        keep(&mut device.state, words.state.as_ref());
        keep(&mut device.reset_reason, words.reset_reason.as_ref());
        keep(&mut self.record.chip, words.chip.as_ref());
        keep(
            &mut self.record.secure_version,
            words.secure_version.as_ref(),
        );
        keep(&mut self.record.slot_size, words.slot_size.as_ref());
        self.absorb_attributes(&words.attributes);
    }

    /// Takes over where the device says it is. What it does not say stays; tags are said all at once.
    fn absorb_attributes(&mut self, words: &Attributes) {
        if words.is_empty() {
            return;
        }
        let said = &mut self.record.said;
        keep(&mut said.region, words.region.as_ref());
        keep(&mut said.site, words.site.as_ref());
        keep(&mut said.group, words.group.as_ref());
        keep(
            &mut said.utc_offset_minutes,
            words.utc_offset_minutes.as_ref(),
        );
        if !words.tags.is_empty() && said.tags != words.tags {
            said.tags.clone_from(&words.tags);
        }
        self.settle_attributes();
    }

    /// What holds of what was set and said.
    pub(super) fn settle_attributes(&mut self) {
        let record = &mut self.record;
        record.device.attributes = record.set.over(&record.said);
    }

    /// Notes that the device asks now, and how often it does.
    pub(super) fn note_asked(&mut self, said_seconds: Option<u32>, now: i64) {
        let device = &mut self.record.device;
        if let Some(before) = device.last_seen {
            self.habit
                .note(u32::try_from(now - before).unwrap_or_default());
        }
        device.last_seen = Some(now);
        device.poll_seconds = self
            .habit
            .seconds()
            .or(said_seconds)
            .or(device.poll_seconds);
    }

    /// Takes over what a report says of what runs now.
    pub(super) fn absorb_report(&mut self, report: &Report, published: &Published) {
        let device = &mut self.record.device;
        if let Some(elf_sha256) = report.elf_sha256 {
            let known = published.elf(device.device_type.as_str(), elf_sha256);
            if let Some(known) = known {
                device.version = Some(known.release.version.clone());
            } else if device.elf_sha256 != Some(elf_sha256)
                && let Some(previous) = &report.previous_version
                && report.update_status != UpdateStatus::Confirmed
            {
                device.version = Some(bounded(previous));
            }
            device.elf_sha256 = Some(elf_sha256);
        } else {
            let said = match report.update_status {
                UpdateStatus::Confirmed => Some(&report.firmware_version),
                UpdateStatus::Failed | UpdateStatus::RolledBack | UpdateStatus::Rejected => {
                    report.previous_version.as_ref()
                }
                _ => None,
            };
            if let Some(said) = said
                && device.version.as_ref() != Some(said)
            {
                device.version = Some(bounded(said));
                device.elf_sha256 = None;
            }
        }
        if let Some(slot) = &report.slot {
            device.slot = Some(bounded(slot));
        }
        keep(&mut device.reset_reason, report.reset_reason.as_ref());
    }

    /// Counts what was heard since the last time.
    pub(super) fn count(&mut self, metrics: &Metrics) {
        let at = self.record.device.last_seen.unwrap_or_default();
        for (from, state, reason) in std::mem::take(&mut self.heard) {
            metrics.deployment(from, state, reason);
            match state {
                DeploymentState::Offered => self.offered_at = Some(at),
                DeploymentState::Confirmed => {
                    let offered_at = self.offered_at.take();
                    // If it was offered before a restart, or by another node, its first offer is what is known.
                    let first = from.and_then(|_| self.first_offer_of_confirmed());
                    if let Some(offered_at) = offered_at.or(first) {
                        metrics.duration(at.saturating_sub(offered_at).max(0).unsigned_abs());
                    }
                }
                _ => {}
            }
        }
    }

    fn first_offer_of_confirmed(&self) -> Option<i64> {
        let mut deployments = self.record.device.deployments.iter();
        deployments
            .find(|deployment| deployment.state == DeploymentState::Confirmed)
            .map(|deployment| deployment.started_at)
    }

    /// Takes what runs, settled, for the proof that it is. Says whether that is news.
    pub(super) fn prove(&mut self, words: &Words, published: &Published, now: i64) -> bool {
        match words.elf_sha256 {
            Some(elf_sha256) if progress::is_settled(words.state) => {
                self.runs(elf_sha256, published, now)
            }
            _ => false,
        }
    }
}

fn keep<T: Clone>(kept: &mut Option<T>, said: Option<&T>) {
    if let Some(said) = said {
        *kept = Some(said.clone());
    }
}

fn bounded(text: &str) -> String {
    shorten(text, MAX_KEPT).to_owned()
}
