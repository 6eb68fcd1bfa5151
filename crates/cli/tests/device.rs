//! `updraft device` against the real server.

mod support;

use support::server::Server;
use support::{fixture, json};

fn enrol(server: &Server, id: &str) -> String {
    let run = server
        .admin()
        .run(&["device", "enrol", id, "--type", "esp32c3"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout.trim().to_owned()
}

/// What a device of the fleet says when it asks.
fn check_in(server: &Server, id: &str, token: &str, version: &str) -> serde_json::Value {
    let body = format!(
        r#"{{"device_type":"esp32c3","version":"{version}","slot":"ota_0","chip":"esp32c3"}}"#
    );
    let (status, answer) = server.post(&format!("/api/devices/{id}/check-in"), token, &body);
    assert_eq!(status, 200, "{answer}");
    json(&answer)
}

#[test]
fn enrolled_device_checks_in_and_is_shown() {
    let server = Server::start(&[]);
    let token = enrol(&server, "kitchen");
    check_in(&server, "kitchen", &token, "1.0.0");
    let shown = json(
        &server
            .admin()
            .run(&["--json", "device", "show", "kitchen"])
            .stdout,
    );
    assert_eq!(shown["version"], "1.0.0");
    assert_eq!(shown["slot"], "ota_0");
    assert_eq!(shown["enrolled"], true);
    let people = server.admin().run(&["device", "show", "kitchen"]);
    assert_eq!(people.code, 0);
    assert!(people.stdout.contains("esp32c3"), "{}", people.stdout);
}

#[test]
fn second_enrolment_replaces_the_first() {
    let server = Server::start(&[]);
    let first = enrol(&server, "kitchen");
    let second = enrol(&server, "kitchen");
    assert_ne!(first, second);
    check_in(&server, "kitchen", &second, "1.0.0");
    let body = r#"{"device_type":"esp32c3","version":"1.0.0"}"#;
    let (status, _) = server.post("/api/devices/kitchen/check-in", &first, body);
    assert_eq!(status, 401);
}

#[test]
fn offered_update_and_its_failure_are_listed() {
    let server = Server::start(&[]);
    for image in ["updraft-c3-1.0.0.bin", "updraft-c3-1.1.0.bin"] {
        let run = server
            .admin()
            .run(&["release", "publish", &fixture(image), "--type", "esp32c3"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    let token = enrol(&server, "kitchen");
    let offered = check_in(&server, "kitchen", &token, "1.0.0");
    assert_eq!(offered["offer"]["version"], "1.1.0");
    let why = json(
        &server
            .admin()
            .run(&["--json", "device", "why", "kitchen"])
            .stdout,
    );
    assert_eq!(why["offer"], "1.1.0");
    assert_eq!(why.get("rollout"), None, "it is stable, and comes directly");
    assert!(!why["reasons"].as_array().unwrap().is_empty());

    let report = r#"{"firmware_version":"1.1.0","update_status":"failed","reason":"too_big","detail":"slot of 256 KiB"}"#;
    let (status, answer) = server.post("/api/devices/kitchen/reports", &token, report);
    assert_eq!(status, 200, "{answer}");
    let failed = server.admin().run(&["device", "list", "--state", "failed"]);
    assert!(
        failed.stdout.contains("1.1.0 failed (too_big)"),
        "{}",
        failed.stdout
    );
    let confirmed = server
        .admin()
        .run(&["device", "list", "--state", "confirmed"]);
    assert_eq!(confirmed.stdout, "");
    assert_eq!(confirmed.stderr, "no such devices\n");
    let shown = server.admin().run(&["device", "show", "kitchen"]);
    assert!(shown.stdout.contains("slot of 256 KiB"), "{}", shown.stdout);
    let why = server.admin().run(&["device", "why", "kitchen"]);
    assert_eq!(why.code, 0);
    assert!(
        why.stdout.starts_with("kitchen would be offered "),
        "{}",
        why.stdout
    );
}

#[test]
fn list_filters_and_limits() {
    let server = Server::start(&[]);
    for (id, version) in [("a", "1.0.0"), ("b", "1.1.0"), ("c", "1.1.0")] {
        let token = enrol(&server, id);
        check_in(&server, id, &token, version);
    }
    let ids = |more: &[&str]| {
        let mut arguments = vec!["--json", "device", "list"];
        arguments.extend(more);
        let run = server.admin().run(&arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let list = json(&run.stdout);
        let ids: Vec<String> = list["devices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|device| device["id"].as_str().unwrap().to_owned())
            .collect();
        (ids.join(" "), list["next"].is_string())
    };
    assert_eq!(ids(&[]), ("a b c".into(), false));
    assert_eq!(ids(&["--version", "1.1.0"]), ("b c".into(), false));
    assert_eq!(ids(&["--type", "esp32"]), (String::new(), false));
    assert_eq!(ids(&["--limit", "2"]), ("a b".into(), true));
}

#[test]
fn every_page_is_fetched() {
    let server = Server::start(&["--device-auth", "open"]);
    // More than one page holds.
    let count = 620;
    for number in 0..count {
        check_in(&server, &format!("d{number:04}"), "", "1.0.0");
    }
    let list = json(&server.admin().run(&["--json", "device", "list"]).stdout);
    let devices = list["devices"].as_array().unwrap();
    assert_eq!(devices.len(), count);
    assert_eq!(devices[count - 1]["id"], "d0619");
}

#[test]
fn unknown_device_is_not_found() {
    let server = Server::start(&[]);
    for verb in ["show", "why"] {
        let run = server.admin().run(&["device", verb, "nobody"]);
        assert_eq!(run.code, 4, "{}", run.stderr);
    }
}

#[test]
fn operators_say_where_a_device_is_pin_it_and_hold_it() {
    let server = Server::start(&[]);
    for id in ["kitchen", "hall"] {
        let token = enrol(&server, id);
        check_in(&server, id, &token, "1.0.0");
    }
    let change = |arguments: &[&str]| {
        let run = server.admin().run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        json(&run.stdout)
    };
    let tagged = change(&[
        "--json",
        "device",
        "tag",
        "kitchen",
        "wall",
        "battery",
        "--region",
        "eu",
        "--site",
        "Building A",
        "--utc-offset",
        "-300",
    ]);
    assert_eq!(
        tagged["attributes"],
        serde_json::json!({
            "region": "eu", "site": "Building A", "tags": ["battery", "wall"], "utc_offset_minutes": -300,
        })
    );
    let fewer = change(&[
        "--json", "device", "tag", "kitchen", "--remove", "wall", "--clear", "region",
    ]);
    assert_eq!(fewer["attributes"]["tags"], serde_json::json!(["battery"]));
    assert_eq!(fewer["attributes"].get("region"), None);
    let nothing = server.admin().run(&["device", "tag", "kitchen"]);
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);

    let pinned = change(&["--json", "device", "pin", "kitchen", "1.1"]);
    assert_eq!(pinned["pin"], "1.1.0");
    assert_eq!(
        change(&["--json", "device", "pin", "kitchen", "--off"]).get("pin"),
        None
    );
    let held = change(&[
        "--json",
        "device",
        "hold",
        "kitchen",
        "--reason",
        "on the bench",
        "--for",
        "2d",
    ]);
    assert_eq!(held["hold"]["reason"], "on the bench");
    assert!(held["hold"]["until"].is_i64());
    let shown = server.admin().run(&["device", "show", "kitchen"]);
    assert!(shown.stdout.contains("on the bench"), "{}", shown.stdout);
    change(&["--json", "device", "hold", "kitchen", "--off"]);

    for (filter, wanted) in [
        (vec!["--tag", "battery"], vec!["kitchen"]),
        (vec!["--site", "Building A"], vec!["kitchen"]),
        (vec!["--region", "eu"], vec![]),
        (vec!["--not-seen-for", "1d"], vec![]),
        (vec!["--type", "esp32c3"], vec!["hall", "kitchen"]),
    ] {
        let list = change(&[&["--json", "device", "list"], &filter[..]].concat());
        let found: Vec<&str> = list["devices"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|device| device["id"].as_str())
            .collect();
        assert_eq!(found, wanted, "{filter:?}");
    }
}
