//! What a device's own habit decides, and what is written of devices that only ask.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection, query_scalar};
use updraft_server::DeviceAuth;

use crate::fleet::{Fleet, HOUR, at_once};
use crate::support::images::c3;
use crate::support::{TestServer, start_with};

/// A device that asks every so many seconds by its own settings checks in.
async fn ask(server: &TestServer, id: &str, poll_seconds: u32) -> Value {
    let body = json!({
        "device_type": "esp32c3", "version": "1.0.0", "state": "valid", "poll_seconds": poll_seconds,
    });
    let path = format!("/api/devices/{id}/check-in");
    let response = server.post(&path, &body).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// Rows of a table, as they are on disk now.
async fn rows(server: &TestServer, table: &str) -> i64 {
    let file = server.data().join("updraft.db");
    let url = format!("sqlite://{}?mode=ro", file.display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    query_scalar(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")))
        .fetch_one(&mut database)
        .await
        .unwrap()
}

#[tokio::test]
async fn check_ins_are_written_together_and_outcomes_before_they_are_acknowledged() {
    let server = start_with(|config| {
        config.device_auth = DeviceAuth::Open;
        config.limits.write_behind = Duration::from_hours(1);
    })
    .await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    for _ in 0..5 {
        for number in 0..20 {
            ask(&server, &format!("d{number}"), 300).await;
        }
    }
    assert_eq!(
        rows(&server, "devices").await,
        0,
        "nobody waited for a disk"
    );
    let outcome = json!({
        "firmware_version": "1.1.0", "update_status": "failed", "reason": "write_failed",
    });
    let answer = server.post("/api/devices/d7/reports", &outcome).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(rows(&server, "devices").await, 1);
    assert_eq!(rows(&server, "deployments").await, 1);
    // A server that is stopped writes what it knows.
    let server = server
        .restart(|config| config.device_auth = DeviceAuth::Open)
        .await;
    assert_eq!(rows(&server, "devices").await, 20);
    let device = server.json("/api/devices/d19").await;
    assert_eq!(device["version"], "1.0.0");
}

#[tokio::test]
async fn a_device_that_asks_every_hour_is_lost_after_three_of_them() {
    let fleet = Fleet::of(0).await;
    let id = fleet.roll_out(at_once()).await;
    let reply = ask(&fleet.server, "slow", 3600).await;
    assert_eq!(reply["offer"]["version"], "1.1.0");
    fleet.report("slow", "downloading", json!({})).await;
    fleet.report("slow", "rebooting", json!({})).await;
    fleet.clock.advance(3 * HOUR - 1);
    assert_eq!(fleet.rollout(&id).await["counts"]["rebooting"], 1);
    fleet.clock.advance(1);
    fleet
        .until(&id, "three of its own intervals are over", |rollout| {
            rollout["counts"]["lost"] == 1
        })
        .await;
}

#[tokio::test]
async fn who_waits_for_a_window_is_told_to_ask_when_it_opens() {
    let fleet = Fleet::of(0).await;
    let mut plan = at_once();
    plan["window"] = json!({ "start": "03:00", "end": "05:00" });
    fleet.roll_out(plan).await;
    fleet.clock.advance(HOUR);
    // Each asks every six hours: the next of its own moments is three to nine hours away.
    let mut told = Vec::new();
    for number in 0..20 {
        let reply = ask(&fleet.server, &format!("d{number}"), 6 * 3600).await;
        assert_eq!(reply["offer"], Value::Null);
        told.push(reply["poll_after_seconds"].as_i64().unwrap());
    }
    let opens = 2 * HOUR;
    assert!(
        told.iter().all(|wait| (opens..opens + 300).contains(wait)),
        "{told:?}"
    );
    told.sort_unstable();
    told.dedup();
    assert!(told.len() > 10, "not all at once: {told:?}");
}
