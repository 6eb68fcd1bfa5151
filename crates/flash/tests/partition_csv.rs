//! Partition CSVs: every way to write a value, every error with its line, printing.

use proptest::prelude::*;
use updraft_flash::partition::csv::{self, CsvError, Definitions, ExtraSubtypes, Options};
use updraft_flash::partition::{
    DataKind, Entry, FLAG_ENCRYPTED, FLAG_READONLY, Kind, Label, Rules, Table, layout,
};

fn options() -> Options<'static> {
    Options {
        variables: &|name| (name == "SLOT" || name == "S2").then(|| "64K".to_owned()),
        ..Options::default()
    }
}

fn parse(text: &str) -> Result<Definitions, CsvError> {
    csv::parse(text.as_bytes(), &options())
}

fn entries(text: &str) -> Vec<Entry> {
    let definitions = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    definitions
        .iter()
        .map(|definition| definition.entry)
        .collect()
}

/// Offset and size of each line.
fn places(text: &str) -> Vec<(u32, u32)> {
    entries(text)
        .iter()
        .map(|entry| (entry.offset, entry.size))
        .collect()
}

#[test]
fn blank_offsets_follow_on_aligned() {
    let text =
        "nvs,data,nvs,,0x5000\nphy,data,phy,,0x1001\nlog,data,0x40,,4K\nota_0,app,ota_0,,1M\n";
    assert_eq!(
        places(text),
        [
            (0x9000, 0x5000),
            (0xE000, 0x1001),
            (0x1_0000, 0x1000),
            (0x2_0000, 0x10_0000)
        ]
    );
    let moved = Options {
        table_offset: 0x1_0000,
        ..options()
    };
    let table = csv::parse(text.as_bytes(), &moved).unwrap();
    assert_eq!(table.iter().next().unwrap().entry.offset, 0x1_1000);
}

#[test]
fn numbers_are_as_python_reads_them() {
    for (text, value) in [
        ("4096", 4096),
        ("+4096", 4096),
        ("0x1000", 4096),
        ("0X10_00", 4096),
        ("0o10000", 4096),
        ("0b1_0000_0000_0000", 4096),
        ("0x_1000", 4096),
        ("4_096", 4096),
        ("4k", 4096),
        ("4 K", 4096),
        ("0x4K", 4096),
        ("1kk", 1 << 20),
        ("3M", 3 << 20),
        ("-0x10000", 0x1_0000 - 0x9000),
        ("-64K", 0x1_0000 - 0x9000),
        ("00", 0),
        ("-0", 0),
    ] {
        let line = format!("a,data,fat,0x9000,{text}");
        assert_eq!(places(&line), [(0x9000, value)], "{text}");
    }
    for text in [
        "k", "0x", "1__0", "_1", "1_", "010", "0_1", "- 4", "--4", "4.0", "1e3", "4G", "0xg", "٤",
        "0b2", "0o8", "0x__1",
    ] {
        let error = parse(&format!("a,data,fat,0x9000,{text}")).unwrap_err();
        assert_eq!(error.fault.code(), "csv_not_a_number", "{text}");
        assert_eq!(error.line, Some(1));
    }
}

#[test]
fn types_and_subtypes_go_by_name_and_by_number() {
    for (text, bytes) in [
        ("app,factory", (0, 0)),
        ("APP,OTA_15", (0, 0x1F)),
        ("App,Test", (0, 0x20)),
        ("app,tee_1", (0, 0x31)),
        ("data,littlefs", (1, 0x83)),
        ("data,tee_ota", (1, 0x90)),
        ("data,", (1, 6)),
        ("1,2", (1, 2)),
        ("0x40,0x07", (0x40, 7)),
        ("0xFE,", (0xFE, 6)),
        ("65,0b11", (65, 3)),
        ("data,my_fs", (1, 0x41)),
    ] {
        let mut extra = ExtraSubtypes::new();
        extra.add("data, My_FS, 41").unwrap();
        let options = Options {
            extra_subtypes: &extra,
            ..Options::default()
        };
        let line = format!("a,{text},,64K");
        let read = csv::parse(line.as_bytes(), &options).unwrap();
        let entry = read.iter().next().unwrap().entry;
        assert_eq!(entry.kind.to_bytes(), bytes, "{text}");
    }
}

#[test]
fn own_subtypes_are_checked() {
    let mut extra = ExtraSubtypes::new();
    for (text, code) in [
        ("data, nvs2", "subtype_malformed"),
        ("data, nvs2, zz", "subtype_malformed"),
        ("data, nvs2, 100", "subtype_malformed"),
        ("data, , 41", "subtype_malformed"),
        ("disk, nvs2, 41", "subtype_unknown_type"),
        ("data, nvs2, 0x02", "subtype_duplicate"),
    ] {
        assert_eq!(extra.add(text).unwrap_err().code(), code, "{text}");
    }
    extra.add("data, one, 0x41").unwrap();
    let error = extra.add("data, two, 0x41").unwrap_err();
    assert_eq!(error.code(), "subtype_duplicate");
    let line = "a,data,one,0x9000,4K,\n";
    let options = Options {
        extra_subtypes: &extra,
        ..Options::default()
    };
    let table = csv::parse(line.as_bytes(), &options)
        .unwrap()
        .table()
        .unwrap();
    assert!(csv::print(&table, &extra).unwrap().ends_with(line));
}

