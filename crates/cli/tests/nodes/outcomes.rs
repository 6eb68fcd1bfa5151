//! Reports that race with the death of the node that takes them.

use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::cluster::{Cluster, NODES};
use crate::support::server::Server;
use crate::support::{self, fixture};

/// Devices that report while nodes are killed, and how many of them to a kill.
const DEVICES: usize = 60;
const TO_A_KILL: usize = 6;

/// How long a node may take to hear of a release: so many moments.
const PATIENCE: usize = 600;
const A_MOMENT: Duration = Duration::from_millis(50);

#[test]
fn a_node_killed_at_any_moment_loses_nothing_acknowledged() {
    let Some(mut cluster) = Cluster::start(&["--device-auth", "open"]) else {
        return;
    };
    let file = fixture("updraft-c3-1.1.0.bin");
    let published = cluster.ask(&["release", "publish", &file, "--type", "esp32c3"]);
    let release = published.get("release").unwrap_or(&published);
    // It runs 1.1.0, proved by the app's own ELF SHA-256.
    let report = json!({
        "firmware_version": "1.1.0",
        "update_status": "confirmed",
        "elf_sha256": release["elf_sha256"],
    })
    .to_string();
    let words = json!({ "device_type": "esp32c3", "version": "1.0.0" }).to_string();
    for device in 0..DEVICES {
        let path = format!("/api/devices/d{device}/check-in");
        // The others hear of the release a moment after the node that took it.
        let offered = (0..PATIENCE).any(|_| {
            let (status, offer) = cluster.nodes[device % NODES].post(&path, "", &words);
            assert_eq!(status, 200, "{offer}");
            let is_offered = offer.contains("1.1.0");
            if !is_offered {
                thread::sleep(A_MOMENT);
            }
            is_offered
        });
        assert!(offered, "d{device} is offered nothing");
    }
    for device in 0..DEVICES {
        let victim = (device / TO_A_KILL) % NODES;
        // In each round one node dies at a moment of its own, while devices report to it first.
        let killer = (device % TO_A_KILL == 0).then(|| {
            let pid = cluster.nodes[victim].pid().to_string();
            let moment = Duration::from_micros(u64::from(getrandom::u32().unwrap() % 20_000));
            thread::spawn(move || {
                thread::sleep(moment);
                Command::new("kill").args(["-KILL", &pid]).status().unwrap()
            })
        });
        let path = format!("/api/devices/d{device}/reports");
        // As a device does: it keeps its report until some node has acknowledged it.
        let mut at = victim;
        while !took(&cluster.nodes[at], &path, &report) {
            at = (at + 1) % NODES;
        }
        if let Some(killer) = killer {
            assert!(killer.join().unwrap().success());
            cluster.nodes[victim].kill_and_start_again();
        }
    }
    // Whatever the nodes knew in memory, one that starts now finds it all.
    cluster.nodes[0].kill_and_start_again();
    for device in 0..DEVICES {
        let id = format!("d{device}");
        let run = cluster.nodes[0]
            .with(&cluster.admin)
            .run(&["--json", "device", "show", &id]);
        assert_eq!(run.code, 0, "{id}: {}", run.stderr);
        let shown = support::json(&run.stdout);
        let state = &shown["deployments"][0]["state"];
        assert_eq!(state, "confirmed", "{id}: {shown}");
    }
}

fn took(node: &Server, path: &str, report: &str) -> bool {
    node.try_post(path, "", report)
        .is_some_and(|(status, _)| status == 200)
}
