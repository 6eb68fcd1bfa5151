//! The bootloader on real images.

use std::path::Path;

use embedded_storage::nor_flash::ReadNorFlash;
use proptest::prelude::*;
use updraft_flash::otadata::{
    Change, OtaData, OtaDataPartition, Record, Sector, SecureVersionFuse as _, State,
};
use updraft_flash::partition::{TABLE_OFFSET, Table, layout};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_image::{Chip, Expect, verify};
use updraft_virtual_device::bootloader::{Boot, BootConfig, CachedImages, Efuse, boot, boot_with};
use updraft_virtual_device::nor_flash::{FlashError, FlashSize, Torn, VirtualFlash};

const ROLLBACK: BootConfig = BootConfig {
    rollback: true,
    anti_rollback: false,
};

fn image(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/firmware")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A flash with this table and the same good image in each of these slots.
fn flash(table: &Table, slots: &[AppSlot]) -> VirtualFlash {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    flash.preload(TABLE_OFFSET, &table.to_bytes()).unwrap();
    let image = image("updraft-c3-1.0.0.bin");
    for slot in slots {
        flash
            .preload(table.app(*slot).unwrap().offset, &image)
            .unwrap();
    }
    flash
}

fn start(flash: &mut VirtualFlash, table: &Table) -> Boot {
    boot(flash, table, &mut Efuse::default(), &ROLLBACK).unwrap()
}

fn otadata<'f>(
    flash: &'f mut VirtualFlash,
    table: &Table,
) -> OtaDataPartition<Region<'f, VirtualFlash>> {
    let entry = table.otadata().unwrap();
    OtaDataPartition::new(Region::new(flash, entry.offset, entry.size).unwrap()).unwrap()
}

fn set(flash: &mut VirtualFlash, table: &Table, records: [Option<Record>; 2]) {
    for (sector, record) in Sector::BOTH.into_iter().zip(records) {
        otadata(flash, table)
            .apply(&Change { sector, record })
            .unwrap();
    }
}

fn records(flash: &mut VirtualFlash, table: &Table) -> OtaData {
    otadata(flash, table).read(table.ota_slots()).unwrap()
}

#[test]
fn a_new_device_starts_its_factory_app_and_writes_nothing() {
    let table = layout::factory_4mb();
    let mut flash = flash(&table, &[AppSlot::Factory]);
    assert_eq!(start(&mut flash, &table).slot, Some(AppSlot::Factory));
    assert_eq!(flash.operations(), 0);
}

#[test]
fn a_new_device_without_factory_gets_its_first_record() {
    let table = layout::two_slots_4mb();
    let mut flash = flash(&table, &[AppSlot::Ota(1)]);
    assert_eq!(start(&mut flash, &table).slot, Some(AppSlot::Ota(1)));
    assert_eq!(
        records(&mut flash, &table).records[0],
        Record::new(2, State::Valid)
    );
}

#[test]
fn a_trial_has_one_boot() {
    let table = layout::factory_4mb();
    let mut flash = flash(
        &table,
        &[AppSlot::Factory, AppSlot::Ota(0), AppSlot::Ota(1)],
    );
    let good = Record::new(1, State::Valid);
    set(
        &mut flash,
        &table,
        [Some(good), Some(Record::new(2, State::New))],
    );
    assert_eq!(start(&mut flash, &table).slot, Some(AppSlot::Ota(1)));
    let pending = records(&mut flash, &table);
    assert_eq!(pending.records[1].state, State::PendingVerify);
    assert_eq!(start(&mut flash, &table).slot, Some(AppSlot::Ota(0)));
    assert_eq!(
        records(&mut flash, &table).failed_trial(),
        Some((1, State::Aborted))
    );
}

#[test]
fn a_broken_image_is_passed_over_and_the_record_stays() {
    let table = layout::factory_4mb();
    let mut flash = flash(&table, &[AppSlot::Factory, AppSlot::Ota(1)]);
    let named = Record::new(1, State::Valid);
    set(&mut flash, &table, [Some(named), None]);
    let broken = table.ota(0).unwrap().offset;
    let mut image = image("updraft-c3-1.0.0.bin");
    image[300_000] ^= 1;
    flash.preload(broken, &image).unwrap();
    let boot = start(&mut flash, &table);
    assert_eq!(boot.slot, Some(AppSlot::Factory), "{:?}", boot.log);
    assert!(
        boot.log
            .iter()
            .any(|line| line.contains("ota_0 does not verify"))
    );
    assert_eq!(records(&mut flash, &table).records[0], named);
}

#[test]
fn nothing_bootable_is_said() {
    let table = layout::factory_4mb();
    let mut flash = flash(&table, &[]);
    assert_eq!(start(&mut flash, &table).slot, None);
}