#[test]
fn encodings_comments_and_line_ends() {
    let text =
        "# Name, $NOT_A_VARIABLE\r\n\r\n  # more\nnvs,data,nvs,0x9000,20K,\u{2028}ü,data,fat,,4K";
    let expected = parse(text).unwrap();
    assert_eq!(expected.len(), 2);
    let second = expected.iter().nth(1).unwrap();
    assert_eq!((second.line, second.name.as_str()), (5, "ü"));
    let utf_16: Vec<u16> = text.encode_utf16().collect();
    let utf_32: Vec<u32> = text.chars().map(u32::from).collect();
    let bytes = |mark: &[u8], rest: Vec<u8>| [mark, &rest].concat();
    for marked in [
        bytes(b"\xEF\xBB\xBF", text.into()),
        bytes(
            b"\xFF\xFE",
            utf_16.iter().flat_map(|w| w.to_le_bytes()).collect(),
        ),
        bytes(
            b"\xFE\xFF",
            utf_16.iter().flat_map(|w| w.to_be_bytes()).collect(),
        ),
        bytes(
            b"\xFF\xFE\0\0",
            utf_32.iter().flat_map(|w| w.to_le_bytes()).collect(),
        ),
        bytes(
            b"\0\0\xFE\xFF",
            utf_32.iter().flat_map(|w| w.to_be_bytes()).collect(),
        ),
    ] {
        assert_eq!(csv::parse(&marked, &options()), Ok(expected.clone()));
    }
    for broken in [
        &b"nvs,\xFF"[..],
        b"\xFF\xFEa",
        b"\xFF\xFE\x00\xD8",
        b"\0\0\xFE\xFF\0\x11\0\0",
    ] {
        let error = csv::parse(broken, &options()).unwrap_err();
        assert_eq!((error.fault.code(), error.line), ("csv_not_text", None));
    }
}

#[test]
fn variables_are_replaced() {
    assert_eq!(places("a,data,fat,0x9000,$SLOT,"), [(0x9000, 0x1_0000)]);
    assert_eq!(places("a,data,fat,0x9000,${S2}"), [(0x9000, 0x1_0000)]);
    assert_eq!(
        parse("a$,data,fat,,4K")
            .unwrap()
            .iter()
            .next()
            .unwrap()
            .name,
        "a$"
    );
    for text in [
        "$NOPE,data,fat,,4K",
        "a,data,fat,,$SLOTS",
        "a,data,fat,,${}",
    ] {
        let error = parse(&format!("\n{text}")).unwrap_err();
        assert_eq!(error.fault.code(), "csv_unknown_variable", "{text}");
        assert_eq!(error.line, Some(2));
    }
}

#[test]
fn flags_are_joined_by_colons() {
    for (text, flags) in [
        ("", 0),
        (":", 0),
        ("encrypted", FLAG_ENCRYPTED),
        ("readonly:encrypted", FLAG_ENCRYPTED | FLAG_READONLY),
    ] {
        let line = format!("a,data,fat,,4K,{text},ignored");
        assert_eq!(entries(&line)[0].flags, flags);
    }
}

#[test]
fn bootloaders_and_tables_have_places_of_their_own() {
    let options = Options {
        primary_bootloader: Some(0x1000),
        recovery_bootloader: Some(0x3F_0000),
        ..Options::default()
    };
    let text = "bl,bootloader,primary,0x123,7\npt,partition_table,primary,,\nnvs,data,nvs,,20K\n\
                bl2,bootloader,ota,,,\npt2,partition_table,ota,,\nrec,bootloader,recovery,,\n";
    let read = csv::parse(text.as_bytes(), &options).unwrap();
    let places: Vec<_> = read
        .iter()
        .map(|d| (d.entry.offset, d.entry.size))
        .collect();
    assert_eq!(
        places,
        [
            (0x1000, 0x7000),
            (0x8000, 0x1000),
            (0x9000, 0x5000),
            (0xE000, 0x7000),
            (0x1_5000, 0x1000),
            (0x3F_0000, 0x7000)
        ]
    );
    assert_eq!(read.iter().next().unwrap().stated_size, Some(7));
}

