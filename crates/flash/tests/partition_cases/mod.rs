//! Tables to compare: sound ones, sound ones with something put wrong, and lines of anything.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use updraft_flash::partition::SecureBoot;

mod binary;

/// A table and what it is read with.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// A CSV, or else a binary table.
    pub(crate) is_csv: bool,
    pub(crate) bytes: Vec<u8>,
    pub(crate) table_offset: u32,
    pub(crate) primary_bootloader: Option<u32>,
    pub(crate) recovery_bootloader: Option<u32>,
    pub(crate) secure_boot: SecureBoot,
    pub(crate) flash_size: Option<u32>,
}

impl Case {
    /// The case as `partition_rules.py` takes it.
    pub(crate) fn line(&self) -> String {
        let number = |value: Option<u32>| value.map_or("-".to_owned(), |value| value.to_string());
        let secure = match self.secure_boot {
            SecureBoot::None => "-",
            SecureBoot::V1 => "v1",
            SecureBoot::V2 => "v2",
        };
        let hex: Vec<String> = self
            .bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let hex = hex.concat();
        format!(
            "{} {} {} {secure} {} {} {hex}",
            self.table_offset,
            number(self.primary_bootloader),
            number(self.recovery_bootloader),
            number(self.flash_size),
            if self.is_csv { "csv" } else { "bin" },
        )
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.line())?;
        if self.is_csv {
            f.write_str(&String::from_utf8_lossy(&self.bytes))?;
        }
        Ok(())
    }
}

/// The six fields of a line.
type Line = [String; 6];

fn line(fields: [&str; 6]) -> Line {
    fields.map(str::to_owned)
}

