//! What a report does to a device's way to a release.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::images::{c3, elf_sha256};
use crate::support::{TestServer, refusal, start, start_open};

/// A server with 1.0.0 and 1.1.0, and a device that was offered 1.1.0.
async fn offered() -> TestServer {
    let server = start().await;
    server.publish("esp32c3", &c3("1.0.0")).await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    check_in(&server, json!({ "version": "1.0.0" })).await;
    assert_eq!(deployment(&server).await["state"], "offered");
    server
}

async fn check_in(server: &TestServer, mut body: Value) -> Value {
    body["device_type"] = json!("esp32c3");
    let response = server.post("/api/devices/d/check-in", &body).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

async fn report(server: &TestServer, body: Value) {
    let response = server.post("/api/devices/d/reports", &body).await;
    assert_eq!(response.status(), 200);
}

async fn say(server: &TestServer, status: &str) -> String {
    report(
        server,
        json!({ "firmware_version": "1.1.0", "update_status": status }),
    )
    .await;
    deployment(server).await["state"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn deployment(server: &TestServer) -> Value {
    server.json("/api/devices/d").await["deployments"][0].clone()
}

#[tokio::test]
async fn states_move_on_and_never_back() {
    let server = offered().await;
    for (status, stands) in [
        ("downloading", "downloading"),
        ("STARTED", "downloading"),
        ("downloaded", "downloaded"),
        ("downloading", "downloaded"),
        ("rebooting", "rebooting"),
        ("IN_PROGRESS", "rebooting"),
        ("failed", "failed"),
        ("downloading", "failed"),
        ("rebooting", "failed"),
    ] {
        assert_eq!(say(&server, status).await, stands, "after {status}");
    }
}

#[tokio::test]
async fn success_without_proof_is_a_claim() {
    let server = offered().await;
    assert_eq!(say(&server, "SUCCESS").await, "downloaded");
    // A proof that something else runs is none.
    let wrong = json!({
        "firmware_version": "1.1.0", "update_status": "confirmed", "elf_sha256": elf_sha256(&c3("1.0.0")),
    });
    report(&server, wrong).await;
    assert_eq!(deployment(&server).await["state"], "downloaded");
    assert_eq!(server.json("/api/devices/d").await["version"], "1.0.0");
    let right = json!({
        "firmware_version": "1.1.0", "update_status": "confirmed", "elf_sha256": elf_sha256(&c3("1.1.0")),
    });
    report(&server, right).await;
    assert_eq!(deployment(&server).await["state"], "confirmed");
}

#[tokio::test]
async fn a_check_in_with_the_new_elf_proves_it_unless_on_trial() {
    let server = offered().await;
    say(&server, "rebooting").await;
    let elf = elf_sha256(&c3("1.1.0"));
    check_in(
        &server,
        json!({ "version": "1.0.0", "elf_sha256": elf_sha256(&c3("1.0.0")), "state": "valid" }),
    )
    .await;
    assert_eq!(
        deployment(&server).await["state"],
        "rolled_back",
        "it was about to start the new app, and the old one asks"
    );
    for state in ["pending_verify", "fallback", "something_new"] {
        check_in(
            &server,
            json!({ "version": "1.1.0", "elf_sha256": elf, "state": state }),
        )
        .await;
        assert_eq!(deployment(&server).await["state"], "rolled_back", "{state}");
    }
    check_in(
        &server,
        json!({ "version": "1.1.0", "elf_sha256": elf, "state": "valid" }),
    )
    .await;
    assert_eq!(deployment(&server).await["state"], "confirmed");
}

#[tokio::test]
async fn failures_keep_their_reason_and_are_counted_once_a_try() {
    let server = offered().await;
    let failed = json!({
        "firmware_version": "1.1.0", "update_status": "failed", "reason": "checksum_mismatch",
        "detail": "x".repeat(600), "previous_version": "1.0.0",
    });
    for _ in 0..3 {
        report(&server, failed.clone()).await;
    }
    let stands = deployment(&server).await;
    assert_eq!(stands["state"], "failed");
    assert_eq!(stands["reason"], "checksum_mismatch");
    assert_eq!(stands["failures"], 1, "the same word three times");
    assert_eq!(stands["detail"].as_str().unwrap().len(), 512);
    // Worth another try; the next failure counts.
    let reply = check_in(&server, json!({ "version": "1.0.0" })).await;
    assert_eq!(reply["offer"]["version"], "1.1.0");
    assert_eq!(deployment(&server).await["state"], "offered");
    report(&server, failed).await;
    assert_eq!(deployment(&server).await["failures"], 2);
}

#[tokio::test]
async fn a_rolled_back_release_is_not_offered_again() {
    let server = offered().await;
    say(&server, "rebooting").await;
    report(&server, json!({
        "firmware_version": "1.1.0", "update_status": "failed", "reason": "unhealthy", "detail": "no Wi-Fi",
    })).await;
    // The old app is back and adds its word, without a reason of its own.
    assert_eq!(say(&server, "rolled_back").await, "rolled_back");
    let stands = deployment(&server).await;
    assert_eq!(
        (&stands["reason"], &stands["failures"]),
        (&json!("unhealthy"), &json!(1))
    );
    assert_eq!(
        check_in(&server, json!({ "version": "1.0.0" })).await["offer"],
        Value::Null
    );
    let why = server.json("/api/devices/d/why").await;
    assert_eq!(why["offer"], Value::Null);
    assert_eq!(
        why["reasons"][0],
        "1.1.0 is newer, but it failed here before: unhealthy"
    );
    let fleet = server.json("/api/fleet/esp32c3").await;
    assert_eq!(fleet["reasons"], json!({ "1.1.0": { "unhealthy": 1 } }));
    // Measured truth beats every report: it runs after all.
    let elf = elf_sha256(&c3("1.1.0"));
    check_in(
        &server,
        json!({ "version": "1.1.0", "elf_sha256": elf, "state": "valid" }),
    )
    .await;
    assert_eq!(deployment(&server).await["state"], "confirmed");
}

#[tokio::test]
async fn what_was_proven_is_undone_by_proof_only() {
    let server = offered().await;
    let elf = elf_sha256(&c3("1.1.0"));
    check_in(
        &server,
        json!({ "version": "1.1.0", "elf_sha256": elf, "state": "valid" }),
    )
    .await;
    for status in [
        "failed",
        "rolled_back",
        "rejected",
        "success",
        "downloading",
    ] {
        assert_eq!(say(&server, status).await, "confirmed", "after {status}");
    }
    report(
        &server,
        json!({
            "firmware_version": "1.1.0", "update_status": "rolled_back", "reason": "fallback",
            "elf_sha256": elf_sha256(&c3("1.0.0")),
        }),
    )
    .await;
    assert_eq!(deployment(&server).await["state"], "rolled_back");
}

#[tokio::test]
async fn reports_about_the_unknown_are_kept() {
    let server = start_open().await;
    server.publish("esp32c3", &c3("1.0.0")).await;
    let unknown = json!({ "firmware_version": "7.7.7", "update_status": "success" });
    let response = server
        .post("/api/beacons/stranger/ota_status", &unknown)
        .await;
    assert_eq!(response.status(), 200);
    let device = server.json("/api/devices/stranger").await;
    assert_eq!(device["version"], "7.7.7");
    assert_eq!(device["device_type"], "unknown");
    assert_eq!(device.get("deployments"), None);
    let server = server.restart(|_| {}).await;
    let why = server.json("/api/devices/stranger/why").await;
    assert_eq!(
        why["reasons"][0],
        "nothing was ever published for device type unknown"
    );
    assert_eq!(
        why["reasons"][1],
        "its last report named no known release: 7.7.7 confirmed"
    );
    // A stranger whose version exists for one type only is of that type.
    let known = json!({ "firmware_version": "1.0.0", "update_status": "failed" });
    server.post("/api/beacons/other/ota_status", &known).await;
    let device = server.json("/api/devices/other").await;
    assert_eq!(device["device_type"], "esp32c3");
    assert_eq!(device["deployments"][0]["state"], "failed");
}

#[tokio::test]
async fn bad_reports_are_named() {
    let server = start().await;
    let token = server.enrol("d", "esp32c3").await;
    let send = async |path: &str, body: &str| {
        let request = server.bare(Method::POST, path).bearer_auth(&token);
        refusal(request.body(body.to_owned()).send().await.unwrap()).await
    };
    let fine = r#"{"firmware_version":"1.0.0","update_status":"success"}"#;
    let long = format!(
        r#"{{"firmware_version":"1.0.0","update_status":"failed","detail":"{}"}}"#,
        "x".repeat(5000)
    );
    for (path, body, wanted) in [
        ("/api/devices/d/reports", "", (400, "bad_json")),
        ("/api/devices/d/reports", "{}", (400, "bad_json")),
        (
            "/api/devices/d/reports",
            r#"{"firmware_version":"1.0.0","update_status":"odd"}"#,
            (400, "bad_json"),
        ),
        (
            "/api/devices/d/reports",
            long.as_str(),
            (413, "body_too_large"),
        ),
        ("/api/devices/a%20b/reports", fine, (400, "bad_device_id")),
        ("/api/devices/other/reports", fine, (403, "not_your_device")),
        (
            "/api/beacons/other/ota_status",
            fine,
            (403, "not_your_device"),
        ),
    ] {
        let (status, code) = send(path, body).await;
        assert_eq!((status, code.as_str()), wanted, "{path} {body:.60}");
    }
}

#[tokio::test]
async fn a_claim_undoes_no_failure() {
    let server = offered().await;
    report(
        &server,
        json!({ "firmware_version": "1.1.0", "update_status": "rolled_back", "reason": "rolled_back" }),
    )
    .await;
    for claim in [
        json!({ "firmware_version": "1.1.0", "update_status": "success" }),
        json!({
            "firmware_version": "1.1.0", "update_status": "confirmed",
            "elf_sha256": elf_sha256(&c3("1.0.0")),
        }),
    ] {
        report(&server, claim).await;
        let deployment = deployment(&server).await;
        assert_eq!(deployment["state"], "rolled_back");
        assert_eq!(deployment["reason"], "rolled_back");
    }
    let reply = check_in(&server, json!({ "version": "1.0.0" })).await;
    assert_eq!(reply["offer"], Value::Null, "it is not tried a second time");
    let why = server.json("/api/devices/d/why").await.to_string();
    assert!(why.contains("it failed here before"), "{why}");
    assert!(!why.contains("nothing published is newer"), "{why}");
}

#[tokio::test]
async fn a_blocked_release_is_not_named_even_to_who_runs_it() {
    let server = start_open().await;
    let release = server.publish("esp32c3", &c3("1.1.0")).await;
    let path = "/firmwares/latest/esp32c3?version=1.1.0";
    assert_eq!(server.get(path).await.status(), 200);
    let block = format!("/api/releases/{}/block", release["id"].as_str().unwrap());
    let blocked = server.post(&block, &json!({ "reason": "bad" })).await;
    assert_eq!(blocked.status(), 200);
    assert_eq!(server.get(path).await.status(), 404);
    assert_eq!(
        server.get(&format!("{path}&device_id=d")).await.status(),
        404
    );
}

#[tokio::test]
async fn an_id_that_contradicts_the_report_makes_no_deployment() {
    let server = offered().await;
    let releases = server.json("/api/releases").await;
    let id_of = |device_type: &str, version: &str, releases: &Value| {
        let list = releases["releases"].as_array().unwrap();
        let found = list
            .iter()
            .find(|r| r["device_type"] == device_type && r["version"] == version);
        found.unwrap()["id"].clone()
    };
    let other_version = id_of("esp32c3", "1.0.0", &releases);
    server.publish("beacon", &c3("1.1.0")).await;
    let releases = server.json("/api/releases").await;
    let other_type = id_of("beacon", "1.1.0", &releases);
    for id in [&other_version, &other_type] {
        let body = json!({
            "firmware_id": id, "firmware_version": "1.1.0", "update_status": "failed",
        });
        report(&server, body).await;
        let device = server.json("/api/devices/d").await;
        let deployments = device["deployments"].as_array().unwrap();
        assert_eq!(deployments.len(), 1, "{device}");
        assert_eq!(deployments[0]["state"], "offered", "{device}");
    }
    let right = id_of("esp32c3", "1.1.0", &releases);
    let body =
        json!({ "firmware_id": right, "firmware_version": "1.1.0", "update_status": "failed" });
    report(&server, body).await;
    assert_eq!(deployment(&server).await["state"], "failed");
}

#[tokio::test]
async fn a_report_of_an_unknown_version_is_told_until_the_next_that_is_understood() {
    let server = offered().await;
    report(
        &server,
        json!({ "firmware_version": "7.7.7", "update_status": "failed" }),
    )
    .await;
    let why = server.json("/api/devices/d/why").await.to_string();
    assert!(why.contains("7.7.7"), "{why}");
    say(&server, "downloading").await;
    let why = server.json("/api/devices/d/why").await.to_string();
    assert!(!why.contains("7.7.7"), "{why}");
}
