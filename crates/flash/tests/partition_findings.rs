//! What is found in a layout: each finding, and whether it is a fault or a warning.

use updraft_flash::partition::csv::{self, Options};
use updraft_flash::partition::{
    DataKind, Entry, Kind, Label, LayoutFault, Rules, SecureBoot, Severity, Table,
};

fn findings(text: &str, rules: &Rules) -> Vec<LayoutFault> {
    let mut found = Vec::new();
    csv::parse(text.as_bytes(), &Options::default())
        .unwrap()
        .inspect(rules, &mut |fault| found.push(fault));
    found
}

/// A sound table, to put one thing wrong into.
const SOUND: &str =
    "nvs,data,nvs,0x9000,20K\notadata,data,ota,,8K\nota_0,app,ota_0,,1M\nota_1,app,ota_1,,1M\n";

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "a table of slips, each with its code"
)]
fn each_finding_has_its_severity() {
    use Severity::{Fault, Warning};
    assert_eq!(findings(SOUND, &Rules::default()), []);
    for (from, to, code, severity) in [
        (
            "ota_0,,1M",
            "ota_0,0x11000,1M",
            "partition_not_aligned",
            Fault,
        ),
        ("0x9000,20K", "0x9100,20K", "partition_not_aligned", Fault),
        (
            "ota_1,,1M",
            "ota_1,,0x10001",
            "partition_uneven_size",
            Fault,
        ),
        (
            "0x9000,20K",
            "0x9000,0x4001",
            "partition_uneven_size",
            Warning,
        ),
        (
            "ota,,8K",
            "ota,,8K,readonly",
            "partition_must_be_writable",
            Fault,
        ),
        ("0x9000,20K", "0x9000,8K", "partition_nvs_too_small", Fault),
        ("ota,,8K", "ota,,4K", "partition_otadata_size", Fault),
        ("otadata,", "nvs,", "partition_duplicate_label", Fault),
        (
            "ota_1,app,ota_1",
            "ota_1,app,ota_2",
            "partition_ota_gap",
            Warning,
        ),
        (
            "ota_1,app,ota_1",
            "again,app,ota_0",
            "partition_duplicate_app",
            Warning,
        ),
        (
            "ota_1,app,ota_1",
            "x,app,test",
            "partition_single_slot",
            Warning,
        ),
        ("ota_1,,1M", "ota_1,,2M", "partition_slot_sizes", Warning),
        (
            "ota_1,,1M",
            "ota_1,,17M",
            "partition_app_too_large",
            Warning,
        ),
        (
            "ota_1,,1M",
            "ota_1,,1M,readonly",
            "partition_slot_read_only",
            Warning,
        ),
        (
            "otadata,data,ota",
            "x,data,fat",
            "partition_no_otadata",
            Warning,
        ),
        ("nvs,data,nvs", "x,data,fat", "partition_no_nvs", Warning),
        (
            "0x9000,20K",
            "0x9000,20K,readonly",
            "partition_no_nvs",
            Warning,
        ),
        (
            "nvs,data,nvs",
            "spiffs,data,nvs",
            "partition_label_is_keyword",
            Warning,
        ),
        (
            "nvs,data,nvs",
            "app,data,nvs",
            "partition_label_is_keyword",
            Warning,
        ),
        (
            "nvs,data",
            "seventeen_letters,data",
            "partition_label_too_long",
            Warning,
        ),
        (
            "ota_1,,1M",
            "ota_1,,1M\nwww_0,data,littlefs,,1M",
            "partition_www_alone",
            Warning,
        ),
        (
            "ota_1,,1M",
            "ota_1,,1M\nwww_0,data,littlefs,,1M\nwww_1,data,littlefs,,2M",
            "partition_www_sizes",
            Warning,
        ),
        (
            "ota_1,,1M",
            "ota_1,,1M\nwww_0,data,littlefs,,1M\nwww_1,data,spiffs,,1M",
            "partition_www_kind",
            Warning,
        ),
        (
            "ota_1,,1M",
            "ota_1,,1M\nx,data,fat,,0",
            "partition_zero_size",
            Warning,
        ),
        (
            "ota_1,,1M",
            "ota_1,,1M\nx,data,ota,,8K",
            "partition_duplicate_otadata",
            Fault,
        ),
        (
            "ota_1,,1M",
            "ota_1,,1M\nx,data,tee_ota,,4K",
            "partition_otadata_size",
            Fault,
        ),
    ] {
        let text = SOUND.replacen(from, to, 1);
        assert_ne!(text, SOUND, "{from}");
        let found = findings(&text, &Rules::default());
        let fault = found.iter().find(|fault| fault.code() == code);
        let fault = fault.unwrap_or_else(|| panic!("{to:?}: {code} is not in {found:?}"));
        assert_eq!(fault.severity(), severity, "{to:?}");
        assert!(!fault.hint().is_empty() && !fault.to_string().is_empty());
    }
    for (text, code) in [
        ("nvs,data,nvs,,20K", "partition_no_app"),
        (
            "nvs,data,nvs,,20K\no,data,ota,,8K\nf,app,factory,,1M",
            "partition_no_slots",
        ),
        (
            "sixteen_letters_a,data,nvs,,20K\nsixteen_letters_b,data,fat,,4K",
            "partition_labels_clash",
        ),
    ] {
        let found = findings(text, &Rules::default());
        assert!(found.iter().any(|fault| fault.code() == code), "{found:?}");
    }
    let v1 = Rules {
        secure_boot: SecureBoot::V1,
        ..Rules::default()
    };
    let odd = SOUND.replace("ota_1,,1M", "ota_1,,1020K");
    assert!(
        findings(&odd, &v1)
            .iter()
            .any(|fault| fault.code() == "partition_uneven_size")
    );
    assert_eq!(findings(SOUND, &v1), []);
}

#[test]
fn a_table_holds_94_partitions_beside_its_md5() {
    let lines = |count: usize| {
        (0..count)
            .map(|n| format!("p{n},data,fat,,4K\n"))
            .collect::<Vec<_>>()
            .concat()
    };
    let too_many = |count| {
        let found = findings(&lines(count), &Rules::default());
        found
            .iter()
            .any(|fault| fault.code() == "partition_too_many")
    };
    assert_eq!([94, 95, 200].map(too_many), [false, true, true]);
    let table = |count| {
        let text = lines(count);
        csv::parse(text.as_bytes(), &Options::default())
            .unwrap()
            .table()
    };
    assert!(table(95).is_ok());
    assert_eq!(table(96), Err(LayoutFault::TooManyEntries { count: 96 }));
}

/// Found by fuzzing: bytes behind the NUL of one label kept two partitions of the same name from being noticed.
#[test]
fn a_name_ends_at_its_nul() {
    let mut table = Table::new();
    for (label, offset) in [
        (*b"www\0\0\0\0\0\0\0\0\0\0\0\0\0", 0x9000),
        (*b"www\0 ota_1\0\0\0\0\0\0", 0xE000),
    ] {
        let kind = Kind::Data(DataKind::LittleFs);
        table
            .push(Entry::new(Label::from_raw(label), kind, offset, 0x1000))
            .unwrap();
    }
    let mut codes = Vec::new();
    table.inspect(&Rules::default(), &mut |fault| codes.push(fault.code()));
    assert!(codes.contains(&"partition_duplicate_label"), "{codes:?}");
}
