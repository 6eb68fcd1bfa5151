//! The tables under `firmware/partitions` and `fixtures/partitions`: sound ones, impossible ones, and what is said of each.

use updraft_flash::partition::csv::{self, Definitions, ExtraSubtypes, Options};
use updraft_flash::partition::{LayoutFault, Rules, Severity, Table, layout};

fn read(name: &str) -> Definitions {
    read_from("fixtures", name)
}

fn read_from(folder: &str, name: &str) -> Definitions {
    let path = format!(
        "{}/../../{folder}/partitions/{name}.csv",
        env!("CARGO_MANIFEST_DIR")
    );
    let options = Options {
        primary_bootloader: Some(0),
        ..Options::default()
    };
    csv::parse(&std::fs::read(path).unwrap(), &options)
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn findings(definitions: &Definitions, flash_size: u32) -> Vec<LayoutFault> {
    let rules = Rules {
        flash_size: Some(flash_size),
        ..Rules::default()
    };
    let mut found = Vec::new();
    definitions.inspect(&rules, &mut |fault| found.push(fault));
    found
}

fn codes(findings: &[LayoutFault], severity: Severity) -> Vec<&'static str> {
    findings
        .iter()
        .filter(|fault| fault.severity() == severity)
        .map(LayoutFault::code)
        .collect()
}

#[test]
fn ready_layouts_are_the_csv_files() {
    for (name, table, size) in [
        ("4mb-two-slots", layout::two_slots_4mb(), layout::FLASH_4MB),
        ("4mb-factory", layout::factory_4mb(), layout::FLASH_4MB),
        (
            "8mb-two-slots-www",
            layout::two_slots_8mb(),
            layout::FLASH_8MB,
        ),
        (
            "16mb-three-slots-www",
            layout::three_slots_16mb(),
            layout::FLASH_16MB,
        ),
    ] {
        let definitions = read_from("firmware", name);
        assert_eq!(definitions.table(), Ok(table), "{name}");
        assert_eq!(findings(&definitions, size), [], "{name}");
    }
    let scaled = read("seed-001-4mb");
    assert_eq!(scaled.table(), Ok(layout::seed_001_4mb()));
    assert_eq!(findings(&scaled, layout::FLASH_4MB), []);
}

#[test]
fn sound_tables_have_nothing_to_be_said_of() {
    for (name, size) in [
        ("seed-000", layout::FLASH_16MB),
        ("seed-001", layout::FLASH_8MB),
        ("seed-001-layout", layout::FLASH_8MB),
        ("seed-004", layout::FLASH_4MB),
    ] {
        assert_eq!(findings(&read(name), size), [], "{name}");
    }
    // Seed 001 wants more than the usual module has.
    let small = findings(&read("seed-001"), layout::FLASH_4MB);
    assert_eq!(
        codes(&small, Severity::Fault),
        ["partition_outside_flash", "partition_outside_flash"]
    );
}

#[test]
fn seed_001_draws_a_bootloader_over_its_table() {
    let found = findings(&read("seed-001-layout-as-printed"), layout::FLASH_8MB);
    assert_eq!(
        found,
        [LayoutFault::BootloaderOverTable {
            index: 0,
            end: 0x1_0000,
            table_offset: 0x8000
        }]
    );
    assert_eq!(
        found[0].to_string(),
        "the bootloader (partition 0) ends at 0x10000; the partition table lies at 0x8000"
    );
}

#[test]
fn seed_004_is_impossible_three_times_over() {
    let found = findings(&read("seed-004-as-printed"), layout::FLASH_4MB);
    assert_eq!(
        codes(&found, Severity::Fault),
        ["partition_otadata_size", "partition_bootloader_over_table"]
    );
    assert_eq!(codes(&found, Severity::Warning), ["partition_no_nvs"]);
}

#[test]
fn every_table_survives_printing_and_the_flash() {
    let mut seen = 0;
    for top in ["firmware", "fixtures"] {
        let folder = format!("{}/../../{top}/partitions", env!("CARGO_MANIFEST_DIR"));
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "csv") {
                continue;
            }
            seen += 1;
            let name = path.file_stem().unwrap().to_str().unwrap();
            survives(&read_from(top, name).table().unwrap());
        }
    }
    assert_eq!(seen, 11);
}

fn survives(table: &Table) {
    assert_eq!(Table::parse(&table.to_bytes()).as_ref(), Ok(table));
    let text = csv::print(table, &ExtraSubtypes::new()).unwrap();
    let options = Options {
        primary_bootloader: Some(0),
        ..Options::default()
    };
    let again = csv::parse(text.as_bytes(), &options).unwrap();
    assert_eq!(again.table().as_ref(), Ok(table), "{text}");
}
