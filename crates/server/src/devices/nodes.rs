//! What other nodes wrote of the devices, beside what this one heard.
//!
//! A device talks to any node. Each node writes a device's row only if it knows the last write
//! ([`DeviceRecord::revision`]); one that does not takes over what is kept, and what it was told is applied anew
//! to that. So no node undoes an outcome that another acknowledged.

use dashmap::mapref::one::RefMut;
use updraft_protocol::DeviceId;
use updraft_store::{DeviceRecord, DeviceWrite};

use super::Devices;
use super::entry::Entry;
use crate::published::Published;

impl Devices {
    /// Takes over what is kept of a device. Says no where the device's own news come first: ask again once they are
    /// written. Its token and what an operator set are taken over at once.
    pub(crate) fn merge(&self, kept: DeviceRecord, published: &Published, now: i64) -> bool {
        let id = kept.device.id.clone();
        let new_token = kept.token_hash;
        let mut entry = self
            .entries
            .entry(id.clone())
            .or_insert_with(|| Entry::kept(kept.clone()));
        let old_token = entry.record.token_hash;
        entry.take_settings(&kept);
        let is_known = kept.revision <= entry.record.revision;
        let is_first = !entry.is_being_written && !entry.has_outcomes();
        if !is_known && is_first {
            let was_waiting = entry.has_news();
            entry.adopt(kept);
            self.after_adopting(entry, was_waiting, published, now);
        } else {
            drop(entry);
        }
        if old_token != new_token
            && let Some(old) = old_token
        {
            self.forget_token(old);
        }
        if let Some(new) = new_token {
            self.know_token(new, id);
        }
        is_known || is_first
    }

    /// A device's news are written.
    pub(super) fn written(&self, write: &DeviceWrite) {
        if let Some(mut entry) = self.entries.get_mut(&write.record.device.id) {
            entry.is_being_written = false;
            entry.record.revision = write.record.revision + 1;
        }
    }

    /// A device's news were not written, because another node wrote since: what that left is `kept`.
    pub(super) fn outdated(&self, kept: DeviceRecord, published: &Published, now: i64) {
        if let Some(mut entry) = self.entries.get_mut(&kept.device.id) {
            entry.is_being_written = false;
            let was_waiting = entry.has_news();
            entry.adopt(kept);
            self.after_adopting(entry, was_waiting, published, now);
        }
    }

    /// What was taken over may have been called off since: whoever wrote it did not know, or was killed before it did more.
    fn after_adopting(
        &self,
        mut entry: RefMut<'_, DeviceId, Entry>,
        was_waiting: bool,
        published: &Published,
        now: i64,
    ) {
        let is_news = entry.call_off(published, now);
        self.after(entry, was_waiting, published, now);
        if is_news {
            self.hurry();
        }
    }

    /// How often what this node heard of the device gave way to what is kept. News that were applied before do not
    /// count any more.
    pub(super) fn basis(&self, id: &DeviceId) -> u64 {
        self.entries.get(id).map_or(0, |entry| entry.basis)
    }
}

impl Entry {
    /// Whether outcomes or offers are unwritten.
    pub(super) fn has_outcomes(&self) -> bool {
        !(self.changed.is_empty()
            && self.forgotten.is_empty()
            && self.moves.is_empty()
            && self.unsent.unwritten.is_empty())
    }

    /// Takes over what is kept, except for words of the device that are newer here. What was changed of deployments
    /// and not written counts no more, and neither do its rollouts hear of it.
    fn adopt(&mut self, kept: DeviceRecord) {
        let old = std::mem::replace(&mut self.record, kept);
        self.changed.clear();
        self.forgotten.clear();
        self.moves.clear();
        self.outcomes.clear();
        // Places in rollouts and timers follow what is kept.
        self.has_moved = true;
        self.dirty = old.device.last_seen > self.record.device.last_seen;
        // Read before the token or the settings were changed here, perhaps: those are for whoever changes them.
        self.take_settings(&old);
        if self.dirty {
            self.take_words(old);
        }
        self.settle_attributes();
        self.basis += 1;
    }

    /// What is not the device's to say.
    pub(super) fn take_settings(&mut self, from: &DeviceRecord) {
        let device = &mut self.record.device;
        device.enrolled = from.token_hash.is_some();
        device.channel.clone_from(&from.device.channel);
        device.pin.clone_from(&from.device.pin);
        device.hold.clone_from(&from.device.hold);
        self.record.token_hash = from.token_hash;
        self.record.set = from.set.clone();
        self.settle_attributes();
    }

    /// What the device says of itself.
    fn take_words(&mut self, from: DeviceRecord) {
        let device = &mut self.record.device;
        device.device_type = from.device.device_type;
        device.version = from.device.version;
        device.elf_sha256 = from.device.elf_sha256;
        device.slot = from.device.slot;
        device.state = from.device.state;
        device.reset_reason = from.device.reset_reason;
        device.last_seen = from.device.last_seen;
        device.poll_seconds = from.device.poll_seconds;
        self.record.said = from.said;
        self.record.chip = from.chip;
        self.record.secure_version = from.secure_version;
        self.record.slot_size = from.slot_size;
        self.record.unmatched_report = from.unmatched_report;
    }
}
