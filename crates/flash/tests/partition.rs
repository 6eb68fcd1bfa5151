//! Partition tables: bytes, lookups, layout faults.

mod support;

use embedded_storage::nor_flash::NorFlash;
use proptest::prelude::*;
use support::Memory;
use updraft_flash::partition::{
    AppKind, DataKind, ENTRY_SIZE, Entry, FLAG_ENCRYPTED, Kind, Label, LabelError, LayoutFault,
    MAX_ENTRIES, TABLE_OFFSET, TABLE_SIZE, Table, TableFault, layout,
};
use updraft_flash::slot::AppSlot;

fn entry(label: &str, kind: Kind, offset: u32, size: u32) -> Entry {
    Entry::new(Label::new(label).unwrap(), kind, offset, size)
}

fn app(index: u8, offset: u32) -> Entry {
    entry(
        &format!("ota_{index}"),
        Kind::App(AppKind::Ota(index)),
        offset,
        0x1_0000,
    )
}

fn otadata() -> Entry {
    entry("otadata", Kind::Data(DataKind::Ota), 0xE000, 0x2000)
}

fn layouts() -> [(Table, u32); 4] {
    [
        (layout::seed_001_4mb(), layout::FLASH_4MB),
        (layout::two_slots_4mb(), layout::FLASH_4MB),
        (layout::two_slots_8mb(), layout::FLASH_8MB),
        (layout::three_slots_16mb(), layout::FLASH_16MB),
    ]
}

#[test]
fn ready_layouts_are_sound_and_survive_the_flash() {
    for (table, size) in layouts() {
        assert_eq!(table.check_layout(TABLE_OFFSET, size), Ok(()));
        let mut flash = Memory::new(size as usize);
        flash.write(TABLE_OFFSET, &table.to_bytes()).unwrap();
        let read = Table::read(&mut flash, TABLE_OFFSET).unwrap();
        assert_eq!(read, table);
        assert!(read.has_md5());
        assert_eq!(Table::from_entries(table.entries(), size), Ok(table));
    }
    assert_eq!(layout::seed_001_4mb().ota_slots(), 2);
    assert_eq!(layout::two_slots_4mb().factory(), None);
    assert_eq!(layout::three_slots_16mb().ota_slots(), 3);
}

/// `nvs, data, nvs, 0x9000, 0x5000`: magic, type, subtype, offset, size, label, flags.
const NVS_ENTRY: [u8; ENTRY_SIZE] =
    *b"\xAA\x50\x01\x02\x00\x90\x00\x00\x00\x50\x00\x00nvs\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

#[test]
fn entries_are_laid_out_as_documented() {
    let bytes = layout::seed_001_4mb().to_bytes();
    assert_eq!(bytes[..ENTRY_SIZE], NVS_ENTRY);
    // The MD5 record follows six entries; everything after it is blank.
    let md5 = &bytes[6 * ENTRY_SIZE..7 * ENTRY_SIZE];
    assert_eq!(&md5[..2], [0xEB, 0xEB]);
    assert!(md5[2..16].iter().all(|&b| b == 0xFF));
    assert!(bytes[7 * ENTRY_SIZE..].iter().all(|&b| b == 0xFF));
}

#[test]
fn slots_are_found() {
    let table = layout::seed_001_4mb();
    assert_eq!(table.factory().unwrap().offset, 0x2_0000);
    assert_eq!(table.app(AppSlot::Ota(1)), table.find("ota_1"));
    assert_eq!(table.nvs(), table.find("nvs"));
    assert_eq!(table.otadata().unwrap().size, 0x2000);
    assert_eq!(table.ota(2), None);
    assert_eq!(table.ota(16), None);
    assert_eq!(table.find("nothing"), None);
    assert_eq!(table.next_update(AppSlot::Factory), Some(0));
    assert_eq!(table.next_update(AppSlot::Ota(0)), Some(1));
    assert_eq!(table.next_update(AppSlot::Ota(1)), Some(0));
    let three = layout::three_slots_16mb();
    assert_eq!(three.next_update(AppSlot::Ota(2)), Some(0));
    let one = Table::from_entries(&[otadata(), app(0, 0x1_0000)], 0x40_0000).unwrap();
    assert_eq!(one.next_update(AppSlot::Ota(0)), None);
}

