//! A good and a bad rollout while a node is killed every few seconds.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use updraft_agent::Settings;
use updraft_flash::partition::layout;
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::fleet::{Fleet, FleetPlan, Mishaps};
use updraft_virtual_device::host::MqttBroker;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::cluster::{Cluster, NODES};
use crate::report::Report;
use crate::support::fixture;

/// Devices of the fleet.
const DEVICES: usize = 60;

/// How many times as fast as a clock their time runs.
const SPEED: u32 = 10;

/// Time between two kills.
const KILL_EVERY: Duration = Duration::from_secs(3);

/// The Mosquitto that `scripts/test-services` starts; without one, which CI does not accept, there is no test.
fn broker() -> Option<String> {
    let Ok(url) = std::env::var("UPDRAFT_TEST_MOSQUITTO") else {
        let why = "UPDRAFT_TEST_MOSQUITTO names no broker; scripts/test-services starts one";
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
        let line = format!("skipped: a fleet on three nodes: {why}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
        return None;
    };
    Some(url)
}

fn power_on(cluster: &Cluster, broker: &str) -> Fleet {
    let app = std::fs::read(fixture("updraft-c3-1.0.0.bin")).expect("a fixture");
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    manufacture(&mut flash, &layout::factory_4mb(), &app).expect("a device");
    let server = format!("http://{}", cluster.balancer.address);
    let mut settings = Settings::new(
        server,
        "nodes".parse().expect("a name"),
        "esp32c3".parse().expect("a name"),
    );
    settings.enrolment_key = Some(cluster.enrolment_key.clone());
    settings.min_uptime_seconds = 0;
    settings.poll_seconds = 20;
    Fleet::start(&FleetPlan {
        flash,
        settings,
        count: DEVICES,
        bootloader_rolls_back: true,
        mqtt: Some(MqttBroker::new(broker, None).expect("a broker's URL")),
        speed: SPEED,
        spread: Duration::from_secs(2),
        name_prefix: "n-".to_owned(),
        mishaps: Mishaps::default(),
    })
    .expect("a fleet")
}

/// Kills one node after the other, and starts each again at once.
struct Killer {
    last: Instant,
    kills: usize,
}

impl Killer {
    fn look(&mut self, cluster: &mut Cluster) {
        if self.last.elapsed() >= KILL_EVERY {
            let victim = self.kills % NODES;
            cluster.nodes[victim].kill_and_start_again();
            self.kills += 1;
            self.last = Instant::now();
        }
    }
}

/// Runs a rollout to this state while nodes are killed.
fn roll_out(cluster: &mut Cluster, killer: &mut Killer, version: &str, state: &str) -> Value {
    cluster.publish(version);
    let plan = tempfile::NamedTempFile::with_suffix(".json").expect("a file");
    let stages = json!({
        "stages": [
            {"size": {"count": 10}, "of": "total", "soak_s": 3},
            {"size": {"share_bp": 5000}, "of": "remaining", "soak_s": 3},
            {"size": {"share_bp": 10_000}, "of": "total", "soak_s": 0},
        ],
        "target": {"seen_within_s": 600},
        // A device whose node is killed under it may fail for once.
        "trips": [{"kinds": ["rolled_back"], "count": 3}],
        "gate": {"success_bp": 8000, "min_evaluated": 5},
        "timers": {"offer_s": 30, "in_progress_s": 120, "lost_min_s": 60},
        "retry": {"backoff_s": 1, "backoff_max_s": 2, "max_failures": 50},
    });
    std::fs::write(plan.path(), stages.to_string()).expect("written");
    let path = plan.path().to_str().expect("text");
    let created = cluster.ask(&["rollout", "create", "esp32c3", version, "--plan", path]);
    let id = created["id"].as_str().expect("an id").to_owned();
    cluster.ask(&["rollout", "start", &id]);
    let began = Instant::now();
    loop {
        let shown = cluster.ask(&["rollout", "show", &id]);
        if shown["state"] == state {
            return shown;
        }
        assert_eq!(shown["state"], "running", "{shown:#}");
        assert!(began.elapsed() < Duration::from_mins(5), "{shown:#}");
        killer.look(cluster);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What the audit says was done to a rollout by itself.
fn acts(cluster: &Cluster, id: &str) -> Vec<String> {
    let node = &cluster.nodes[0];
    let page = node.get("/api/audit?limit=1000", &cluster.admin);
    let page: Value = serde_json::from_str(&page).expect("JSON");
    let records = page.as_array().expect("records");
    records
        .iter()
        .filter(|record| record["subject"] == id)
        .map(|record| record["action"].as_str().expect("text").to_owned())
        .collect()
}

#[test]
fn trips_and_timers_act_exactly_once_and_the_report_adds_up_while_nodes_are_killed() {
    let Some(broker) = broker() else { return };
    let arguments = ["--poll-interval", "20s", "--mqtt", &broker];
    let Some(mut cluster) = Cluster::start(&arguments) else {
        return;
    };
    let fleet = power_on(&cluster, &broker);
    cluster.until("every device has checked in", || {
        let list = cluster.ask(&["device", "list", "--version", "1.0.0", "--limit", "1000"]);
        let there = list["devices"].as_array().map_or(0, Vec::len);
        if there == DEVICES {
            Ok(())
        } else {
            Err(format!("{there} of {DEVICES}"))
        }
    });
    let mut killer = Killer {
        last: Instant::now(),
        kills: 0,
    };

    let good = roll_out(&mut cluster, &mut killer, "1.1.0", "completed");
    let id = good["id"].as_str().expect("an id");
    let report = Report::read(&cluster.nodes[0], &cluster.admin, id);
    assert_eq!(report.states(), [("confirmed", DEVICES)].into(), "{good:#}");
    report.agrees_with(&good["counts"]);
    let done = acts(&cluster, id);
    let times = |action: &str| done.iter().filter(|done| *done == action).count();
    assert_eq!(times("rollout.complete"), 1, "{done:?}");
    assert_eq!(times("rollout.step_open"), 3, "{done:?}");

    let bad = roll_out(&mut cluster, &mut killer, "1.2.0", "halted");
    let id = bad["id"].as_str().expect("an id");
    cluster.until("all that was begun has ended", || {
        let report = Report::read(&cluster.nodes[1], &cluster.admin, id);
        if report.open() == 0 {
            Ok(())
        } else {
            Err(format!("{:?}", report.states()))
        }
    });
    let done = acts(&cluster, id);
    let times = |action: &str| done.iter().filter(|done| *done == action).count();
    assert_eq!(times("rollout.trip"), 1, "{done:?}");
    assert_eq!(times("rollout.step_open"), 1, "{done:?}");
    let tripped_at = bad["trip"]["at"].as_i64().expect("a time");
    for node in &cluster.nodes {
        // Every node says the same.
        let report = Report::read(node, &cluster.admin, id);
        assert_eq!(report.total(), DEVICES);
        assert!(report.begun() <= 10, "{:?}", report.states());
        for (device, row) in &report.rows {
            assert!(
                row.started_at.is_none_or(|at| at <= tripped_at + 1),
                "{device}: {row:?} after {tripped_at}"
            );
        }
    }
    for device in fleet.status().devices() {
        assert_eq!(device.version, "1.1.0", "{device:?}");
    }
    assert!(
        killer.kills >= NODES,
        "every node was killed: {}",
        killer.kills
    );
    let line = format!("nodes: {DEVICES} devices, {} kills\n", killer.kills);
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}
