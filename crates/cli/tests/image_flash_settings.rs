//! `updraft image flash --set`: the settings a device starts with, as the device reads them and as others do.

#[path = "www/python.rs"]
mod python;
mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use esp_nvs_partition_tool::{DataValue, EntryContent, NvsPartition};
use support::{Run, Updraft, fixture, json, repository};
use updraft_agent::Settings;
use updraft_agent::config::{Config, NAMESPACE, Setting};
use updraft_flash::nvs::Nvs;
use updraft_flash::partition::layout;
use updraft_flash::region::Region;
use updraft_protocol::api::Attributes;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

const APP: &str = "updraft-c3-1.0.0.bin";
/// Where the 4 MB table has NVS, in bytes.
const NVS: std::ops::Range<usize> = 0x9000..0xE000;

/// A setting of each kind, and what NVS has of it.
const GIVEN: [(&str, &str); 14] = [
    ("server", "updates.example:8080"),
    ("enrolment_key", "made-up-for-this-test"),
    ("poll_seconds", "60"),
    ("min_uptime_s", "0"),
    ("stability_s", "180"),
    ("wifi_ssid", "Café = Küche"),
    ("wifi_password", "correct horse \"battery\""),
    ("device_id", "bench-1"),
    ("hostname", "bench-1"),
    ("region", "eu"),
    ("site", "Building A"),
    ("group", "canary"),
    ("tags", "pump,floor 2"),
    ("utc_offset", "-03:30"),
];

fn flash(home: &Path, arguments: &[&str]) -> Run {
    let table = repository().join("firmware/partitions/4mb-two-slots.csv");
    let app = fixture(APP);
    let fixed = [
        "image",
        "flash",
        "-o",
        "flash.bin",
        "--partitions",
        table.to_str().unwrap(),
        "--app",
        &app,
    ];
    Updraft::new()
        .folder(home)
        .run(&[&fixed, arguments].concat())
}

