//! Partition tables: binary and CSV, both ways, and what is said of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use md5::{Digest, Md5};
use updraft_flash::partition::csv::{self, Definitions, ExtraSubtypes, Options};
use updraft_flash::partition::{
    ENTRY_SIZE, Entry, Kind, Label, LayoutFault, MAX_ENTRIES, Rules, SecureBoot, TABLE_OFFSET,
    TABLE_SIZE, Table, layout,
};
use updraft_flash::slot::AppSlot;
use updraft_fuzz::{Memory, fixtures, seed};

const FLASH_4MB: u32 = 4 << 20;

/// How the rest of an input is read, by its first byte.
const AS_BINARY: u8 = 0;
const AS_SOUND_BINARY: u8 = 1;
const AS_CSV: u8 = 2;

fn options() -> Options<'static> {
    Options {
        primary_bootloader: Some(0),
        recovery_bootloader: Some(0x3F_0000),
        variables: &|name| (name == "SLOT").then(|| "64K".to_owned()),
        ..Options::default()
    }
}

/// The records with entries' magic and, behind them, the right MD5 and an end.
fn sound(records: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records.chunks_exact(ENTRY_SIZE).take(MAX_ENTRIES - 1) {
        bytes.extend_from_slice(&[0xAA, 0x50]);
        bytes.extend_from_slice(&record[2..]);
    }
    let md5 = Md5::digest(&bytes);
    bytes.extend_from_slice(&[0xEB, 0xEB]);
    bytes.extend_from_slice(&[0xFF; 14]);
    bytes.extend_from_slice(&md5);
    bytes.resize(bytes.len() + ENTRY_SIZE, 0xFF);
    bytes
}

/// Everything one can ask of a table.
fn look_over(table: &Table, seed: u8) {
    for rules in [
        Rules::default(),
        Rules {
            table_offset: u32::from(seed) << 12,
            flash_size: Some(FLASH_4MB),
            secure_boot: [SecureBoot::None, SecureBoot::V1, SecureBoot::V2][usize::from(seed) % 3],
        },
    ] {
        table.inspect(&rules, &mut describe);
    }
    let mut names: Vec<&[u8]> = table
        .entries()
        .iter()
        .map(|it| it.label.as_bytes())
        .collect();
    names.sort_unstable();
    let twice = names.windows(2).any(|pair| pair[0] == pair[1]);
    let mut told = false;
    table.inspect(&Rules::default(), &mut |fault| {
        told |= matches!(fault, LayoutFault::DuplicateLabel { .. });
    });
    assert_eq!(told, twice, "{table:?}");
    let sound = table.check_layout(TABLE_OFFSET, FLASH_4MB);
    if sound.is_ok() {
        assert_eq!(table.ota_slots(), table.ota_entries(), "{table:?}");
        for (index, entry) in table.entries().iter().enumerate() {
            assert!(entry.end() <= u64::from(FLASH_4MB));
            for other in &table.entries()[..index] {
                let apart = u64::from(entry.offset) >= other.end()
                    || u64::from(other.offset) >= entry.end()
                    || entry.size == 0
                    || other.size == 0;
                assert!(apart, "{entry:?} {other:?}");
            }
        }
    }
    for slot in (0..18)
        .map(AppSlot::Ota)
        .chain([AppSlot::Factory, AppSlot::Test])
    {
        let next = table.next_update(slot).map(AppSlot::Ota);
        assert!(next != Some(slot));
        assert!(next.is_none_or(|next| table.app(next).is_some()));
    }
    for entry in table.entries() {
        let _ = entry.label.as_str().map(|label| table.find(label));
        assert!(!format!("{entry:?} {}", entry.label).is_empty());
    }
}

fn describe(fault: LayoutFault) {
    assert!(!fault.code().is_empty() && !fault.to_string().is_empty());
}

/// Written and read again, a table is the same.
fn binary_round_trip(table: &Table) {
    // The most entries leave no room for the MD5 and the end.
    let room = TABLE_SIZE / ENTRY_SIZE - 1 - usize::from(table.has_md5());
    if table.entries().is_empty() || table.entries().len() > room {
        return;
    }
    let bytes = table.to_bytes();
    assert_eq!(Table::parse(&bytes).as_ref(), Ok(table));
}

