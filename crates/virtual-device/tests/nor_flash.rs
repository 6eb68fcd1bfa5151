//! The flash model's physics.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use proptest::prelude::*;
use updraft_virtual_device::nor_flash::{
    FlashError, FlashSize, OpenError, Operation, SECTOR_SIZE, SectorFault, Timing, Torn,
    VirtualFlash,
};

fn read(flash: &mut VirtualFlash, offset: u32, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    flash.read(offset, &mut bytes).unwrap();
    bytes
}

fn torn() -> impl Strategy<Value = Torn> {
    prop_oneof![
        Just(Torn::Before),
        any::<u64>().prop_map(|seed| Torn::Half { seed }),
        any::<u64>().prop_map(|seed| Torn::Scrambled { seed }),
        Just(Torn::After),
    ]
}

#[test]
fn programming_only_clears_bits() {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    flash.write(0x1000, &[0xF0; 4]).unwrap();
    flash.write(0x1000, &[0x80; 4]).unwrap();
    assert_eq!(flash.stats().misprogrammed, 0);
    flash.write(0x1000, &[0x0F; 4]).unwrap();
    assert_eq!(read(&mut flash, 0x1000, 4), [0; 4]);
    assert_eq!(flash.stats().misprogrammed, 4);
    flash.erase(0x1000, 0x2000).unwrap();
    assert_eq!(read(&mut flash, 0x1000, 4), [0xFF; 4]);
}

#[test]
fn erases_take_the_biggest_block_that_fits() {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    // 4 KiB up to 0x8000, a 32 KiB block, a 64 KiB block, a 32 KiB block, a sector.
    flash.erase(0x7000, 0x2_9000).unwrap();
    let stats = *flash.stats();
    let erases = (
        stats.sector_erases,
        stats.block_32k_erases,
        stats.block_64k_erases,
    );
    assert_eq!(erases, (2, 2, 1));
    assert_eq!(flash.operations(), 5);
    assert_eq!(flash.elapsed_us(), 2 * 45_000 + 2 * 120_000 + 150_000);
    let worn: Vec<_> = (0u32..)
        .zip(flash.wear())
        .filter(|(_, w)| **w > 0)
        .collect();
    assert_eq!(worn.len(), 0x22);
    assert_eq!(worn[0], (7, &1));
}

#[test]
fn writes_go_page_by_page_and_take_their_time() {
    let mut flash = VirtualFlash::new(FlashSize::Mb16).with_timing(Timing::MAXIMUM);
    flash.write(0x1F0, &[0; 0x200]).unwrap();
    assert_eq!(flash.stats().page_programs, 3);
    let last = Operation::Program {
        offset: 0x300,
        len: 0xF0,
    };
    assert_eq!(flash.last_operation(), Some(last));
    assert_eq!(flash.elapsed_us(), 3 * 3000 + 512 / 5);
}

#[test]
fn a_mebibyte_takes_what_the_datasheet_allows() {
    // Device facts, section 10: programming 1.6 s, erasing 16 blocks 2.4 s, bus 0.2 s.
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    flash.erase(0x10_0000, 0x20_0000).unwrap();
    flash.write(0x10_0000, &vec![0; 1 << 20]).unwrap();
    assert_eq!(flash.elapsed_us() / 100_000, 42);
}

#[test]
fn access_is_checked() {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    let end = FlashSize::Mb4.bytes();
    assert_eq!(flash.read(end, &mut [0]), Err(FlashError::OutOfBounds));
    assert_eq!(flash.write(end - 4, &[0; 8]), Err(FlashError::OutOfBounds));
    assert_eq!(flash.write(2, &[0; 4]), Err(FlashError::NotAligned));
    assert_eq!(flash.write(0, &[0; 3]), Err(FlashError::NotAligned));
    assert_eq!(flash.erase(0, 0x800), Err(FlashError::NotAligned));
    assert_eq!(flash.erase(0x2000, 0x1000), Err(FlashError::OutOfBounds));
    assert_eq!(flash.preload(end, &[0]), Err(FlashError::OutOfBounds));
    assert_eq!(flash.operations(), 0);
}

#[test]
fn without_power_nothing_works() {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    flash.cut_power_at(0, Torn::After);
    assert_eq!(flash.write(0, &[1, 2, 3, 4]), Err(FlashError::PowerLost));
    assert!(!flash.is_powered());
    assert_eq!(flash.write(0, &[0; 4]), Err(FlashError::PowerLost));
    assert_eq!(flash.erase(0, 0x1000), Err(FlashError::PowerLost));
    assert_eq!(flash.read(0, &mut [0; 4]), Err(FlashError::PowerLost));
    assert_eq!(flash.operations(), 1);
    flash.restore_power();
    assert_eq!(read(&mut flash, 0, 4), [1, 2, 3, 4]);
}

