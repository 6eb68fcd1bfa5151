//! Devices that are told over MQTT, from the command line: at the broker inside the server.

mod support;

use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::server::Server;
use support::{fixture, json};

/// Longest any step may take. A failed expectation, not a measurement.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server that has devices ask once a day: whatever they do sooner, they were told to.
fn start() -> Server {
    Server::start(&["--poll-interval", "24h"])
}

fn publish(server: &Server, version: &str) {
    let file = fixture(&format!("updraft-c3-{version}.bin"));
    let run = server
        .admin()
        .run(&["release", "publish", &file, "--type", "esp32c3", "--quiet"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

fn enrolment_key(server: &Server) -> String {
    let key = std::fs::read_to_string(server.data().join("enrolment-key")).unwrap();
    key.trim().to_owned()
}

fn check_update(server: &Server, id: &str) -> Value {
    let run = server
        .admin()
        .run(&["--json", "device", "check-update", id]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    json(&run.stdout)
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// `updraft sim device`, and what it prints.
struct Device {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Device {
    fn start(server: &Server, flash: &Path, broker: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .env_clear()
            .env("UPDRAFT_SERVER", &server.url)
            .env("UPDRAFT_ENROLMENT_KEY", enrolment_key(server))
            .args(["--json", "sim", "device", "--id", "bench-1"])
            .args(["--speed", "100", "--poll", "86400", "--mqtt", broker])
            .arg("--flash")
            .arg(flash)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What it prints until a line with these words, and that line.
    fn says(&mut self, words: &str) -> Vec<Value> {
        let mut said = Vec::new();
        for line in self.lines.by_ref() {
            let line = json(&line.unwrap());
            let is_it = line["event"].as_str().unwrap().contains(words);
            said.push(line);
            if is_it {
                return said;
            }
        }
        panic!("it ended without {words:?}: {said:#?}");
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // Ended by itself where a test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn check_update_says_what_was_decided_and_what_became_of_it() {
    let server = start();
    let run = server
        .admin()
        .run(&["device", "enrol", "kitchen", "--type", "esp32c3"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let token = run.stdout.trim();
    let body = r#"{"device_type":"esp32c3","version":"1.0.0"}"#;
    let (status, answer) = server.post("/api/devices/kitchen/check-in", token, body);
    assert_eq!(status, 200, "{answer}");
    let run = server.admin().run(&["device", "check-update", "kitchen"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout
            .starts_with("there is nothing for kitchen to install\n  1. "),
        "{}",
        run.stdout
    );
    publish(&server, "1.1.0");
    let run = server.admin().run(&["device", "check-update", "kitchen"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout
            .starts_with("kitchen is to install 1.1.0, and is not connected"),
        "{}",
        run.stdout
    );
    let checked = check_update(&server, "kitchen");
    assert_eq!(checked["offer"], "1.1.0");
    assert_eq!(checked["sent"], "waits");
    assert_eq!(checked["connected"], false);
    assert!(!checked["reasons"].as_array().unwrap().is_empty());
    let run = server
        .admin()
        .run(&["--json", "device", "check-update", "nobody"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("device_not_found"), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

#[test]
fn seed_003_a_virtual_device_at_the_broker_updates_when_it_is_told() {
    let server = start();
    publish(&server, "1.0.0");
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("one.bin");
    let mut device = Device::start(&server, &flash, &server.broker);
    device.says("checked in: up to date");
    until("it is at the broker", || {
        check_update(&server, "bench-1")["connected"] == true
    });
    publish(&server, "1.1.0");
    device.says("told over MQTT to install 1.1.0");
    let said = device.says("1.1.0 is confirmed");
    let told_again = |line: &Value| line["event"].as_str().unwrap().contains("told over MQTT");
    assert!(!said.iter().any(told_again), "{said:#?}");
    drop(device);
    // It leaves a will.
    until("it is gone", || {
        check_update(&server, "bench-1")["connected"] == false
    });
}

#[test]
fn a_fleet_at_the_broker_updates_when_it_is_told() {
    let server = start();
    publish(&server, "1.0.0");
    let (key, broker) = (enrolment_key(&server), &server.broker);
    std::thread::scope(|scope| {
        let fleet = scope.spawn(|| {
            server.anybody().env("UPDRAFT_ENROLMENT_KEY", key).run(&[
                "sim",
                "fleet",
                "-n",
                "3",
                "--speed",
                "100",
                "--spread",
                "0",
                "--poll",
                "86400",
                "--mqtt",
                broker,
                "--until",
                "1.1.0",
                "--timeout",
                "60",
                "--json",
            ])
        });
        until("all are at the broker", || {
            let run = server.admin().run(&["device", "list", "--json"]);
            let list = json(&run.stdout);
            let devices = list["devices"].as_array().unwrap();
            let is_there = |device: &Value| {
                check_update(&server, device["id"].as_str().unwrap())["connected"] == true
            };
            devices.len() == 3 && devices.iter().all(is_there)
        });
        publish(&server, "1.1.0");
        let run = fleet.join().unwrap();
        assert_eq!(run.code, 0, "{}", run.stderr);
        let outcome = json(&run.stdout);
        assert_eq!(outcome["confirmed"], 3);
        assert_eq!(outcome["versions"]["1.1.0"], 3);
    });
}

/// A whole fleet that comes back at once must not find its broker's door beaten down.
#[test]
fn a_device_waits_longer_each_time_for_a_broker_that_is_away() {
    let server = start();
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("one.bin");
    // Nobody listens there.
    let mut device = Device::start(&server, &flash, "mqtt://127.0.0.1:9");
    let mut tried = Vec::new();
    for _ in 0..7 {
        let said = device.says("the MQTT broker is away");
        tried.push(said.last().unwrap()["seconds"].as_f64().unwrap());
    }
    // Seconds of the device's time, a fifth off for its jitter: it may wait longer on a busy machine, and not less.
    let waits: Vec<f64> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (wait, least) in waits.iter().zip([2.0, 4.0, 8.0, 16.0, 32.0, 32.0]) {
        assert!(*wait >= least * 0.8, "{waits:?}");
    }
}

#[test]
fn a_broker_s_url_that_is_none_is_refused_before_anything_is_made() {
    let server = start();
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("one.bin");
    let path = flash.to_str().unwrap();
    for arguments in [
        ["sim", "device", "--flash", path, "--mqtt", "localhost"],
        ["sim", "fleet", "-n", "1", "--mqtt", "http://localhost"],
        ["sim", "fleet", "-n", "1", "--mqtt", "mqtts://localhost"],
        [
            "sim",
            "fleet",
            "-n",
            "1",
            "--mqtt",
            "mqtt://me:hush@localhost",
        ],
    ] {
        let run = server
            .anybody()
            .env("UPDRAFT_ENROLMENT_KEY", enrolment_key(&server))
            .run(&arguments);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains("--mqtt"), "{}", run.stderr);
        assert!(!run.stderr.contains("hush"), "{}", run.stderr);
    }
    assert!(!flash.exists());
}