/// What a table says: bytes behind a label's end say nothing.
fn said(table: &Table) -> Vec<Entry> {
    let plain = |entry: &Entry| Entry {
        label: entry
            .label
            .as_str()
            .and_then(|label| Label::new(label).ok())
            .unwrap_or(entry.label),
        ..*entry
    };
    table.entries().iter().map(plain).collect()
}

fn csv_round_trip(table: &Table) {
    let extra = ExtraSubtypes::new();
    let text = match csv::print(table, &extra) {
        Ok(text) => text,
        Err(error) => {
            assert!(!error.code().is_empty() && !error.to_string().is_empty());
            return;
        }
    };
    // Bootloaders and tables lie where they must, not where they are printed; and lines that lie in front of those
    // before them are refused.
    let fixed = |kind| matches!(kind, Kind::Bootloader(_) | Kind::PartitionTable(_));
    if table.entries().iter().any(|entry| fixed(entry.kind)) {
        let _ = csv::parse(text.as_bytes(), &options());
        return;
    }
    match csv::parse(text.as_bytes(), &options()) {
        Ok(read) => assert_eq!(
            read.table().map(|read| said(&read)),
            Ok(said(table)),
            "{text}"
        ),
        Err(error) => {
            let place = ["csv_overlap", "csv_on_table"].contains(&error.fault.code());
            assert!(place, "{error}: {text}");
        }
    }
}

fn binary(bytes: &[u8], seed: u8) {
    let parsed = Table::parse(bytes);
    let mut on_flash = vec![0xFF; TABLE_SIZE + 4096];
    let length = bytes.len().min(TABLE_SIZE);
    on_flash[..length].copy_from_slice(&bytes[..length]);
    let mut flash = Memory::new(on_flash);
    let _ = Table::read(&mut flash, 0);
    match parsed {
        Ok(table) => {
            look_over(&table, seed);
            binary_round_trip(&table);
            csv_round_trip(&table);
            assert_eq!(Table::parse_within(bytes, u32::MAX), Ok(table));
        }
        Err(fault) => assert!(!fault.code().is_empty() && !fault.to_string().is_empty()),
    }
}

fn text(bytes: &[u8], seed: u8) {
    let definitions: Definitions = match csv::parse(bytes, &options()) {
        Ok(definitions) => definitions,
        Err(error) => {
            assert!(!error.fault.code().is_empty() && !error.to_string().is_empty());
            return;
        }
    };
    definitions.inspect(&Rules::default(), &mut describe);
    if let Ok(table) = definitions.table() {
        look_over(&table, seed);
        csv_round_trip(&table);
        let room = TABLE_SIZE / ENTRY_SIZE - 1 - usize::from(table.has_md5());
        let inside = table
            .entries()
            .iter()
            .all(|entry| entry.end() <= u64::from(u32::MAX));
        if inside && table.entries().len() <= room {
            binary_round_trip(&table);
        }
    }
}

fn run(input: &[u8]) {
    let [mode, seed, rest @ ..] = input else {
        return;
    };
    match mode % 3 {
        AS_BINARY => binary(rest, *seed),
        AS_SOUND_BINARY => binary(&sound(rest), *seed),
        _ => text(rest, *seed),
    }
}

fn seeds() {
    for (name, table) in [
        ("seed-001", layout::seed_001_4mb()),
        ("two-4mb", layout::two_slots_4mb()),
        ("three-16mb", layout::three_slots_16mb()),
    ] {
        let entries = table.entries().len();
        let bytes = &table.to_bytes()[..(entries + 2) * ENTRY_SIZE];
        seed(name, &[&[AS_BINARY, 8], bytes].concat());
        seed(
            &format!("{name}.sound"),
            &[&[AS_SOUND_BINARY, 8], &bytes[..entries * ENTRY_SIZE]].concat(),
        );
    }
    for (name, text) in fixtures("partitions", "csv") {
        seed(&name, &[&[AS_CSV, 8], &text[..]].concat());
    }
}

fuzz_target!(init: seeds(), |input: &[u8]| run(input));