#[test]
fn a_scrambled_erase_reaches_every_outcome() {
    // Among a few seeds there are sectors with old, blank, zero and other bytes.
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let mut flash = VirtualFlash::new(FlashSize::Mb4);
        flash.preload(0, &[0x5A; SECTOR_SIZE as usize]).unwrap();
        flash.cut_power_at(0, Torn::Scrambled { seed });
        flash.erase(0, SECTOR_SIZE).unwrap_err();
        flash.restore_power();
        for byte in read(&mut flash, 0, SECTOR_SIZE as usize) {
            seen.insert(match byte {
                0x5A => "old",
                0xFF => "blank",
                0 => "zero",
                _ => "other",
            });
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn worn_sectors_fail_as_told() {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    flash.fail_sector(1, SectorFault::EraseFails);
    flash.fail_sector(2, SectorFault::ProgramFails);
    flash.fail_sector(3, SectorFault::StuckBits(0x01));
    let failed = |sector| Err(FlashError::SectorFailed { sector });
    assert_eq!(flash.erase(0, 0x1_0000), failed(1));
    assert_eq!(flash.write(0x2000, &[0; 4]), failed(2));
    flash.erase(0x3000, 0x4000).unwrap();
    assert_eq!(read(&mut flash, 0x3000, 2), [0xFE; 2]);
}

#[test]
fn clones_are_snapshots() {
    let mut original = VirtualFlash::new(FlashSize::Mb4);
    original.preload(0x1000, b"firmware").unwrap();
    let mut copy = original.clone();
    copy.erase(0x1000, 0x2000).unwrap();
    assert_eq!(read(&mut original, 0x1000, 8), b"firmware");
    assert_eq!(read(&mut copy, 0x1000, 8), [0xFF; 8]);
    assert_eq!(original.operations(), 0);
}

#[test]
fn a_file_keeps_every_operation_and_has_one_user() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("flash.bin");
    let mut flash = VirtualFlash::create(&path, FlashSize::Mb4).unwrap();
    assert!(matches!(
        VirtualFlash::open(&path),
        Err(OpenError::InUse { .. })
    ));
    flash.preload(0x8000, b"table").unwrap();
    flash.write(0x1_0000, &[1; 300]).unwrap();
    flash.cut_power_at(flash.operations(), Torn::Half { seed: 1 });
    flash.erase(0x1_0000, 0x2_0000).unwrap_err();
    flash.restore_power();
    let image = read(&mut flash, 0, FlashSize::Mb4.bytes() as usize);
    // Not dropped in order, as after a kill: the lock goes with the file, nothing is flushed late.
    assert_eq!(std::fs::read(&path).unwrap(), image);
    drop(flash);
    let mut again = VirtualFlash::open(&path).unwrap();
    assert_eq!(read(&mut again, 0, image.len()), image);
    assert!(matches!(
        VirtualFlash::create(&path, FlashSize::Mb4),
        Err(OpenError::Io { .. })
    ));
    let short = dir.path().join("short.bin");
    std::fs::write(&short, [0; 100]).unwrap();
    assert!(matches!(
        VirtualFlash::open(&short),
        Err(OpenError::WrongSize { found: 100, .. })
    ));
}

proptest! {
    #[test]
    fn a_torn_program_clears_no_other_bit(
        old in prop::collection::vec(any::<u8>(), 64),
        new in prop::collection::vec(any::<u8>(), 16),
        torn in torn(),
    ) {
        let new = &new[..16];
        let mut flash = VirtualFlash::new(FlashSize::Mb4);
        flash.preload(0x1000, &old).unwrap();
        flash.cut_power_at(0, torn);
        prop_assert_eq!(flash.write(0x1010, new), Err(FlashError::PowerLost));
        flash.restore_power();
        let after = read(&mut flash, 0x1000, 64);
        for (index, (&old, &after)) in old.iter().zip(&after).enumerate() {
            let new = if (16..32).contains(&index) { new[index - 16] } else { 0xFF };
            // Nothing was set, and nothing cleared that was not to be.
            prop_assert_eq!(after & !old, 0);
            prop_assert_eq!(old & !after & new, 0);
            match torn {
                Torn::Before => prop_assert_eq!(after, old),
                Torn::After => prop_assert_eq!(after, old & new),
                Torn::Half { .. } if index < 24 => prop_assert_eq!(after, old & new),
                Torn::Half { .. } if index > 24 => prop_assert_eq!(after, old),
                _ => {}
            }
        }
    }

    #[test]
    fn a_torn_erase_stays_in_its_block(block in 0..4_u32, torn in torn()) {
        let mut flash = VirtualFlash::new(FlashSize::Mb4);
        flash.preload(0, &vec![0x5A; 0x4_0000]).unwrap();
        flash.cut_power_at(0, torn);
        let from = block * 0x1_0000;
        flash.erase(from, from + 0x1_0000).unwrap_err();
        flash.restore_power();
        let after = read(&mut flash, 0, 0x4_0000);
        let (from, to) = (from as usize, from as usize + 0x1_0000);
        prop_assert!(after[..from].iter().chain(&after[to..]).all(|&byte| byte == 0x5A));
        match torn {
            Torn::Before => prop_assert!(after[from..to].iter().all(|&b| b == 0x5A)),
            Torn::After => prop_assert!(after[from..to].iter().all(|&b| b == 0xFF)),
            Torn::Half { .. } => {
                prop_assert!(after[from..from + 0x8000].iter().all(|&b| b == 0xFF));
                prop_assert!(after[from + 0x9000..to].iter().all(|&b| b == 0x5A));
            }
            Torn::Scrambled { .. } => {}
        }
    }

    #[test]
    fn the_same_seed_tears_the_same_way(seed: u64) {
        let tear = || {
            let mut flash = VirtualFlash::new(FlashSize::Mb4);
            flash.cut_power_at(0, Torn::Scrambled { seed });
            flash.erase(0, 0x1_0000).unwrap_err();
            flash.restore_power();
            read(&mut flash, 0, 0x1_0000)
        };
        prop_assert_eq!(tear(), tear());
    }
}
