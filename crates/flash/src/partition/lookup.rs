//! Finding partitions, as the app side and as the bootloader do.

use super::kind::{AppKind, DataKind};
use super::{Entry, Kind, Table};
use crate::slot::{AppSlot, MAX_OTA_SLOTS};

impl Table {
    /// The partition of this label.
    pub fn find(&self, label: &str) -> Option<&Entry> {
        self.entries()
            .iter()
            .find(|entry| entry.label.as_bytes() == label.as_bytes())
    }

    /// The first partition of this kind.
    pub fn find_kind(&self, kind: Kind) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.kind == kind)
    }

    /// The factory app.
    pub fn factory(&self) -> Option<&Entry> {
        self.find_kind(Kind::App(AppKind::Factory))
    }

    /// The test app.
    pub fn test(&self) -> Option<&Entry> {
        self.find_kind(Kind::App(AppKind::Test))
    }

    /// `ota_N`; `None` from N = 16 on.
    pub fn ota(&self, index: u8) -> Option<&Entry> {
        (index < MAX_OTA_SLOTS)
            .then(|| self.find_kind(Kind::App(AppKind::Ota(index))))
            .flatten()
    }

    /// The partition of an app slot.
    pub fn app(&self, slot: AppSlot) -> Option<&Entry> {
        match slot {
            AppSlot::Factory => self.factory(),
            AppSlot::Ota(index) => self.ota(index),
            AppSlot::Test => self.test(),
        }
    }

    /// otadata.
    pub fn otadata(&self) -> Option<&Entry> {
        self.find_kind(Kind::Data(DataKind::Ota))
    }

    /// The first NVS partition, which ESP-IDF uses by default when it is labelled `nvs`.
    pub fn nvs(&self) -> Option<&Entry> {
        self.find_kind(Kind::Data(DataKind::Nvs))
    }

    /// How many OTA slots there are for an app: `ota_0`, `ota_1`, and on until one is missing.
    pub fn ota_slots(&self) -> u8 {
        (0..MAX_OTA_SLOTS)
            .take_while(|&index| self.ota(index).is_some())
            .count() as u8
    }

    /// How many OTA slots there are for the bootloader: the count of OTA entries, gaps and
    /// duplicates or not. With a gap this differs from [`Table::ota_slots`], and slot numbers go
    /// wrong on such a device; [`Table::check_layout`] refuses it.
    pub fn ota_entries(&self) -> u8 {
        self.entries()
            .iter()
            .filter(|entry| matches!(entry.kind, Kind::App(AppKind::Ota(_))))
            .count() as u8
    }

    /// The OTA slot to write next while `running` runs: the next existing one above it, around to
    /// `ota_0`. ESP-IDF's `esp_ota_get_next_update_partition`, except that it is never the running
    /// slot. Does not look at what is in the slots.
    pub fn next_update(&self, running: AppSlot) -> Option<u8> {
        let first = running
            .ota_index()
            .map_or(0, |index| index.saturating_add(1));
        (first..MAX_OTA_SLOTS)
            .chain(0..first)
            .find(|&index| AppSlot::Ota(index) != running && self.ota(index).is_some())
    }
}
