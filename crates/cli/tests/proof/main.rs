//! The proof: a whole fleet of virtual devices against one server, with everything going wrong at once, and the report
//! adding up to the last device.
//!
//! A twentieth of all connections break, one device in fifty is never heard of again once it resets into an update, a
//! whole site is offline, and the server is killed twice. A good release has to reach everybody else all the same; a
//! bad one has to stop by itself, with nothing offered after that.
//!
//! `make proof` runs it with ten thousand devices, from the release build; `make test` with a few hundred, or with as
//! many as `UPDRAFT_PROOF_DEVICES` says. What it measured is printed, never asserted.

#[path = "../support/mod.rs"]
mod support;

mod figures;
mod fleet;
mod report;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::server::Server;
use support::{fixture, json as parsed};

use crate::figures::Figures;
use crate::fleet::{SPEED, Sites};
use crate::report::Report;

/// Devices, unless `UPDRAFT_PROOF_DEVICES` says otherwise: enough for every rule to have something to count.
const DEVICES: usize = 300;

/// Devices for each poll a second: the more devices, the longer they wait, as an operator would have it.
const DEVICES_PER_POLL: usize = 1000;

/// Far longer than any step takes on a slow machine. A failed expectation, not a measurement.
const PATIENCE: Duration = Duration::from_mins(10);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A server, an operator, and what they have measured so far.
struct Proof {
    server: Server,
    sites: Sites,
    figures: Figures,
    devices: usize,
}

impl Proof {
    fn start(devices: usize) -> Self {
        let poll = Duration::from_secs((devices / DEVICES_PER_POLL).max(2) as u64);
        let told = poll * SPEED;
        let server = Server::start(&[
            "--poll-interval",
            &format!("{}s", told.as_secs()),
            "--log",
            "warn",
        ]);
        let sites = Sites::power_on(&server, devices, poll);
        Self {
            server,
            sites,
            figures: Figures::new(),
            devices,
        }
    }

    fn ask(&self, arguments: &[&str]) -> Value {
        let run = self.server.admin().run(&[&["--json"], arguments].concat());
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        parsed(&run.stdout)
    }

    fn publish(&self, version: &str) {
        let file = fixture(&format!("updraft-c3-{version}.bin"));
        self.ask(&[
            "release",
            "publish",
            &file,
            "--type",
            "esp32c3",
            "--testing",
        ]);
    }

    /// Creates a rollout of this plan, starts it, and returns its id.
    fn roll_out(&self, version: &str, plan: &Value) -> String {
        self.publish(version);
        let file = tempfile::NamedTempFile::with_suffix(".json").expect("a file");
        std::fs::write(file.path(), plan.to_string()).expect("written");
        let path = file.path().to_str().expect("text");
        let arguments = [
            "rollout", "create", "esp32c3", version, "--plan", path, "--start",
        ];
        let created = self.ask(&arguments);
        created["id"].as_str().expect("an id").to_owned()
    }

    fn rollout(&self, id: &str) -> Value {
        self.ask(&["rollout", "show", id])
    }

    fn report(&self, id: &str) -> Report {
        Report::read(&self.server, &self.sites.viewer, id)
    }

    /// Waits until this holds.
    fn until(&self, what: &str, holds: impl FnMut() -> bool) {
        self.until_or(what, holds, String::new);
    }

    fn until_or(&self, what: &str, mut holds: impl FnMut() -> bool, instead: impl Fn() -> String) {
        let began = Instant::now();
        while !holds() {
            assert!(
                began.elapsed() < PATIENCE,
                "{what} never came: {}\n{}",
                instead(),
                self.server.log()
            );
            std::thread::sleep(LOOK_EVERY);
        }
        figures::step(what, began.elapsed());
    }

    fn kill_the_server(&mut self) {
        self.figures.look(&self.server);
        self.server.kill_and_start_again();
    }
}

/// Seed 004's stages with waits a test can sit through, and limits for devices that never say anything again.
fn plan(devices: usize, poll: Duration) -> Value {
    // An offer, and a download, may each take many polls where connections break and two processors do it all.
    let patience = poll.as_secs() * 5 + 5;
    json!({
        // Whoever is away for longer is not waited for; a day is the default.
        "target": {"seen_within_s": poll.as_secs() * 5 + 5},
        "stages": [
            {"size": {"share_bp": 1000}, "of": "total", "soak_s": 5},
            {"size": {"share_bp": 5000}, "of": "remaining", "soak_s": 3},
            {"size": {"share_bp": 10_000}, "of": "total", "soak_s": 0},
        ],
        // What one machine can serve at once while it also is all the devices: their time runs fast, and so do their
        // patience with a slow server and with a slow download.
        "caps": {"fleet": (devices / 25).max(50)},
        // Two percent are known to fall silent; four times as many would be news.
        "trips": [{"share_bp": 800, "min_evaluated": 20}],
        "gate": {"success_bp": 9000, "min_evaluated": 20},
        "timers": {"offer_s": patience, "in_progress_s": patience * 2, "lost_min_s": poll.as_secs() * 3 + 5},
        "retry": {"backoff_s": 1, "backoff_max_s": 5, "max_failures": 20},
    })
}

#[test]
fn every_device_ends_where_the_rules_say() {
    let devices = std::env::var("UPDRAFT_PROOF_DEVICES")
        .ok()
        .map_or(DEVICES, |text| text.parse().expect("a number of devices"));
    rlimit::increase_nofile_limit(1 << 20).expect("more open files");
    let mut proof = Proof::start(devices);
    let poll = proof.sites.poll;
    proof.until("every device has checked in", || {
        let fleet = proof.server.get("/api/fleet/esp32c3", &proof.sites.viewer);
        parsed(&fleet)["versions"]["1.0.0"] == json!(devices)
    });
    let offline = proof.ask(&["device", "list", "--site", "c", "--limit", "1000"]);
    assert_eq!(
        offline["devices"].as_array().map(Vec::len),
        Some(proof.sites.offline.status().devices().len()),
        "devices say where they are"
    );
    proof.sites.offline.set_network(false);

    let plan = plan(devices, poll);
    a_good_release(&mut proof, &plan);
    a_bad_release(&mut proof, &plan);
    proof.figures.look(&proof.server);
    proof.figures.print(devices);
}

