//! `updraft discover` lists what is on the network, and only what can be updated.

mod support;

use std::net::Ipv4Addr;
use std::sync::Arc;

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
use serde_json::{Value, json};
use support::{Updraft, json};
use updraft_agent::mdns::{Advertisement, serve};
use updraft_virtual_device::host::{HostClock, MulticastSocket};

/// A name no other test and no other run has in this group.
fn unique(what: &str) -> String {
    let mut random = tempfile::tempdir()
        .unwrap()
        .path()
        .to_str()
        .unwrap()
        .to_owned();
    random.retain(|c| c.is_ascii_alphanumeric());
    let end = random.len().saturating_sub(6);
    format!("{what}-{}", random[end..].to_ascii_lowercase())
}

fn advertisement(name: &str, ota_port: u16) -> Advertisement<'_> {
    Advertisement {
        hostname: name,
        instance: name,
        ipv4: Ipv4Addr::LOCALHOST,
        prefix: 8,
        http_port: 8080,
        ota_port,
        board: "esp32c3",
        version: "1.2.0",
        auth: true,
        slot: "ota_1",
        project: None,
    }
}

/// A device on 127.0.0.1, for as long as the runtime lives.
fn start(runtime: &tokio::runtime::Runtime, name: &str, ota_port: u16) {
    let name = name.to_owned();
    runtime.spawn(async move {
        let mut socket = MulticastSocket::new(Ipv4Addr::LOCALHOST).unwrap();
        let clock = HostClock::new(1, Arc::default());
        let device = || advertisement(&name, ota_port);
        serve(&mut socket, &clock, device, std::future::pending()).await;
    });
}

/// The arguments, and enough time for a machine that builds on every core.
const JSON: [&str; 6] = [
    "discover",
    "--interface",
    "127.0.0.1",
    "--timeout",
    "8s",
    "--json",
];

fn named<'j>(document: &'j Value, name: &str) -> Option<&'j Value> {
    let devices = document["devices"].as_array().unwrap();
    devices.iter().find(|device| device["name"] == name)
}

#[test]
fn devices_are_listed_and_printers_are_not() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let [one, other] = [unique("one"), unique("other")];
    start(&runtime, &one, 3232);
    start(&runtime, &other, 4242);

    // Made by another implementation: a device with Arduino's updater, and a printer.
    let [sketch, printer] = [unique("sketch"), unique("printer")];
    let daemon = ServiceDaemon::new().unwrap();
    daemon.disable_interface(IfKind::All).unwrap();
    daemon.enable_interface(IfKind::LoopbackV4).unwrap();
    for (kind, name, port, txt) in [
        (
            "_arduino._tcp.local.",
            &sketch,
            8266,
            &[("board", "nodemcu"), ("auth_upload", "no")][..],
        ),
        ("_http._tcp.local.", &printer, 631, &[("board", "none")][..]),
    ] {
        let host = format!("{name}.local.");
        let service = ServiceInfo::new(kind, name, &host, "127.0.0.1", port, txt).unwrap();
        daemon.register(service).unwrap();
    }

    let run = Updraft::new().run(&JSON);
    daemon.shutdown().unwrap().recv().unwrap();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let document = json(&run.stdout);
    assert_eq!(document["schema_version"], 1);
    for (name, port) in [(&one, 3232), (&other, 4242)] {
        let expected = json!({
            "name": name,
            "host": format!("{name}.local"),
            "addresses": ["127.0.0.1"],
            "services": ["_arduino._tcp", "_http._tcp", "_ota._tcp"],
            "http_port": 8080,
            "ota_port": port,
            "espota_port": port,
            "board": "esp32c3",
            "version": "1.2.0",
            "slot": "ota_1",
            "project": null,
            "auth": true,
        });
        assert_eq!(named(&document, name), Some(&expected));
    }
    let expected = json!({
        "name": sketch,
        "host": format!("{sketch}.local"),
        "addresses": ["127.0.0.1"],
        "services": ["_arduino._tcp"],
        "http_port": null,
        "ota_port": null,
        "espota_port": 8266,
        "board": "nodemcu",
        "version": null,
        "slot": null,
        "project": null,
        "auth": false,
    });
    assert_eq!(named(&document, &sketch), Some(&expected));
    assert_eq!(named(&document, &printer), None);
}

#[test]
fn people_get_a_table() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let name = unique("table");
    start(&runtime, &name, 3232);
    let arguments = ["discover", "--interface", "127.0.0.1", "--timeout", "8s"];
    let run = Updraft::new().run(&arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let line = run
        .stdout
        .lines()
        .find(|line| line.starts_with(&name))
        .unwrap();
    let cells: Vec<&str> = line.split_whitespace().skip(1).collect();
    assert_eq!(
        cells,
        [
            "127.0.0.1",
            "8080",
            "3232",
            "esp32c3",
            "1.2.0",
            "ota_1",
            "yes"
        ]
    );
    assert!(run.stdout.starts_with("NAME"), "{}", run.stdout);
}

/// All of 127.0.0.0/8 is this host's on Linux, but the interface's own address is 127.0.0.1 alone.
#[cfg(target_os = "linux")]
#[test]
fn nothing_found_is_said_with_what_to_look_at() {
    let run = Updraft::new().run(&["discover", "--interface", "127.0.0.2", "--timeout", "100ms"]);
    assert_eq!((run.code, run.stdout.as_str()), (5, ""));
    for words in [
        "no_devices",
        "127.0.0.2",
        "100ms",
        "subnet",
        "multicast",
        "firewall",
    ] {
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
    let run = Updraft::new().run(&[
        "discover",
        "--interface",
        "127.0.0.2",
        "--timeout",
        "100ms",
        "--json",
    ]);
    assert_eq!(run.code, 5);
    assert_eq!(json(&run.stdout)["devices"], json!([]));
    assert_eq!(json(&run.stderr)["error"]["code"], "no_devices");
}

#[test]
fn an_address_of_another_host_is_refused() {
    // An address for documentation, which no host has (RFC 5737).
    let run = Updraft::new().run(&["discover", "--interface", "203.0.113.77"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("no_interface") && run.stderr.contains("203.0.113.77"));
}

#[test]
fn a_time_without_end_is_refused() {
    for time in ["61m", "100000000000years", "soon", "-1s"] {
        let run = Updraft::new().run(&["discover", &format!("--timeout={time}")]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{time}");
    }
}
