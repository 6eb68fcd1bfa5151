//! `updraft image flash`: a whole flash image that esptool takes and the virtual device boots and serves.

#[path = "www/python.rs"]
mod python;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Updraft, fixture, json, repository};
use updraft_flash::partition::{TABLE_OFFSET, Table, layout};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_virtual_device::bootloader::{BootConfig, Efuse, boot};
use updraft_virtual_device::nor_flash::VirtualFlash;
use updraft_www::littlefs::Mount;
use updraft_www::serve::Site;

const APP: &str = "updraft-c3-1.0.0.bin";

fn table(name: &str) -> String {
    let path = repository().join("firmware/partitions").join(name);
    path.to_str().unwrap().to_owned()
}

/// Packs a small frontend for a partition of `size`.
fn www(home: &Path, size: &str) {
    fs::create_dir_all(home.join("dist")).unwrap();
    fs::write(home.join("dist/index.html"), "<p>Hello</p>".repeat(100)).unwrap();
    let run = Updraft::new()
        .folder(home)
        .run(&["www", "pack", "dist", "-o", "www.bin", "--size", size]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

fn flash(home: &Path, arguments: &[&str]) -> support::Run {
    let all = [&["image", "flash", "-o", "flash.bin"], arguments].concat();
    Updraft::new().folder(home).run(&all)
}

/// Starts the image as a device does, and gives the slot.
fn booted(image: &Path) -> (VirtualFlash, Table, Option<AppSlot>) {
    let mut flash = VirtualFlash::open(image).unwrap();
    let table = Table::read(&mut flash, TABLE_OFFSET).unwrap();
    let config = BootConfig {
        rollback: true,
        ..BootConfig::default()
    };
    let boot = boot(&mut flash, &table, &mut Efuse::default(), &config).unwrap();
    (flash, table, boot.slot)
}

#[test]
fn a_virtual_device_boots_and_serves_it() {
    let home = tempfile::tempdir().unwrap();
    www(home.path(), "1M");
    let csv = table("16mb-three-slots-www.csv");
    let run = flash(
        home.path(),
        &[
            "--partitions",
            &csv,
            "--app",
            &fixture(APP),
            "--www",
            "www.bin",
            "--json",
        ],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = json(&run.stdout);
    assert_eq!(
        (&report["chip"], &report["flash_size"]),
        (&"esp32c3".into(), &(16 << 20).into())
    );
    let parts = report["parts"].as_array().unwrap();
    let names: Vec<_> = parts
        .iter()
        .map(|part| part["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["bootloader", "partition table", "factory", "www_0"]);

    let path = home.path().join("flash.bin");
    let image = fs::read(&path).unwrap();
    assert_eq!(image.len(), 16 << 20);
    let (mut flash, found, slot) = booted(&path);
    assert_eq!(found.entries(), layout::three_slots_16mb().entries());
    assert_eq!(slot, Some(AppSlot::Factory));
    let partition = *found.find("www_0").unwrap();
    let mut region = Region::new(&mut flash, partition.offset, partition.size).unwrap();
    let mount = Mount::open(&mut region).unwrap();
    let site = Site::open(mount, &mut region).unwrap();
    assert!(site.find(&mut region, "/").unwrap().is_some());

    // All else is blank: otadata, NVS, the other slots.
    for entry in found.entries() {
        let used = matches!(entry.label.as_str(), Some("factory" | "www_0"));
        let bytes = &image[entry.offset as usize..][..entry.size as usize];
        assert_eq!(
            bytes.iter().any(|byte| *byte != 0xFF),
            used,
            "{}",
            entry.label.as_str().unwrap()
        );
    }
}

#[test]
fn without_factory_the_app_goes_into_the_first_slot() {
    let home = tempfile::tempdir().unwrap();
    // As a binary table, which gives the same bytes as its CSV.
    fs::write(
        home.path().join("table.bin"),
        layout::two_slots_4mb().to_bytes(),
    )
    .unwrap();
    let run = flash(
        home.path(),
        &["--partitions", "table.bin", "--app", &fixture(APP)],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("4 MB of flash for esp32c3"),
        "{}",
        run.stdout
    );
    let path = home.path().join("flash.bin");
    let from_binary = fs::read(&path).unwrap();
    let run = flash(
        home.path(),
        &[
            "--partitions",
            &table("4mb-two-slots.csv"),
            "--app",
            &fixture(APP),
        ],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(fs::read(&path).unwrap() == from_binary);
    assert_eq!(booted(&path).2, Some(AppSlot::Ota(0)));
}

#[test]
fn esptool_takes_bootloader_and_app() {
    let Some(python) = python::python() else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    for (app, chip, size) in [
        (APP, "esp32c3", "16M"),
        ("updraft-c6-1.0.0.bin", "esp32c6", "4M"),
    ] {
        let csv = table(if size == "4M" {
            "4mb-factory.csv"
        } else {
            "16mb-three-slots-www.csv"
        });
        let arguments = [
            "--partitions",
            &csv,
            "--app",
            &fixture(app),
            "--flash-size",
            size,
        ];
        let run = flash(home.path(), &arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let image = fs::read(home.path().join("flash.bin")).unwrap();
        let info = |name: &str, bytes: &[u8]| {
            let file = home.path().join(name);
            fs::write(&file, bytes).unwrap();
            let output = Command::new(&python)
                .args(["-m", "esptool", "--chip", chip, "image-info"])
                .arg(&file)
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{text}");
            // Checksum and hash.
            assert_eq!(text.matches("(valid)").count(), 2, "{text}");
            text
        };
        let bootloader = info("bootloader.bin", &image[..0x8000]);
        assert!(
            bootloader.contains(&format!("Flash size: {size}B")),
            "{bootloader}"
        );
        let app_size = fs::metadata(fixture(app)).unwrap().len() as usize;
        let app = info("app.bin", &image[0x2_0000..][..app_size]);
        assert!(app.contains("Application Information"), "{app}");
    }
}

#[test]
fn a_bootloader_of_ones_own_is_checked() {
    let home = tempfile::tempdir().unwrap();
    let csv = table("4mb-factory.csv");
    let own = repository().join("fixtures/bootloaders/esp32c3.bin");
    let bytes = fs::read(&own).unwrap();
    let mut flipped = bytes.clone();
    flipped[1000] ^= 1;
    let mut rehashed = bytes.clone();
    let last = rehashed.len() - 1;
    rehashed[last] ^= 1;
    let other = fs::read(repository().join("fixtures/bootloaders/esp32s3.bin")).unwrap();
    for (bytes, code) in [
        (flipped, "bootloader_checksum"),
        (rehashed, "bootloader_sha256"),
        (bytes[..5000].to_vec(), "bootloader_cut"),
        (vec![], "bootloader_cut"),
        (vec![0; 5000], "not_a_bootloader"),
        (other, "bootloader_wrong_chip"),
    ] {
        fs::write(home.path().join("own.bin"), bytes).unwrap();
        let arguments = [
            "--partitions",
            &csv,
            "--app",
            &fixture(APP),
            "--bootloader",
            "own.bin",
            "--json",
        ];
        let run = flash(home.path(), &arguments);
        assert_eq!(
            (run.code, &json(&run.stderr)["error"]["code"]),
            (6, &code.into()),
            "{}",
            run.stderr
        );
    }
    let arguments = [
        "--partitions",
        &csv,
        "--app",
        &fixture(APP),
        "--bootloader",
        own.to_str().unwrap(),
    ];
    let run = flash(home.path(), &arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let home = tempfile::tempdir().unwrap();
    www(home.path(), "64K");
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    write(
        "small.csv",
        "nvs,data,nvs,,0x5000\notadata,data,ota,,0x2000\nota_0,app,ota_0,,64K\nota_1,app,ota_1,,64K\n",
    );
    write("no-app.csv", "nvs,data,nvs,,0x5000\n");
    write("not.csv", "one two three\n");
    let mut broken = fs::read(fixture(APP)).unwrap();
    broken[5000] ^= 1;
    fs::write(home.path().join("broken.bin"), broken).unwrap();
    let (app, www_csv, plain_csv) = (
        fixture(APP),
        table("16mb-three-slots-www.csv"),
        table("4mb-factory.csv"),
    );
    for (arguments, code, exit) in [
        (
            &["--partitions", &www_csv, "--app", &app, "--www", "www.bin"][..],
            "www_block_count",
            6,
        ),
        (
            &[
                "--partitions",
                &plain_csv,
                "--app",
                &app,
                "--www",
                "www.bin",
            ],
            "no_www_partition",
            6,
        ),
        (
            &["--partitions", &www_csv, "--app", &app, "--www", &app],
            "www_partition_size",
            6,
        ),
        (
            &["--partitions", "small.csv", "--app", &app],
            "too_large",
            6,
        ),
        (
            &["--partitions", "no-app.csv", "--app", &app],
            "no_app_partition",
            6,
        ),
        (
            &["--partitions", "not.csv", "--app", &app],
            "csv_no_type",
            6,
        ),
        (
            &["--partitions", &plain_csv, "--app", "broken.bin"],
            "checksum_mismatch",
            6,
        ),
        (
            &[
                "--partitions",
                &www_csv,
                "--app",
                &app,
                "--flash-size",
                "4M",
            ],
            "partition_outside_flash",
            6,
        ),
        (
            &[
                "--partitions",
                &plain_csv,
                "--app",
                &app,
                "--flash-size",
                "3M",
            ],
            "flash_size",
            2,
        ),
        (
            &["--partitions", "nowhere", "--app", &app],
            "file_unreadable",
            4,
        ),
    ] {
        let run = flash(home.path(), &[arguments, &["--json"]].concat());
        assert_eq!(run.code, exit, "{arguments:?}: {}", run.stderr);
        let mut lines = run.stderr.lines();
        let error = lines.find(|line| line.contains("\"error\"")).unwrap();
        assert_eq!(json(error)["error"]["code"], code, "{arguments:?}");
        assert!(!home.path().join("flash.bin").exists(), "{arguments:?}");
    }
}

#[test]
fn a_frontend_for_another_size_is_named_with_both() {
    let home = tempfile::tempdir().unwrap();
    www(home.path(), "64K");
    let csv = table("16mb-three-slots-www.csv");
    let arguments = [
        "--partitions",
        &csv,
        "--app",
        &fixture(APP),
        "--www",
        "www.bin",
    ];
    let run = flash(home.path(), &arguments);
    assert!(
        run.stderr.contains("invalid block count (16 != 256)"),
        "{}",
        run.stderr
    );
}
