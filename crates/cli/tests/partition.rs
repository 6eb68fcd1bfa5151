//! `updraft partition` on the tables under `fixtures/partitions`, on binary tables and on flash images.

mod support;

use support::{Run, Updraft, json};

fn run(arguments: &[&str]) -> Run {
    let folder = support::repository().join("fixtures/partitions");
    Updraft::new()
        .folder(&folder)
        .run(&[&["partition"], arguments].concat())
}

/// A file of this run, and its path.
fn file(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

#[test]
fn show_prints_what_the_csv_leaves_blank() {
    let shown = run(&["show", "seed-001-layout.csv", "--bootloader-offset", "0"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    insta::assert_snapshot!(shown.stdout, @r"
    NAME             TYPE             SUBTYPE  OFFSET    END       SIZE    FLAGS
    bootloader       bootloader       primary  0x0       0x8000    32 KiB  -
    partition_table  partition_table  primary  0x8000    0x9000    4 KiB   -
    nvs              data             nvs      0x9000    0xe000    20 KiB  -
    otadata          data             ota      0xe000    0x10000   8 KiB   -
    phy_init         data             phy      0x10000   0x11000   4 KiB   -
    factory          app              factory  0x20000   0x220000  2 MiB   -
    ota_0            app              ota_0    0x220000  0x420000  2 MiB   -
    ota_1            app              ota_1    0x420000  0x620000  2 MiB   -
    ");
    let shown = run(&[
        "show",
        "../../firmware/partitions/4mb-two-slots.csv",
        "--json",
    ]);
    let report = json(&shown.stdout);
    assert_eq!(report["source"], "csv");
    assert_eq!(report["partitions"][3]["offset"], 0x2_0000);
    assert_eq!(report["partitions"][3]["subtype"], "ota_0");
}

#[test]
fn sound_tables_pass() {
    let checked = run(&["check", "seed-001.csv", "--flash-size", "8M"]);
    assert_eq!((checked.code, &*checked.stderr), (0, ""));
    assert_eq!(
        checked.stdout,
        "seed-001.csv: ok, 6 partitions, 6.12 MiB of flash or more\n"
    );
    for name in ["seed-000", "seed-004", "seed-001-4mb"] {
        let report = run(&["check", "--json", &format!("{name}.csv")]);
        assert_eq!(
            json(&report.stdout)["findings"],
            serde_json::json!([]),
            "{name}"
        );
    }
}

#[test]
fn impossible_tables_say_exactly_why() {
    let printed = run(&[
        "check",
        "seed-001-layout-as-printed.csv",
        "--bootloader-offset",
        "0",
    ]);
    assert_eq!(printed.code, 6);
    insta::assert_snapshot!(printed.stdout, @r"
    fault[partition_bootloader_over_table]: bootloader (line 3): the bootloader (partition 0) ends at 0x10000; the partition table lies at 0x8000
        help: Leave the bootloader's size blank, or move the table up (CONFIG_PARTITION_TABLE_OFFSET) and everything after it.
    ");
    insta::assert_snapshot!(printed.stderr, @r"
    error[partition_bootloader_over_table]: seed-001-layout-as-printed.csv: bootloader (line 3): the bootloader (partition 0) ends at 0x10000; the partition table lies at 0x8000
    help: Leave the bootloader's size blank, or move the table up (CONFIG_PARTITION_TABLE_OFFSET) and everything after it.
    ");
    let printed = run(&[
        "check",
        "seed-004-as-printed.csv",
        "--bootloader-offset",
        "0",
    ]);
    assert_eq!(printed.code, 6);
    insta::assert_snapshot!(printed.stdout, @r"
    fault[partition_otadata_size]: otadata (line 7): otadata (partition 4) has 0x10000 bytes; it must have 0x2000
        help: Give it 0x2000 (8K): two sectors, a record in each.
    fault[partition_bootloader_over_table]: bootloader (line 3): the bootloader (partition 0) ends at 0x10000; the partition table lies at 0x8000
        help: Leave the bootloader's size blank, or move the table up (CONFIG_PARTITION_TABLE_OFFSET) and everything after it.
    warning[partition_no_nvs]: there is no NVS partition the updater could write to
        help: Add: nvs, data, nvs, , 0x5000
    ");
    insta::assert_snapshot!(printed.stderr, @r"
    error[partition_otadata_size]: seed-004-as-printed.csv: 2 faults in the table
    help: Give it 0x2000 (8K): two sectors, a record in each.
    ");
}

#[test]
fn check_as_json_tells_faults_from_warnings() {
    let text = "nvs,data,nvs,,20K\nota_1,app,ota_1,,1M,readonly\notadata,data,ota,,4K\n";
    let checked = Updraft::new().stdin(text.as_bytes()).run(&[
        "partition",
        "check",
        "-",
        "--json",
        "--flash-size",
        "1M",
    ]);
    assert_eq!(checked.code, 6);
    let report = json(&checked.stdout);
    assert_eq!(report["valid"], false);
    let findings: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            (
                found["severity"].as_str().unwrap(),
                found["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        findings,
        [
            ("fault", "partition_outside_flash"),
            ("fault", "partition_outside_flash"),
            ("fault", "partition_otadata_size"),
            ("warning", "partition_slot_read_only"),
            ("warning", "partition_ota_gap"),
            ("warning", "partition_single_slot"),
        ]
    );
    assert_eq!(report["findings"][2]["partitions"][0], "otadata");
    assert_eq!(report["findings"][2]["lines"][0], 3);
    let error = &json(&checked.stderr)["error"];
    assert_eq!(
        (&error["code"], &error["exit_code"]),
        (&"partition_outside_flash".into(), &6.into())
    );
}

#[test]
fn secure_boot_v1_wants_larger_units() {
    let text = b"nvs,data,nvs,,20K\nfactory,app,factory,,1020K\n";
    let check = |options: &[&str]| {
        let arguments = [&["partition", "check", "-"], options].concat();
        Updraft::new().stdin(text).run(&arguments).code
    };
    assert_eq!(check(&[]), 0);
    assert_eq!(check(&["--secure", "v2"]), 0);
    assert_eq!(check(&["--secure", "v1"]), 6);
}

#[test]
fn a_csv_that_cannot_be_read_names_its_line() {
    let refused = Updraft::new()
        .stdin(b"nvs,data,nvs,,20K\nota_0,app,ota_0,,$SIZE\n")
        .run(&["partition", "show", "-"]);
    assert_eq!(refused.code, 6);
    insta::assert_snapshot!(refused.stderr, @r#"
    error[csv_unknown_variable]: stdin: line 2: unknown variable "SIZE"
    help: Set the variable, or write the value.
    "#);
    let set = Updraft::new()
        .env("SIZE", "1M")
        .stdin(b"nvs,data,nvs,,20K\nota_0,app,ota_0,,$SIZE\n")
        .run(&["partition", "show", "-", "--json"]);
    assert_eq!(json(&set.stdout)["partitions"][1]["size"], 1 << 20);
    let missing = run(&["show", "seed-001-layout.csv"]);
    assert_eq!(missing.code, 6);
    assert!(
        missing.stderr.contains("csv_no_primary_bootloader"),
        "{}",
        missing.stderr
    );
    assert_eq!(run(&["show", "nowhere.csv"]).code, 4);
    assert_eq!(
        run(&["show", "--extra-subtype", "data,x", "seed-001.csv"]).code,
        2
    );
}

#[test]
fn csv_to_binary_to_flash_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let [binary, flash, again] = ["t.bin", "flash.bin", "t.csv"].map(|name| file(&folder, name));
    let built = run(&[
        "build",
        "../../firmware/partitions/16mb-three-slots-www.csv",
        "-o",
        &binary,
        "--json",
    ]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    assert_eq!(json(&built.stdout)["size"], 0xC00);
    let table = std::fs::read(&binary).unwrap();
    assert_eq!(table.len(), 0xC00);

    let mut image = vec![0xFF; 0x2_0000];
    image[0x1_0000..0x1_0C00].copy_from_slice(&table);
    std::fs::write(&flash, &image).unwrap();
    let shown = run(&["show", &flash, "--offset", "0x10000", "--json"]);
    assert_eq!(json(&shown.stdout)["source"], "flash");
    // Without the offset there is no table, and nothing else it could be.
    let lost = run(&["show", "--flash", &flash]);
    assert_eq!(lost.code, 6);
    assert!(
        lost.stderr.contains("partition_table_empty"),
        "{}",
        lost.stderr
    );

    let printed = run(&["build", &binary]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    assert!(
        printed
            .stdout
            .contains("\nwww_1,data,littlefs,0x920000,1M,\n")
    );
    assert_eq!(run(&["build", &binary, "-o", &again]).code, 0);
    let same = run(&[
        "diff",
        &again,
        "../../firmware/partitions/16mb-three-slots-www.csv",
    ]);
    assert_eq!((same.code, &*same.stdout), (0, "the tables are the same\n"));
    assert_eq!(std::fs::read_to_string(&again).unwrap(), printed.stdout);
    // The same text as CSV to CSV, which puts a CSV in order.
    let normal = run(&[
        "build",
        "../../firmware/partitions/16mb-three-slots-www.csv",
        "--to",
        "csv",
    ]);
    assert_eq!(normal.stdout, printed.stdout);
}

#[test]
fn a_table_with_a_fault_is_not_built() {
    let folder = tempfile::tempdir().unwrap();
    let output = file(&folder, "t.bin");
    let refused = run(&[
        "build",
        "seed-004-as-printed.csv",
        "--bootloader-offset",
        "0",
        "-o",
        &output,
    ]);
    assert_eq!(refused.code, 6);
    assert!(
        refused.stderr.contains("partition_otadata_size"),
        "{}",
        refused.stderr
    );
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    // Too small a flash is known only when it is said.
    let small = ["build", "seed-001.csv", "--flash-size", "4M", "-o", &output];
    assert_eq!(run(&small).code, 6);
    assert_eq!(run(&["build", "seed-001.csv"]).code, 2);
    let nowhere = file(&folder, "none/t.bin");
    assert_eq!(run(&["build", "seed-001.csv", "-o", &nowhere]).code, 1);
    assert_eq!(
        run(&["build", "seed-001.csv", "--no-md5", "-o", &output]).code,
        0
    );
    let checked = run(&["check", &output, "--json"]);
    let report = json(&checked.stdout);
    assert_eq!((checked.code, &report["source"]), (0, &"binary".into()));
    assert_eq!(report["findings"][0]["code"], "partition_no_md5");
}

#[test]
fn diff_goes_by_names() {
    let differ = run(&[
        "diff",
        "seed-001.csv",
        "../../firmware/partitions/4mb-two-slots.csv",
    ]);
    assert_eq!(differ.code, 0);
    insta::assert_snapshot!(differ.stdout, @r"
    - factory: app/factory, 0x200000 bytes at 0x20000, flags -
    ~ ota_0: offset 0x220000 -> 0x20000, size 0x200000 -> 0x1e0000
    ~ ota_1: offset 0x420000 -> 0x200000, size 0x200000 -> 0x1e0000
    ");
    let report = json(
        &run(&[
            "diff",
            "seed-001.csv",
            "../../firmware/partitions/4mb-two-slots.csv",
            "--json",
        ])
        .stdout,
    );
    assert_eq!(report["same"], false);
    assert_eq!(report["removed"][0]["label"], "factory");
    assert_eq!(report["changed"][0]["after"]["offset"], 0x2_0000);
}

#[test]
fn damaged_tables_and_other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let binary = file(&folder, "t.bin");
    assert_eq!(run(&["build", "seed-001.csv", "-o", &binary]).code, 0);
    let mut bytes = std::fs::read(&binary).unwrap();
    bytes[5] ^= 1;
    let damaged = Updraft::new()
        .stdin(&bytes)
        .run(&["partition", "show", "-"]);
    assert_eq!(damaged.code, 6);
    assert!(
        damaged.stderr.contains("partition_md5_mismatch"),
        "{}",
        damaged.stderr
    );
    for bytes in [&bytes[..100], b"\x7fELF\xFF", &vec![b'a'; 2 << 20]] {
        let refused = Updraft::new()
            .stdin(bytes)
            .run(&["partition", "check", "-", "--json"]);
        assert_eq!((refused.code, &*refused.stdout), (6, ""));
        let error = &json(&refused.stderr)["error"];
        assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
    }
}
