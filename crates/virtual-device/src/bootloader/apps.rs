//! What the bootloader makes of the partition table.

use updraft_flash::partition::{DataKind, Entry, Kind, Table};
use updraft_flash::slot::{AppSlot, MAX_OTA_SLOTS};

/// The partitions the bootloader knows. Of two of a kind it keeps the later one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Apps {
    pub(super) factory: Option<Entry>,
    pub(super) test: Option<Entry>,
    pub(super) otadata: Option<Entry>,
    ota: [Option<Entry>; MAX_OTA_SLOTS as usize],
    /// OTA *entries*: with a gap in their numbers, the last slots are beyond the count.
    pub(super) ota_count: u8,
}

impl Apps {
    pub(super) fn of(table: &Table) -> Self {
        let mut apps = Self {
            ota_count: table.ota_entries(),
            ..Self::default()
        };
        for entry in table.entries() {
            match entry.kind.app_slot() {
                Some(AppSlot::Factory) => apps.factory = Some(*entry),
                Some(AppSlot::Test) => apps.test = Some(*entry),
                Some(AppSlot::Ota(index)) => {
                    if let Some(place) = apps.ota.get_mut(usize::from(index)) {
                        *place = Some(*entry);
                    }
                }
                None if entry.kind == Kind::Data(DataKind::Ota) => apps.otadata = Some(*entry),
                None => {}
            }
        }
        apps
    }

    /// The partition of a slot the bootloader would try.
    pub(super) fn get(&self, slot: AppSlot) -> Option<Entry> {
        let entry = match slot {
            AppSlot::Factory => self.factory,
            AppSlot::Test => self.test,
            AppSlot::Ota(index) if index < self.ota_count => {
                self.ota.get(usize::from(index)).copied().flatten()
            }
            AppSlot::Ota(_) => None,
        };
        entry.filter(|entry| entry.size != 0)
    }
}