#[test]
fn an_image_for_another_chip_does_not_start() {
    let table = layout::factory_4mb();
    let mut flash = flash(&table, &[AppSlot::Factory]);
    let mut other = Efuse::new(Chip::Esp32c6);
    assert_eq!(
        boot(&mut flash, &table, &mut other, &ROLLBACK)
            .unwrap()
            .slot,
        None
    );
    let c6 = image("updraft-c6-1.0.0.bin");
    flash.preload(table.ota(0).unwrap().offset, &c6).unwrap();
    let slot = boot(&mut flash, &table, &mut other, &ROLLBACK)
        .unwrap()
        .slot;
    assert_eq!(slot, Some(AppSlot::Ota(0)));
}

#[test]
fn anti_rollback_keeps_old_apps_from_starting() {
    let table = layout::two_slots_4mb();
    let mut flash = flash(&table, &[AppSlot::Ota(0), AppSlot::Ota(1)]);
    set(
        &mut flash,
        &table,
        [Some(Record::new(1, State::Valid)), None],
    );
    let config = BootConfig {
        rollback: true,
        anti_rollback: true,
    };
    // The fixtures state secure version 0.
    let boot_at = |flash: &mut VirtualFlash, version| {
        let mut efuse = Efuse::default().with_secure_version(version);
        boot(flash, &table, &mut efuse, &config).unwrap().slot
    };
    assert_eq!(boot_at(&mut flash, 0), Some(AppSlot::Ota(0)));
    assert_eq!(boot_at(&mut flash, 1), None);
}

#[test]
fn lost_power_is_an_error_and_the_next_boot_goes_on() {
    let table = layout::factory_4mb();
    let mut flash = flash(&table, &[AppSlot::Factory, AppSlot::Ota(0)]);
    set(&mut flash, &table, [Some(Record::new(1, State::New)), None]);
    flash.cut_power_at(flash.operations(), Torn::After);
    let cut = boot(&mut flash, &table, &mut Efuse::default(), &ROLLBACK);
    assert_eq!(cut, Err(FlashError::PowerLost));
    flash.restore_power();
    assert_eq!(start(&mut flash, &table).slot, Some(AppSlot::Factory));
}

#[test]
fn the_cache_notices_every_change() {
    let table = layout::factory_4mb();
    let mut flash = flash(&table, &[AppSlot::Factory]);
    let mut images = CachedImages::new();
    let mut start = |flash: &mut VirtualFlash| {
        let mut efuse = Efuse::default();
        let boot = boot_with(flash, &table, &mut efuse, &ROLLBACK, &mut images).unwrap();
        (boot.slot, images.hits())
    };
    assert_eq!(start(&mut flash), (Some(AppSlot::Factory), 0));
    assert_eq!(start(&mut flash.clone()), (Some(AppSlot::Factory), 1));
    let mut damaged = flash.clone();
    damaged
        .preload(table.factory().unwrap().offset + 0x2345, &[0])
        .unwrap();
    assert_eq!(start(&mut damaged), (None, 1));
    // The blank OTA slots are tried too.
    assert_eq!(start(&mut damaged), (None, 4));
    assert_eq!(start(&mut flash), (Some(AppSlot::Factory), 5));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What our own verifier takes, the bootloader takes; and damage both find, except where the
    /// bootloader does not look: it knows no app descriptor and no end of the file.
    #[test]
    fn what_we_verify_boots(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let table = layout::factory_4mb();
        let mut bytes = image("updraft-c3-1.0.0.bin");
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let mut flash = VirtualFlash::new(FlashSize::Mb4);
        flash.preload(table.factory().unwrap().offset, &bytes).unwrap();
        let boots = start(&mut flash, &table).slot.is_some();
        let ours = verify(&bytes, Expect::new().chip(Chip::Esp32c3)).is_ok();
        prop_assert!(boots || !ours);
        // Byte 23 says whether there is a hash; without one the checksum is all that is looked at.
        if at != 23 {
            prop_assert!(!boots);
        }
    }
}

#[test]
fn the_table_on_flash_is_the_one_used() {
    let table = layout::factory_4mb();
    let mut flash = flash(&table, &[AppSlot::Ota(1)]);
    let read = Table::read(&mut flash, TABLE_OFFSET).unwrap();
    assert_eq!(start(&mut flash, &read).slot, Some(AppSlot::Ota(1)));
    let mut first = [0];
    flash.read(read.ota(1).unwrap().offset, &mut first).unwrap();
    assert_eq!(first, [0xE9]);
}

#[test]
fn the_efuse_counts_bits_as_the_trait_does() {
    for chip in [Chip::Esp32, Chip::Esp32c2, Chip::Esp32c3, Chip::Esp32c5] {
        let mut by_trait = Efuse::new(chip);
        let mut by_hand = by_trait.clone();
        for version in [2, 1, 4, 9, 16, 32, 33] {
            let raised = by_trait.raise(version).unwrap_or(false);
            assert_eq!(
                raised,
                by_hand.raise_secure_version(version),
                "{chip:?} {version}"
            );
            assert_eq!(by_trait, by_hand);
        }
        assert_eq!(by_trait.secure_version(), by_trait.width());
    }
}