#[test]
fn a_gap_counts_differently_for_app_and_bootloader() {
    let mut table = Table::new();
    for entry in [otadata(), app(0, 0x1_0000), app(2, 0x2_0000)] {
        table.push(entry).unwrap();
    }
    assert_eq!((table.ota_slots(), table.ota_entries()), (1, 2));
    assert_eq!(
        table.check_layout(TABLE_OFFSET, layout::FLASH_4MB),
        Err(LayoutFault::OtaGap {
            missing: 1,
            beyond: 2
        })
    );
}

#[test]
fn layout_faults_are_named() {
    let check = |entries: &[Entry]| Table::from_entries(entries, layout::FLASH_4MB).unwrap_err();
    let www = |offset, size| entry("www", Kind::Data(DataKind::LittleFs), offset, size);
    let cases = [
        (
            check(&[otadata(), app(0, 0x1_8000)]),
            "partition_not_aligned",
        ),
        (check(&[www(0x1_0800, 0x1000)]), "partition_not_aligned"),
        (check(&[www(0x1_0000, 0x1100)]), "partition_uneven_size"),
        (check(&[www(0x1_0000, 0)]), "partition_zero_size"),
        (check(&[www(0x8000, 0x1000)]), "partition_on_table"),
        (
            check(&[www(0x3F_0000, 0x2_0000)]),
            "partition_outside_flash",
        ),
        (
            check(&[www(0xFFFF_F000, 0xFFFF_F000)]),
            "partition_outside_flash",
        ),
        (
            check(&[otadata(), app(0, 0x1_0000), app(1, 0x1_0000)]),
            "partition_overlap",
        ),
        (
            check(&[www(0x1_0000, 0x1000), www(0x2_0000, 0x1000)]),
            "partition_duplicate_label",
        ),
        (
            check(&[
                otadata(),
                app(0, 0x1_0000),
                Entry {
                    label: Label::new("again").unwrap(),
                    ..app(0, 0x2_0000)
                },
            ]),
            "partition_duplicate_app",
        ),
        (
            check(&[Entry {
                size: 0x1000,
                ..otadata()
            }]),
            "partition_otadata_size",
        ),
        (check(&[app(0, 0x1_0000)]), "partition_no_otadata"),
    ];
    for (fault, code) in cases {
        assert_eq!(fault.code(), code, "{fault}");
    }
    // 95 entries leave no room for an MD5 record, 96 none for the end marker.
    let mut table = Table::new();
    for index in 0..MAX_ENTRIES as u32 {
        let label = format!("p{index}");
        let data = Kind::Data(DataKind::Undefined);
        table
            .push(entry(&label, data, 0x9000 + index * 0x1000, 0x1000))
            .unwrap();
    }
    assert_eq!(
        table
            .check_layout(TABLE_OFFSET, layout::FLASH_4MB)
            .unwrap_err()
            .code(),
        "partition_too_many"
    );
    let bare = table.with_md5(false);
    assert_eq!(bare.check_layout(TABLE_OFFSET, layout::FLASH_4MB), Ok(()));
    assert_eq!(Table::parse(&bare.to_bytes()), Ok(bare));
    assert_eq!(
        table.push(otadata()).unwrap_err().code(),
        "partition_too_many"
    );
}

