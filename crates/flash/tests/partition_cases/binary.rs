//! Binary tables, sound and damaged.

use proptest::prelude::*;
use proptest::sample::select;
use updraft_flash::partition::{Entry, Kind, Label, SecureBoot, Table};

use super::Case;

/// What is done to the bytes.
#[derive(Clone, Copy, Debug)]
enum Damage {
    None,
    /// The end is missing from here on.
    Cut(usize),
    /// One bit is the other way round.
    Flip(usize),
    /// What follows the entries is zero instead of blank.
    ZeroTail,
    /// There is no MD5 record.
    NoMd5,
}

pub(super) fn cases() -> impl Strategy<Value = Case> {
    let damage = prop_oneof![
        6 => Just(Damage::None),
        1 => (1..0xC00_usize).prop_map(Damage::Cut),
        1 => (0..64_usize).prop_map(|n| Damage::Cut(n * 32)),
        2 => (0..16_000_usize).prop_map(Damage::Flip),
        1 => Just(Damage::ZeroTail),
        1 => Just(Damage::NoMd5),
    ];
    (
        prop::collection::vec(entry(), 1..6),
        damage,
        select(vec![None, Some(4 << 20)]),
    )
        .prop_map(|(entries, damage, flash_size)| Case {
            is_csv: false,
            bytes: written(&entries, damage),
            table_offset: 0x8000,
            primary_bootloader: None,
            recovery_bootloader: None,
            secure_boot: SecureBoot::None,
            flash_size,
        })
}

fn entry() -> impl Strategy<Value = Entry> {
    let kinds = [
        (0, 0x00),
        (0, 0x10),
        (0, 0x11),
        (1, 0x00),
        (1, 0x02),
        (1, 0x03),
        (1, 0x06),
        (1, 0x83),
        (1, 0x90),
        (2, 0),
        (2, 1),
        (3, 0),
        (3, 1),
        (0x40, 7),
    ];
    (
        "[a-h]",
        select(kinds.to_vec()),
        prop_oneof![1 => (0..16_u32).prop_map(|n| n * 0x1000), 6 => (1..48_u32).prop_map(|n| n * 0x1_0000)],
        select(vec![0x1000_u32, 0x2000, 0x3000, 0x1_0000, 0x1234]),
        0..4_u32,
    )
        .prop_map(|(label, (type_byte, subtype), offset, size, flags)| Entry {
            // Mostly sound: read-only is the exception.
            flags: if flags == 3 { 2 } else { flags & 1 },
            ..Entry::new(
                Label::new(&label).unwrap(),
                Kind::from_bytes(type_byte, subtype),
                offset,
                size,
            )
        })
}

fn written(entries: &[Entry], damage: Damage) -> Vec<u8> {
    let mut table = Table::new().with_md5(!matches!(damage, Damage::NoMd5));
    for entry in entries {
        table.push(*entry).unwrap();
    }
    let mut bytes = table.to_bytes().to_vec();
    let used = (entries.len() + 1) * 32;
    match damage {
        Damage::None | Damage::NoMd5 => {}
        Damage::Cut(len) => bytes.truncate(len.max(32)),
        Damage::Flip(bit) => bytes[bit / 8 % used] ^= 1 << (bit % 8),
        Damage::ZeroTail => bytes[used..].fill(0),
    }
    bytes
}
