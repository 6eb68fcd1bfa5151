//! A window never lets an access out.

mod support;

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use proptest::prelude::*;
use support::{Memory, Op};
use updraft_flash::region::{Region, RegionError, WindowError};

const FLASH: u32 = 0x1_0000;
const START: u32 = 0x4000;
const SIZE: u32 = 0x3000;

#[derive(Clone, Debug)]
enum Access {
    Read(u32, usize),
    Write(u32, usize),
    Erase(u32, u32),
}

fn accesses() -> impl Strategy<Value = Access> {
    // Near the window's edges, aligned and not, and anywhere.
    let offset = prop_oneof![
        (0..=SIZE + 0x2000),
        (0..=8_u32).prop_map(|sector| sector * 0x1000),
        any::<u32>(),
    ];
    prop_oneof![
        (offset.clone(), 0..0x4000_usize).prop_map(|(o, l)| Access::Read(o, l & !3)),
        (offset.clone(), 0..0x4000_usize).prop_map(|(o, l)| Access::Write(o & !3, l & !3)),
        (offset.clone(), offset).prop_map(|(a, b)| Access::Erase(a & !0xFFF, b & !0xFFF)),
    ]
}

proptest! {
    #[test]
    fn nothing_outside_the_window_changes(list in prop::collection::vec(accesses(), 1..20)) {
        let mut flash = Memory::new(FLASH as usize);
        // Zeros outside would turn to ones by an erase, ones inside to zeros by a write.
        flash.bytes[..START as usize].fill(0x5A);
        flash.bytes[(START + SIZE) as usize..].fill(0x5A);
        let mut region = Region::new(&mut flash, START, SIZE).unwrap();
        for access in list {
            let fits = |offset: u32, len: u64| u64::from(offset) + len <= u64::from(SIZE);
            match access {
                Access::Read(offset, len) => {
                    let ok = region.read(offset, &mut vec![0; len]).is_ok();
                    prop_assert_eq!(ok, fits(offset, len as u64) && offset.is_multiple_of(4));
                }
                Access::Write(offset, len) => {
                    let ok = region.write(offset, &vec![0; len]).is_ok();
                    prop_assert_eq!(ok, fits(offset, len as u64));
                }
                Access::Erase(from, to) => {
                    let ok = region.erase(from, to).is_ok();
                    prop_assert_eq!(ok, from <= to && to <= SIZE);
                }
            }
        }
        prop_assert!(flash.bytes[..START as usize].iter().all(|&b| b == 0x5A));
        prop_assert!(flash.bytes[(START + SIZE) as usize..].iter().all(|&b| b == 0x5A));
    }
}

#[test]
fn offsets_count_from_the_window() {
    let mut flash = Memory::new(FLASH as usize);
    let mut region = Region::new(&mut flash, START, SIZE).unwrap();
    assert_eq!(region.capacity(), SIZE as usize);
    region.erase(0x1000, 0x2000).unwrap();
    region.write(0x1000, &[1, 2, 3, 4]).unwrap();
    let mut inner = region.window(0x1000, 0x1000).unwrap();
    let mut bytes = [0; 4];
    inner.read(0, &mut bytes).unwrap();
    assert_eq!(bytes, [1, 2, 3, 4]);
    assert_eq!(inner.start(), START + 0x1000);
    let ops = [
        Op::Erase(START + 0x1000, START + 0x2000),
        Op::Write(START + 0x1000, 4),
    ];
    assert_eq!(flash.ops, ops);
}

#[test]
fn windows_are_checked() {
    let mut flash = Memory::new(FLASH as usize);
    let outside = WindowError::OutsideFlash {
        start: 0xF000,
        size: 0x2000,
        capacity: FLASH,
    };
    assert_eq!(
        Region::new(&mut flash, 0xF000, 0x2000).unwrap_err(),
        outside
    );
    assert_eq!(
        Region::new(&mut flash, u32::MAX, 2).unwrap_err().code(),
        "window_outside_flash"
    );
    assert_eq!(
        Region::new(&mut flash, 0x800, 0x1000).unwrap_err(),
        WindowError::NotAligned {
            start: 0x800,
            size: 0x1000,
            unit: 0x1000
        }
    );
    let mut region = Region::new(&mut flash, START, SIZE).unwrap();
    assert!(region.window(0x2000, 0x2000).is_err());
    assert_eq!(
        region.read(SIZE, &mut [0; 4]),
        Err(RegionError::OutOfBounds {
            offset: SIZE,
            len: 4,
            size: SIZE
        })
    );
    assert_eq!(
        region.write(2, &[0; 4]),
        Err(RegionError::NotAligned {
            offset: 2,
            len: 4,
            unit: 4
        })
    );
    assert!(flash.ops.is_empty());
}