/// Builds an image with all settings, secrets from files, and gives its NVS.
fn with_all(home: &Path) -> Vec<u8> {
    let mut arguments = Vec::new();
    for (key, value) in GIVEN {
        let secret = Setting::of_key(key).unwrap().is_secret();
        if secret {
            fs::write(home.join(key), format!("{value}\n")).unwrap();
            arguments.extend(["--set-file".to_owned(), format!("{key}={key}")]);
        } else {
            arguments.extend(["--set".to_owned(), format!("{key}={value}")]);
        }
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let run = flash(home, &arguments);
    assert_eq!((run.code, &*run.stderr), (0, ""));
    for (key, value) in GIVEN {
        if Setting::of_key(key).unwrap().is_secret() {
            assert!(!run.stdout.contains(value), "{}", run.stdout);
        }
    }
    fs::read(home.join("flash.bin")).unwrap()[NVS].to_vec()
}

/// What the device's own reader makes of an NVS.
fn read(nvs: &[u8]) -> Config {
    use embedded_storage::nor_flash::NorFlash as _;
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    flash.write(0, nvs).unwrap();
    let size = nvs.len() as u32;
    let region = Region::new(&mut flash, 0, size).unwrap();
    let mut nvs = Nvs::mount(region, size).unwrap();
    Config::read_from(&mut nvs, &mut |fault| panic!("{fault}")).unwrap()
}

#[test]
fn the_device_reads_what_was_set() {
    let home = tempfile::tempdir().unwrap();
    let config = read(&with_all(home.path()));
    assert_eq!(
        config.server.as_deref(),
        Some("http://updates.example:8080")
    );
    assert_eq!(config.wifi_ssid.as_deref(), Some("Café = Küche"));
    assert_eq!(
        config.wifi_password.as_deref(),
        Some("correct horse \"battery\"")
    );
    assert_eq!(config.hostname.as_deref(), Some("bench-1"));
    let mut settings = Settings::new("", "other".parse().unwrap(), "esp32c3".parse().unwrap());
    config.apply_to(&mut settings);
    assert_eq!(settings.server, config.server);
    assert_eq!(
        settings.enrolment_key.as_deref(),
        Some("made-up-for-this-test")
    );
    assert_eq!(settings.device_id.as_str(), "bench-1");
    assert_eq!(
        (
            settings.poll_seconds,
            settings.min_uptime_seconds,
            settings.stability_seconds
        ),
        (60, 0, 180)
    );
    let attributes = Attributes {
        region: Some("eu".to_owned()),
        site: Some("Building A".to_owned()),
        group: Some("canary".to_owned()),
        tags: vec!["pump".to_owned(), "floor 2".to_owned()],
        utc_offset_minutes: Some(-210),
    };
    assert_eq!(*settings.attributes, attributes);
}

#[test]
fn another_reader_finds_the_same() {
    let home = tempfile::tempdir().unwrap();
    let nvs = with_all(home.path());
    let parsed = NvsPartition::try_from_bytes(nvs).unwrap();
    let found: BTreeMap<String, String> = parsed
        .entries
        .iter()
        .map(|entry| {
            assert_eq!(entry.namespace, NAMESPACE);
            let value = match &entry.content {
                EntryContent::Data(DataValue::String(text)) => text.clone(),
                EntryContent::Data(DataValue::U32(seconds)) => seconds.to_string(),
                other => panic!("{}: {other:?}", entry.key),
            };
            (entry.key.clone(), value)
        })
        .collect();
    let given = GIVEN.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(found, BTreeMap::from(given));
}

#[test]
fn espressifs_generator_writes_what_reads_the_same() {
    let Some(python) = python::python() else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let mut csv = format!("key,type,encoding,value\n{NAMESPACE},namespace,,\n");
    for (key, value) in GIVEN {
        let number = value.parse::<u32>().is_ok();
        let encoding = if number { "u32" } else { "string" };
        let quoted = value.replace('"', "\"\"");
        writeln!(csv, "{key},data,{encoding},\"{quoted}\"").unwrap();
    }
    fs::write(home.path().join("settings.csv"), csv).unwrap();
    let output = Command::new(python)
        .current_dir(home.path())
        .args(["-m", "esp_idf_nvs_partition_gen", "generate"])
        .args(["settings.csv", "nvs.bin", &NVS.len().to_string()])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let theirs = fs::read(home.path().join("nvs.bin")).unwrap();
    assert!(read(&theirs) == read(&with_all(home.path())));
}

#[test]
fn the_report_names_the_keys_and_the_file_is_private() {
    let home = tempfile::tempdir().unwrap();
    let arguments = ["--set", "wifi_password=in-plain-sight", "--json"];
    let run = flash(home.path(), &arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("--set-file wifi_password=FILE"));
    assert!(!run.stderr.contains("in-plain-sight"));
    let report = json(&run.stdout);
    assert_eq!(report["settings"], serde_json::json!(["wifi_password"]));
    assert_eq!(report["parts"][3]["name"], "nvs");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name| {
            let metadata = fs::metadata(home.path().join(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_eq!(mode("flash.bin"), 0o600);
    }
}

#[test]
fn what_cannot_be_set_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(home.path().join(name), bytes).unwrap();
    write("long", "x".repeat(5000).as_bytes());
    write("binary", b"\xFF\xFE");
    let mut table = layout::two_slots_4mb().to_bytes();
    // Its first entry, NVS, becomes another kind of data: coredump.
    table[3] = 0x03;
    let without_md5 = table.iter().position(|byte| *byte == 0xEB).unwrap();
    table[without_md5..].fill(0xFF);
    write("no-nvs.bin", &table);
    let long = format!("hostname={}", "h".repeat(64));
    for (arguments, code, exit) in [
        (&["--set", &*long][..], "config_value", 2),
        (&["--set", "poll_seconds=0"], "config_value", 2),
        (&["--set", "poll_seconds=soon"], "config_value", 2),
        (&["--set", "stability_s=181"], "config_value", 2),
        (&["--set", "wifi_ssid="], "config_value", 2),
        (&["--set", "wifi_password=short"], "config_value", 2),
        (&["--set", "server=https://a.example"], "config_value", 2),
        (&["--set", "server=a.example/path"], "config_value", 2),
        (&["--set", "device_id=-1"], "config_value", 2),
        (&["--set", "site=Building A, floor 2"], "config_value", 2),
        (&["--set", "tags=pump,,floor"], "config_value", 2),
        (&["--set", "utc_offset=+14:01"], "config_value", 2),
        (&["--set", "utc_offset=3"], "config_value", 2),
        (&["--set-file", "enrolment_key=long"], "config_value", 2),
        (&["--set-file", "enrolment_key=binary"], "config_value", 2),
        (&["--set-file", "enrolment_key=none"], "file_unreadable", 4),
        (
            &["--set", "hostname=a", "--set", "hostname=b"],
            "setting_twice",
            2,
        ),
    ] {
        let run = flash(home.path(), &[arguments, &["--json"]].concat());
        assert_eq!(run.code, exit, "{arguments:?}: {}", run.stderr);
        let mut lines = run.stderr.lines();
        let error = lines.find(|line| line.contains("\"error\"")).unwrap();
        assert_eq!(json(error)["error"]["code"], code, "{arguments:?}");
        assert!(!home.path().join("flash.bin").exists(), "{arguments:?}");
    }
    let run = flash(home.path(), &["--set", "ssid=mine"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("wifi_ssid, wifi_password"),
        "{}",
        run.stderr
    );

    let app = fixture(APP);
    let arguments = [
        "image",
        "flash",
        "-o",
        "flash.bin",
        "--partitions",
        "no-nvs.bin",
        "--app",
        &app,
        "--set",
        "hostname=a",
        "--json",
    ];
    let run = Updraft::new().folder(home.path()).run(&arguments);
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert!(run.stderr.contains("no_nvs_partition"), "{}", run.stderr);
}

#[test]
fn a_device_leaves_out_what_it_cannot_use() {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    let region = Region::new(&mut flash, 0, NVS.len() as u32).unwrap();
    let mut nvs = Nvs::mount(region, NVS.len() as u32).unwrap();
    nvs.set(NAMESPACE, "server", 7_u32).unwrap();
    nvs.set(NAMESPACE, "poll_seconds", 0_u32).unwrap();
    nvs.set_str(NAMESPACE, "stability_s", "30").unwrap();
    nvs.set_str(NAMESPACE, "device_id", "no/slash").unwrap();
    nvs.set_str(NAMESPACE, "wifi_ssid", &"s".repeat(1000))
        .unwrap();
    nvs.set_str(NAMESPACE, "hostname", "kept").unwrap();
    let mut faults = Vec::new();
    let config = Config::read_from(&mut nvs, &mut |fault| {
        faults.push((fault.setting.key(), fault.code()));
    });
    let only = Config {
        hostname: Some("kept".to_owned()),
        ..Config::default()
    };
    assert_eq!(config, Ok(only));
    assert_eq!(
        faults,
        [
            ("server", "config_type"),
            ("poll_seconds", "config_value"),
            ("stability_s", "config_type"),
            ("wifi_ssid", "config_value"),
            ("device_id", "config_value"),
        ]
    );
}
