//! A device that cannot update still works, and says why.

use updraft_flash::partition::{AppKind, DataKind, Entry, Kind, Label, TABLE_OFFSET, Table};
use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, ResetReason, UpdateStatus};
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::device::{Device, waits};
use crate::support::app::{App, Ended};
use crate::support::images::release;
use crate::support::life::{End, Life};
use crate::support::server::Server;

fn entry(label: &str, kind: Kind, offset: u32, size: u32) -> Entry {
    Entry::new(Label::new(label).expect("a label"), kind, offset, size)
}

const NVS: Kind = Kind::Data(DataKind::Nvs);
const OTADATA: Kind = Kind::Data(DataKind::Ota);

fn table(entries: &[Entry]) -> Table {
    let mut table = Table::new();
    for entry in entries {
        table.push(*entry).expect("a table");
    }
    table
}

fn slot(kind: AppKind, offset: u32) -> Entry {
    entry(
        if matches!(kind, AppKind::Factory) {
            "factory"
        } else {
            "ota"
        },
        Kind::App(kind),
        offset,
        0x14_0000,
    )
}

/// Starts the updater as the app in this slot would, on a flash of this table.
fn start(flash: &mut VirtualFlash, slot: AppSlot) -> Result<Ended, updraft_agent::Failure> {
    let server = Server::new(release("1.1.0"));
    let life = Life::new(&server);
    let app = App {
        flash,
        moments: None,
        server: &server,
        settings: life.settings.clone(),
        chip: life.chip,
        secure_version: 0,
        slot,
        reset_reason: ResetReason::PowerOn,
        health: life.health,
        random: life.random,
        leds: std::rc::Rc::default(),
        hand: None,
        network_up: true,
        panics_at: None,
        panics_at_once: false,
    };
    app.run(&life.seen, &|seen| waits(seen) == 2)
}

fn made(table: &Table) -> VirtualFlash {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    manufacture(&mut flash, table, release("1.0.0").bytes).expect("it fits");
    flash
}

/// There is no updater on such a flash; it says so in these words and writes nothing.
fn has_none(mut flash: VirtualFlash, running: AppSlot, reason: ReasonCode, words: &str) {
    let operations = flash.operations();
    let failure = start(&mut flash, running).expect_err(words);
    assert_eq!(failure.reason, reason, "{failure}");
    assert!(failure.detail.contains(words), "{failure}");
    assert_eq!(flash.operations(), operations, "{words}");
}

#[test]
fn without_a_partition_table() {
    let blank = VirtualFlash::new(FlashSize::Mb4);
    let words = "partition table";
    has_none(blank, AppSlot::Factory, ReasonCode::NoSlot, words);
    let mut damaged = made(&table(&[slot(AppKind::Factory, 0x2_0000)]));
    damaged.preload(TABLE_OFFSET + 2, &[0; 8]).expect("there");
    has_none(damaged, AppSlot::Factory, ReasonCode::NoSlot, "");
}

#[test]
fn without_what_an_update_needs() {
    let (nvs, otadata) = (
        entry("nvs", NVS, 0x9000, 0x5000),
        entry("otadata", OTADATA, 0xE000, 0x2000),
    );
    let (first, second) = (
        slot(AppKind::Ota(0), 0x2_0000),
        slot(AppKind::Ota(1), 0x16_0000),
    );
    let zero = AppSlot::Ota(0);
    let no_slot = ReasonCode::NoSlot;
    has_none(
        made(&table(&[nvs, first, second])),
        zero,
        no_slot,
        "otadata",
    );
    has_none(
        made(&table(&[otadata, first, second])),
        zero,
        no_slot,
        "NVS",
    );
    has_none(
        made(&table(&[nvs, otadata, first])),
        AppSlot::Ota(3),
        no_slot,
        "running slot",
    );
    let blank = VirtualFlash::new(FlashSize::Mb4);
    let mut no_app = blank;
    no_app
        .preload(TABLE_OFFSET, &table(&[nvs, otadata, first]).to_bytes())
        .expect("there");
    has_none(no_app, zero, ReasonCode::NotAnImage, "");
}

#[test]
fn with_a_partition_past_the_flashs_end() {
    let nvs = entry("nvs", NVS, 0x9000, 0x5000);
    let otadata = entry("otadata", OTADATA, 0xE000, 0x2000);
    let first = slot(AppKind::Ota(0), 0x2_0000);
    let past = entry("ota", Kind::App(AppKind::Ota(1)), 0x7FF_0000, 0x14_0000);
    let flash = made(&table(&[nvs, otadata, first, past]));
    has_none(flash, AppSlot::Ota(0), ReasonCode::NoSlot, "does not fit");
}

#[test]
fn with_only_the_running_slot() {
    let table = table(&[
        entry("nvs", NVS, 0x9000, 0x5000),
        entry("otadata", OTADATA, 0xE000, 0x2000),
        slot(AppKind::Ota(0), 0x2_0000),
    ]);
    let mut device = Device::with_table(&table, release("1.1.0"));
    let before = device.untouched();
    let end = device.poll();
    assert_eq!(
        device.outcome(),
        (UpdateStatus::Rejected, Some(ReasonCode::NoSlot))
    );
    assert!(before == device.untouched());
    device.assert_as_it_was(&end);
    assert_eq!(device.server().check_ins[0].slot_size, None);
}

#[test]
fn with_no_slot_but_the_factory_app() {
    let table = table(&[
        entry("nvs", NVS, 0x9000, 0x5000),
        entry("otadata", OTADATA, 0xE000, 0x2000),
        slot(AppKind::Factory, 0x2_0000),
    ]);
    let mut device = Device::with_table(&table, release("1.1.0"));
    let before = device.untouched();
    assert_eq!(device.polls(2), End::Stopped(AppSlot::Factory));
    assert_eq!(
        device.outcome(),
        (UpdateStatus::Rejected, Some(ReasonCode::NoSlot))
    );
    assert!(before == device.untouched());
}

#[test]
fn with_an_nvs_of_another_kind() {
    // Two pages are too few, and a page of a newer format is not ours to write.
    let small = table(&[
        entry("nvs", NVS, 0x9000, 0x2000),
        entry("otadata", OTADATA, 0xE000, 0x2000),
        slot(AppKind::Ota(0), 0x2_0000),
        slot(AppKind::Ota(1), 0x16_0000),
    ]);
    let mut device = Device::with_table(&small, release("1.1.0"));
    let before = device.untouched();
    assert_eq!(device.polls(3), End::Stopped(AppSlot::Ota(0)));
    assert!(before == device.untouched());
    assert!(device.failures().len() >= 3, "{:?}", device.seen());
    assert!(
        device
            .failures()
            .iter()
            .all(|reason| *reason == ReasonCode::WriteFailed)
    );
}