/// So many cases, the same each time.
pub(crate) fn generate(count: usize) -> Vec<Case> {
    let mut runner = TestRunner::deterministic();
    let strategy = prop_oneof![4 => cases(), 1 => binary::cases()];
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

fn cases() -> impl Strategy<Value = Case> {
    let tables = prop_oneof![
        4 => sound(),
        6 => (sound(), prop::collection::vec(spoiler(), 1..3)).prop_map(spoil),
        2 => prop::collection::vec(anything(), 0..5),
        // At the edge of what a table holds.
        1 => (90..98_usize).prop_map(many),
    ];
    (
        tables,
        prop_oneof![8 => Just(0x8000_u32), 1 => Just(0x1_0000), 1 => Just(0x9000)],
        select(vec![None, None, Some(0), Some(0x1000), Some(0x2000)]),
        select(vec![None, Some(0x3F_0000)]),
        select(vec![
            SecureBoot::None,
            SecureBoot::None,
            SecureBoot::V1,
            SecureBoot::V2,
        ]),
        select(vec![None, None, Some(4 << 20), Some(16 << 20)]),
        0..40_u8,
    )
        .prop_map(
            |(lines, table_offset, primary, recovery, secure_boot, flash_size, mark)| Case {
                is_csv: true,
                bytes: written(&lines, mark),
                table_offset,
                primary_bootloader: primary,
                recovery_bootloader: recovery,
                secure_boot,
                flash_size,
            },
        )
}

/// The lines as bytes, now and then behind a byte order mark or with other line ends.
fn written(lines: &[Line], mark: u8) -> Vec<u8> {
    let end = if mark == 3 { "\r\n" } else { "\n" };
    let mut text = String::from("# Name, Type, SubType, Offset, Size, Flags");
    text.push_str(end);
    for (index, fields) in lines.iter().enumerate() {
        if mark == 4 {
            text.push_str("  ");
        }
        text.push_str(&fields.join(if mark == 5 { " , " } else { "," }));
        text.push_str(if index % 3 == 1 { "\n\n" } else { end });
    }
    match mark {
        0 => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
        1 => [0xFEFF]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect(),
        2 => [0xFEFF]
            .into_iter()
            .chain(text.encode_utf16())
            .flat_map(u16::to_be_bytes)
            .collect(),
        _ => text.into_bytes(),
    }
}

/// A table nothing is wrong with, most of the time.
fn sound() -> impl Strategy<Value = Vec<Line>> {
    let apps = (
        0..4_usize,
        any::<bool>(),
        select(vec![
            "1M",
            "0x100000",
            "1024K",
            "640k",
            "0o4000000",
            "$SLOT",
        ]),
    );
    let extras = prop::collection::vec(
        select(vec![
            ["www_0", "data", "littlefs", "", "1M", ""],
            ["store", "data", "fat", "", "0x21000", "encrypted"],
            ["core", "data", "coredump", "", "64K", ""],
            ["keys", "data", "nvs_keys", "", "4K", "encrypted:readonly"],
            ["ro", "data", "nvs", "", "0x1000", "readonly"],
            ["own", "0x40", "0x07", "", "0b1_0000_0000_0000", ""],
            ["own2", "65", "", "", "4_096", ""],
            ["tee", "data", "tee_ota", "", "8K", ""],
            ["odd", "data", "undefined", "", "0x123", ""],
            ["blank", "data", "", "", "1kk", ""],
            ["tail", "data", "spiffs", "", "-0x400000", ""],
            ["bl", "bootloader", "primary", "", "", ""],
            ["bl2", "bootloader", "ota", "", "", ""],
            ["blr", "bootloader", "recovery", "", "", ""],
            ["pt", "partition_table", "primary", "", "", ""],
            ["pt2", "partition_table", "ota", "", "", ""],
        ]),
        0..4,
    );
    (apps, any::<bool>(), extras).prop_map(|((slots, factory, size), otadata, extras)| {
        let mut lines = vec![line(["nvs", "data", "nvs", "", "0x6000", ""])];
        if otadata {
            lines.push(line(["otadata", "DATA", "ota", "", "0x2000", ""]));
        }
        if factory {
            lines.push(line(["factory", "app", "factory", "", size, ""]));
        }
        for slot in 0..slots {
            let name = format!("ota_{slot}");
            lines.push(line([&name, "app", &name, "", size, ""]));
        }
        lines.extend(extras.into_iter().map(line));
        lines
    })
}

/// What one field is replaced with: which line, which field, by what.
type Spoiler = (prop::sample::Index, usize, &'static str);

fn spoiler() -> impl Strategy<Value = Spoiler> {
    let field = prop_oneof![
        (Just(0_usize), select(NAMES.to_vec())),
        (Just(1_usize), select(TYPES.to_vec())),
        (Just(2_usize), select(SUBTYPES.to_vec())),
        (Just(3_usize), select(OFFSETS.to_vec())),
        (Just(4_usize), select(SIZES.to_vec())),
        (Just(5_usize), select(FLAGS.to_vec())),
    ];
    (any::<prop::sample::Index>(), field).prop_map(|(at, (field, by))| (at, field, by))
}

fn spoil((mut lines, spoilers): (Vec<Line>, Vec<Spoiler>)) -> Vec<Line> {
    for (at, field, by) in spoilers {
        let at = at.index(lines.len());
        by.clone_into(&mut lines[at][field]);
    }
    lines
}

fn anything() -> impl Strategy<Value = Line> {
    (
        select(NAMES.to_vec()),
        select(TYPES.to_vec()),
        select(SUBTYPES.to_vec()),
        select(OFFSETS.to_vec()),
        select(SIZES.to_vec()),
        select(FLAGS.to_vec()),
    )
        .prop_map(|(a, b, c, d, e, f)| line([a, b, c, d, e, f]))
}

/// Small partitions, so many.
fn many(count: usize) -> Vec<Line> {
    (0..count)
        .map(|n| line([&format!("p{n}"), "data", "fat", "", "4K", ""]))
        .collect()
}

const NAMES: [&str; 14] = [
    "nvs",
    "otadata",
    "ota_0",
    "factory",
    "a",
    "",
    "sixteen_letters_",
    "seventeen_letters",
    "ünïcode",
    "two words",
    "$SLOT",
    "${SLOT}x",
    "$UNSET",
    "a$b",
];

const TYPES: [&str; 18] = [
    "app",
    "data",
    "bootloader",
    "partition_table",
    "App",
    "DATA",
    "0",
    "0x1",
    "0b10",
    "3",
    "0x40",
    "0xfe",
    "",
    "disk",
    "256",
    "-1",
    "datak",
    "0_1",
];

const SUBTYPES: [&str; 22] = [
    "ota", "nvs", "factory", "ota_3", "OTA_1", "test", "tee_0", "coredump", "tee_ota", "primary",
    "recovery", "littlefs", "", "0", "0x10", "6", "255", "256", "-2", "ota_16", "wat", "0x1f",
];

const OFFSETS: [&str; 18] = [
    "",
    "0x9000",
    "0xe000",
    "0x10000",
    "0x110000",
    "0x18000",
    "0x3ff000",
    "64K",
    "1M",
    "0x8000",
    "0",
    "-4096",
    "0x9001",
    "lots",
    "$UNSET",
    "0x100000000",
    "0xFFFFF000",
    "1_0",
];

const SIZES: [&str; 30] = [
    "4K",
    "0x2000",
    "8k",
    "0x3000",
    "1M",
    "64K",
    "0x1001",
    "0x10800",
    "68K",
    "",
    "0",
    "-0x400000",
    "-1M",
    "-0x9000",
    "-0",
    "0x100000000",
    "4095M",
    "99999999999999999999",
    "many",
    "1__0",
    "010",
    "00",
    "0x",
    "k",
    "2 K",
    "+4096",
    "0X1000",
    "$SLOT",
    "${SLOT}",
    "16M",
];

const FLAGS: [&str; 8] = [
    "",
    "encrypted",
    "readonly",
    "encrypted:readonly",
    ":",
    "Readonly",
    "hidden",
    "readonly,extra",
];