/// What the tool refuses while it reads, and our code for it.
#[test]
fn errors_name_line_value_and_remedy() {
    for (text, code, line) in [
        ("a", "csv_no_type", 1),
        ("# c\n\na,,nvs,,4K", "csv_no_type", 3),
        ("a,app,,,1M", "csv_no_subtype", 1),
        ("a,data,fat,,", "csv_no_size", 1),
        ("a,data,fat,,4K,Encrypted", "csv_unknown_flag", 1),
        ("a,data,fat,,4K,encrypted: readonly", "csv_unknown_flag", 1),
        ("a,data,fat,zero,4K", "csv_not_a_number", 1),
        ("a,data,fat,,lots", "csv_not_a_number", 1),
        ("a,64,nvs,,4K", "csv_not_a_number", 1),
        ("a,disk,nvs,,4K", "csv_unknown_keyword", 1),
        ("a,app,nvs,,1M", "csv_unknown_keyword", 1),
        ("a,300,0,,4K", "csv_out_of_range", 1),
        ("a,-1,0,,4K", "csv_out_of_range", 1),
        ("a,data,256,,4K", "csv_out_of_range", 1),
        ("a,data,datak,,4K", "csv_unknown_keyword", 1),
        ("a,data,fat,,4096M", "csv_out_of_range", 1),
        ("a,data,fat,99999999999999999999,4K", "csv_out_of_range", 1),
        ("a,bootloader,primary,0,", "csv_no_primary_bootloader", 1),
        ("a,bootloader,ota,,", "csv_no_primary_bootloader", 1),
        ("a,bootloader,recovery,,", "csv_no_recovery_bootloader", 1),
        ("a,data,fat,0x8000,4K", "csv_on_table", 1),
        ("a,data,fat,-4K,4K", "csv_on_table", 1),
        ("a,data,fat,,8K\nb,data,fat,0xa000,4K", "csv_overlap", 2),
        ("a,data,fat,,-0x8000", "csv_ends_before_it_begins", 1),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.fault.code(), code, "{text:?}");
        assert_eq!(error.line, Some(line), "{text:?}");
        assert!(error.to_string().starts_with(&format!("line {line}: ")));
        assert!(!error.fault.hint().is_empty());
    }
    let after = Options {
        primary_bootloader: Some(0x8000),
        ..Options::default()
    };
    let error = csv::parse(b"", &after).unwrap_err();
    assert_eq!(error.fault.code(), "csv_bootloader_after_table");
    assert_eq!(
        parse("a,data,wat,,4K").unwrap_err().to_string(),
        "line 1: unknown subtype \"wat\"; known are ota, phy, nvs, coredump, nvs_keys, efuse, \
         undefined, esphttpd, fat, spiffs, littlefs, tee_ota"
    );
}

#[test]
fn printed_as_the_tool_prints() {
    let text = csv::print(&layout::two_slots_4mb(), &ExtraSubtypes::new()).unwrap();
    assert_eq!(
        text,
        "# ESP-IDF Partition Table\n# Name, Type, SubType, Offset, Size, Flags\n\
         nvs,data,nvs,0x9000,20K,\notadata,data,ota,0xe000,8K,\nphy_init,data,phy,0x10000,4K,\n\
         ota_0,app,ota_0,0x20000,1920K,\nota_1,app,ota_1,0x200000,1920K,\n"
    );
}

#[test]
fn what_a_csv_cannot_say_is_refused() {
    let print = |label: &[u8], flags| {
        let mut raw = [0; 16];
        raw[..label.len()].copy_from_slice(label);
        let kind = Kind::Data(DataKind::Fat);
        let mut table = Table::new();
        table
            .push(Entry {
                flags,
                ..Entry::new(Label::from_raw(raw), kind, 0x9000, 0x1000)
            })
            .unwrap();
        csv::print(&table, &ExtraSubtypes::new()).map_err(|error| error.code())
    };
    assert!(
        print(b"fine", 3)
            .unwrap()
            .ends_with("fine,data,fat,0x9000,4K,encrypted:readonly\n")
    );
    for label in [&b"a,b"[..], b"a\nb", b" a", b"#a", b"$HOME", b"\xFF"] {
        assert_eq!(print(label, 0), Err("csv_label"), "{label:?}");
    }
    assert_eq!(print(b"a", 4), Err("csv_flags"));
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(
        entries in prop::collection::vec(
            ("[a-z_]{0,16}", any::<u8>(), any::<u8>(), 0..64_u32, 0..0x40_0000_u32, 0..4_u32), 1..20,
        ),
    ) {
        let mut table = Table::new();
        let mut end: u32 = 0x9000;
        for (label, type_byte, subtype, gap, size, flags) in entries {
            // Bootloaders and tables lie where they must, not where they are printed.
            if matches!(type_byte, 2 | 3) {
                continue;
            }
            let entry = Entry {
                flags,
                ..Entry::new(
                    Label::new(&label).unwrap(), Kind::from_bytes(type_byte, subtype), end + gap, size,
                )
            };
            end = end + gap + size;
            table.push(entry).unwrap();
        }
        let text = csv::print(&table, &ExtraSubtypes::new()).unwrap();
        prop_assert_eq!(parse(&text).unwrap().table(), Ok(table));
    }

    #[test]
    fn any_bytes_are_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = csv::parse(&bytes, &options());
    }

    #[test]
    fn any_line_is_a_partition_or_an_error(
        lines in prop::collection::vec("[a-z0-9_,$#: kKmMx-]{0,40}|a,(data|app|1),(nvs|0|),-?[0-9a-fx_kM]{0,20},-?[0-9a-fx_kM]{0,20}", 0..6),
    ) {
        if let Ok(definitions) = parse(&lines.join("\n")) {
            definitions.inspect(&Rules::default(), &mut |_| ());
        }
    }
}