#[test]
fn damaged_tables_are_named() {
    let good = layout::seed_001_4mb().to_bytes();
    let broken = |change: &dyn Fn(&mut [u8; TABLE_SIZE])| {
        let mut bytes = good;
        change(&mut bytes);
        Table::parse_within(&bytes, layout::FLASH_4MB)
            .unwrap_err()
            .code()
    };
    assert_eq!(broken(&|b| b[40] ^= 1), "partition_md5_mismatch");
    assert_eq!(broken(&|b| b[32] = 0x12), "partition_bad_magic");
    assert_eq!(broken(&|b| b[7] = 0x40), "partition_outside_flash");
    assert_eq!(broken(&|b| b.fill(0xFF)), "partition_table_empty");
    assert_eq!(broken(&|b| b.fill(0)), "partition_bad_magic");
    assert_eq!(
        broken(&|b| b.copy_within(192..224, 224)),
        "partition_md5_repeated"
    );
    let cut = Table::parse(&good[..5 * ENTRY_SIZE]).unwrap_err();
    assert_eq!(cut, TableFault::NoEndMarker);
    assert_eq!(Table::parse(&[]).unwrap_err(), TableFault::NoEndMarker);
    let ragged = Table::parse(&good[..5 * ENTRY_SIZE + 7]).unwrap_err();
    assert_eq!(ragged, TableFault::Ragged { len: 167 });
    // Without the MD5 record the bootloader takes the table, and so do we.
    let mut bare = good;
    bare[6 * ENTRY_SIZE..7 * ENTRY_SIZE].fill(0xFF);
    assert!(!Table::parse(&bare).unwrap().has_md5());
}

#[test]
fn labels_need_no_terminator_and_no_utf8() {
    let full = Label::new("sixteen_bytes_ok").unwrap();
    assert_eq!(full.as_str(), Some("sixteen_bytes_ok"));
    assert_eq!(
        Label::new("seventeen_bytes_x"),
        Err(LabelError::TooLong { len: 17 })
    );
    assert_eq!(Label::new("a\0b"), Err(LabelError::ContainsNul));
    let odd = Label::from_raw(*b"\xFFa\x1b\0after theNUL");
    assert_eq!(odd.as_str(), None);
    assert_eq!(odd.to_string(), "\\xffa\\u{1b}");
    let found = Entry::new(full, Kind::from_bytes(0x40, 0x07), 0x1_0000, 0x1000);
    let mut table = Table::new();
    table.push(found).unwrap();
    assert_eq!(table.find("sixteen_bytes_ok"), Some(&found));
}

#[test]
fn flags_are_where_esp_idf_has_them() {
    let mut secret = otadata();
    secret.flags = FLAG_ENCRYPTED;
    assert_eq!(secret.to_bytes()[28..], [1, 0, 0, 0]);
}

proptest! {
    #[test]
    fn every_entry_comes_back_byte_for_byte(
        raw in prop::collection::vec(any::<[u8; 30]>(), 1..MAX_ENTRIES),
        md5 in any::<bool>(),
    ) {
        let mut bytes = Vec::new();
        for body in &raw {
            bytes.extend([0xAA, 0x50]);
            bytes.extend(body);
        }
        bytes.extend([0xFF; ENTRY_SIZE]);
        // Entries past 4 GiB are refused, everything else is kept.
        match Table::parse(&bytes) {
            Ok(table) => {
                let table = table.with_md5(md5);
                let written = table.to_bytes();
                prop_assert_eq!(&written[..raw.len() * ENTRY_SIZE], &bytes[..raw.len() * ENTRY_SIZE]);
                prop_assert_eq!(Table::parse(&written), Ok(table));
            }
            Err(fault) => prop_assert_eq!(fault.code(), "partition_outside_flash"),
        }
    }

    #[test]
    fn any_bytes_are_a_table_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let _ = Table::parse(&bytes);
    }

    #[test]
    fn kinds_keep_their_bytes(type_byte: u8, subtype: u8) {
        let kind = Kind::from_bytes(type_byte, subtype);
        prop_assert_eq!(kind.to_bytes(), (type_byte, subtype));
        prop_assert!(!kind.to_string().is_empty());
    }

    #[test]
    fn a_changed_bit_is_noticed(at in 0..6 * ENTRY_SIZE * 8) {
        let mut bytes = layout::seed_001_4mb().to_bytes();
        bytes[at / 8] ^= 1 << (at % 8);
        prop_assert!(Table::parse(&bytes).is_err());
    }
}
