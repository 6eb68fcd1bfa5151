//! Ready layouts for devices, real and virtual. All of them pass [`Table::check_layout`], and all
//! stand as CSV: the firmware's own under `firmware/partitions`, seed 001's under `fixtures/partitions`.
//!
//! The parts before the apps are seed 001's: 20 KiB of NVS, otadata, radio calibration.

use super::kind::{AppKind, DataKind};
use super::{Entry, Kind, Label, Table};

/// 4 MiB, the usual module's flash, in bytes.
pub const FLASH_4MB: u32 = 4 << 20;
/// 8 MiB in bytes.
pub const FLASH_8MB: u32 = 8 << 20;
/// 16 MiB in bytes.
pub const FLASH_16MB: u32 = 16 << 20;

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;

/// Seed 001's table with its apps scaled to 4 MiB of flash: `factory`, `ota_0`, `ota_1` of 1 MiB.
pub fn seed_001_4mb() -> Table {
    common()
        .app(AppKind::Factory, 0x2_0000, MIB)
        .app(AppKind::Ota(0), 0x12_0000, MIB)
        .app(AppKind::Ota(1), 0x22_0000, MIB)
        .table
}

/// 4 MiB of flash with `factory`, `ota_0`, `ota_1` of 1,280 KiB.
pub fn factory_4mb() -> Table {
    common()
        .app(AppKind::Factory, 0x2_0000, 1280 * KIB)
        .app(AppKind::Ota(0), 0x16_0000, 1280 * KIB)
        .app(AppKind::Ota(1), 0x2A_0000, 1280 * KIB)
        .table
}

/// 4 MiB of flash without `factory`: two OTA slots of 1,920 KiB.
pub fn two_slots_4mb() -> Table {
    common()
        .app(AppKind::Ota(0), 0x2_0000, 1920 * KIB)
        .app(AppKind::Ota(1), 0x20_0000, 1920 * KIB)
        .table
}

/// 8 MiB of flash without `factory`: two OTA slots of 3,008 KiB, and two 1 MiB file systems.
pub fn two_slots_8mb() -> Table {
    common()
        .app(AppKind::Ota(0), 0x2_0000, 3008 * KIB)
        .app(AppKind::Ota(1), 0x31_0000, 3008 * KIB)
        .data("www_0", DataKind::LittleFs, 0x60_0000, MIB)
        .data("www_1", DataKind::LittleFs, 0x70_0000, MIB)
        .table
}

/// 16 MiB of flash: `factory`, `ota_0`, `ota_1`, `ota_2` of 2 MiB, and two 1 MiB file systems.
pub fn three_slots_16mb() -> Table {
    common()
        .app(AppKind::Factory, 0x2_0000, 2 * MIB)
        .app(AppKind::Ota(0), 0x22_0000, 2 * MIB)
        .app(AppKind::Ota(1), 0x42_0000, 2 * MIB)
        .app(AppKind::Ota(2), 0x62_0000, 2 * MIB)
        .data("www_0", DataKind::LittleFs, 0x82_0000, MIB)
        .data("www_1", DataKind::LittleFs, 0x92_0000, MIB)
        .table
}

fn common() -> Layout {
    Layout {
        table: Table::new(),
    }
    .data("nvs", DataKind::Nvs, 0x9000, 20 * KIB)
    .data("otadata", DataKind::Ota, 0xE000, 8 * KIB)
    .data("phy_init", DataKind::Phy, 0x1_0000, 4 * KIB)
}

/// A table of a handful of constant entries, which always fit.
struct Layout {
    table: Table,
}

impl Layout {
    fn app(self, kind: AppKind, offset: u32, size: u32) -> Self {
        let label = match kind {
            AppKind::Ota(0) => "ota_0",
            AppKind::Ota(1) => "ota_1",
            AppKind::Ota(_) => "ota_2",
            _ => "factory",
        };
        self.entry(label, Kind::App(kind), offset, size)
    }

    fn data(self, label: &str, kind: DataKind, offset: u32, size: u32) -> Self {
        self.entry(label, Kind::Data(kind), offset, size)
    }

    fn entry(mut self, label: &str, kind: Kind, offset: u32, size: u32) -> Self {
        // A dozen entries cannot fill the table; the test of each layout would notice.
        let _ = self
            .table
            .push(Entry::new(Label::padded(label), kind, offset, size));
        self
    }
}