/// 1.1.0 works. It reaches everybody but the silent and the offline, although the server dies on the way.
fn a_good_release(proof: &mut Proof, plan: &Value) {
    let id = proof.roll_out("1.1.0", plan);
    let fifth = proof.devices as u64 / 5;
    let runs = |proof: &Proof| {
        let shown = proof.rollout(&id);
        assert_ne!(shown["state"], "halted", "{shown:#}");
        shown
    };
    proof.until("a fifth is confirmed", || {
        runs(proof)["counts"]["confirmed"].as_u64() >= Some(fifth)
    });
    proof.kill_the_server();
    proof.until_or(
        "1.1.0 is completed",
        || runs(proof)["state"] == "completed",
        || format!("{:#}", proof.rollout(&id)),
    );

    let shown = proof.rollout(&id);
    for step in shown["steps"].as_array().expect("steps") {
        let given: u64 = step["counts"]
            .as_object()
            .expect("counts")
            .values()
            .filter_map(Value::as_u64)
            .sum();
        assert!(
            given <= step["devices"].as_u64().expect("a size"),
            "a stage took more than it may: {step:#}"
        );
    }
    let silent = proof.sites.silent();
    let offline = proof.sites.offline.status().devices().len();
    let report = proof.report(&id);
    assert_eq!(report.total(), proof.devices, "{:?}", report.states());
    report.agrees_with(&shown["counts"]);
    for (device, row) in &report.rows {
        let wanted: &[&str] = match () {
            () if silent.contains(device) => &["lost", "timed_out"],
            () if fleet::is_offline(device) => &["waiting"],
            () => &["confirmed"],
        };
        assert!(wanted.contains(&row.state.as_str()), "{device}: {row:?}");
    }
    for device in proof.sites.online().filter(|device| !device.silent) {
        assert_eq!(device.version, "1.1.0", "{device:?}");
    }
    figures::say(&format!(
        "1.1.0: {} confirmed, {} silent, {offline} offline",
        report.states()["confirmed"],
        silent.len()
    ));
}

/// 1.2.0 panics at boot. It stops itself, and nobody is offered it after that, although the server dies on the way;
/// the site that was offline comes back and gets what is good.
fn a_bad_release(proof: &mut Proof, plan: &Value) {
    let id = proof.roll_out("1.2.0", plan);
    // Few, because it will not be many before it stops.
    proof.until("some are at it", || {
        let counts = proof.rollout(&id)["counts"].clone();
        let begun = counts.as_object().expect("counts").values();
        begun.filter_map(Value::as_u64).sum::<u64>() >= 3
    });
    proof.kill_the_server();
    proof.until_or(
        "1.2.0 has halted itself",
        || proof.rollout(&id)["state"] == "halted",
        || format!("{:#}", proof.rollout(&id)),
    );
    // An answer may be on its way still; one of a second later would have been given after the trip.
    std::thread::sleep(Duration::from_secs(1));
    let offered = proof.sites.offers_of("1.2.0");
    let tripped_at = proof.rollout(&id)["trip"]["at"].as_i64().expect("a time");

    proof.sites.offline.set_network(true);
    proof.until("the offline site runs 1.1.0", || {
        let devices = proof.sites.offline.status().devices();
        let done = |device: &fleet::DeviceStatus| device.silent || device.confirmed > 0;
        devices.iter().all(done)
    });
    proof.until_or(
        "all that was begun has ended",
        || proof.report(&id).open() == 0,
        || format!("{:?}", proof.report(&id).states()),
    );
    proof.sites.wait_for_polls(3);

    assert_eq!(
        proof.sites.offers_of("1.2.0"),
        offered,
        "1.2.0 was offered after it had halted"
    );
    let report = proof.report(&id);
    assert_eq!(report.total(), proof.devices, "{:?}", report.states());
    let shown = proof.rollout(&id);
    assert_eq!(shown["state"], "halted");
    report.agrees_with(&shown["counts"]);
    for (device, row) in &report.rows {
        if let Some(started_at) = row.started_at {
            assert!(
                started_at <= tripped_at,
                "{device}: {row:?} after {tripped_at}"
            );
        }
        let ends = [
            "waiting",
            "rolled_back",
            "lost",
            "timed_out",
            "failed",
            "cancelled",
        ];
        assert!(ends.contains(&row.state.as_str()), "{device}: {row:?}");
    }
    let first_stage = shown["steps"][0]["devices"].as_u64().expect("a size");
    let begun = report.begun() as u64;
    assert!(begun <= first_stage, "{begun} of a stage of {first_stage}");

    for device in proof.sites.everybody().filter(|device| !device.silent) {
        assert_eq!(device.version, "1.1.0", "{device:?}");
    }
    let fleet = parsed(&proof.server.get("/api/fleet/esp32c3", &proof.sites.viewer));
    let versions: BTreeMap<String, usize> =
        serde_json::from_value(fleet["versions"].clone()).expect("versions");
    assert_eq!(
        versions.values().sum::<usize>(),
        proof.devices,
        "{versions:?}"
    );
    figures::say(&format!(
        "1.2.0: halted after {} of {begun} in a stage of {first_stage} came back; now {versions:?}",
        shown["trip"]["failures"]
    ));
}
