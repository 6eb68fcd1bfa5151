//! What operators do to rollouts and devices, by its effect on who is offered what, over real HTTP.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, HOUR, at_once};
use crate::support::images::{c3, elf_sha256};
use crate::support::refusal;

/// Seed 004, monitoring: it "enables administrators to halt deployment if needed".
#[tokio::test]
async fn seed_004_monitoring_administrators_pause_resume_and_halt_a_deployment() {
    let fleet = Fleet::of(4).await;
    let id = fleet.roll_out(at_once()).await;
    let device = fleet.devices[0].clone();
    assert!(fleet.offer(&device).await.is_some());
    fleet
        .act(&id, "pause", json!({ "note": "a demo in hall 3" }))
        .await;
    let done = BTreeSet::from([device.clone()]);
    assert!(fleet.offered_but(&done).await.is_empty());
    // A pause stops nothing that was begun.
    fleet.report(&device, "downloading", json!({})).await;
    let why = fleet
        .server
        .json(&format!("/api/devices/{}/why", fleet.devices[1]))
        .await;
    assert!(why["reasons"].to_string().contains("paused"), "{why}");
    fleet.act(&id, "resume", json!({})).await;
    assert_eq!(fleet.offered_of(&fleet.devices[1..2]).await.len(), 1);
    fleet
        .act(&id, "halt", json!({ "note": "the fans whistle" }))
        .await;
    let halted = fleet.rollout(&id).await;
    assert_eq!(halted["state"], "halted");
    assert_eq!(halted["trip"]["reason"], "the fans whistle");
    assert!(fleet.offered_of(&fleet.devices[2..]).await.is_empty());
    let paused = fleet
        .server
        .post(&format!("/api/rollouts/{id}/pause"), &json!({}))
        .await;
    assert_eq!(refusal(paused).await, (409, "rollout_state".to_owned()));
}

#[tokio::test]
async fn an_operators_rollback_takes_the_confirmed_devices_back_and_nobody_else() {
    let fleet = Fleet::of(4).await;
    let id = fleet.roll_out(at_once()).await;
    let confirmed = fleet.devices[..2].to_vec();
    fleet.offered_of(&fleet.devices[..3]).await;
    fleet.confirm(&confirmed).await;
    fleet
        .act(&id, "rollback", json!({ "note": "it drifts" }))
        .await;
    assert_eq!(fleet.rollout(&id).await["state"], "halted");
    let back = |listed: &Value| -> Option<Value> {
        let mut all = listed["rollouts"].as_array().or(listed.as_array())?.iter();
        let back = all.find(|rollout| rollout["plan"]["target"]["confirmed_in"] == *id)?;
        Some(back.clone())
    };
    let listed = fleet.server.json("/api/rollouts").await;
    let back = back(&listed).unwrap_or_else(|| panic!("{listed}"));
    assert_eq!(back["version"], "1.0.0");
    assert_eq!(back["state"], "running");
    for device in &confirmed {
        assert_eq!(fleet.offer_to_new(device).await.as_deref(), Some("1.0.0"));
    }
    // The old version is no news to who still has it.
    assert!(fleet.offered_of(&fleet.devices[2..]).await.is_empty());
    // Once down, they are not sent up again.
    assert!(fleet.offered_of(&confirmed).await.is_empty());
}

#[tokio::test]
async fn a_preview_names_who_is_left_out_and_why() {
    let fleet = Fleet::with(6, |index| {
        if index == 1 {
            json!({ "slot_size": 65_536 })
        } else {
            json!({})
        }
    })
    .await;
    let held = json!({ "hold": { "reason": "on the bench" } });
    let path = format!("/api/devices/{}", fleet.devices[0]);
    assert_eq!(fleet.server.patch(&path, &held).await.status(), 200);
    // The others but one ask again after two days.
    fleet.clock.advance(48 * HOUR);
    for device in &fleet.devices[2..5] {
        assert_eq!(fleet.offer(device).await, None);
    }
    let id = fleet.draft(at_once()).await;
    let preview = fleet
        .server
        .json(&format!("/api/rollouts/{id}/preview"))
        .await;
    let counts = ["eligible", "unreachable", "incompatible", "current"].map(|name| &preview[name]);
    assert_eq!(counts, [3, 1, 2, 0].map(|count| json!(count)).each_ref());
    let why = preview["why"].as_array().unwrap();
    let mut codes: Vec<(&str, &str)> = why
        .iter()
        .map(|one| {
            let example = one["examples"][0].as_str().unwrap();
            (one["code"].as_str().unwrap(), example)
        })
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, [("kept_back", "d000"), ("too_big", "d001")]);
}

/// Excluded devices neither dilute failures nor stand for the stage's: what is done to them by hand is their own affair.
#[tokio::test]
async fn what_is_installed_by_hand_outside_the_target_counts_for_no_stage() {
    let fleet = Fleet::of(30).await;
    let mut plan = at_once();
    plan["target"] = json!({ "exclude": fleet.devices[10..] });
    plan["trips"] = json!([{ "share_bp": 2000, "min_evaluated": 10 }]);
    let id = fleet.roll_out(plan).await;
    for device in &fleet.devices[10..] {
        fleet
            .report(
                device,
                "confirmed",
                json!({ "elf_sha256": elf_sha256(&c3("1.1.0")) }),
            )
            .await;
        assert_eq!(fleet.deployment(device).await["state"], "confirmed");
    }
    let counts = fleet.rollout(&id).await["counts"].clone();
    assert_eq!(counts["confirmed"], 0, "{counts}");
    // So two of ten are a fifth.
    fleet.offered_of(&fleet.devices[..10]).await;
    fleet.confirm(&fleet.devices[..8]).await;
    for device in &fleet.devices[8..10] {
        assert_eq!(fleet.rollout(&id).await["state"], "running");
        fleet
            .report(device, "failed", json!({ "reason": "too_big" }))
            .await;
    }
    assert_eq!(fleet.rollout(&id).await["state"], "halted");
    // One of the target whose offer was forgotten counts.
    let counts = fleet.rollout(&id).await["counts"].clone();
    assert_eq!(
        (&counts["confirmed"], &counts["failed"]),
        (&json!(8), &json!(2))
    );
}

#[tokio::test]
async fn only_clients_that_can_wait_get_an_offer_before_the_window() {
    let fleet = Fleet::of(4).await;
    let mut plan = at_once();
    plan["window"] = json!({ "start": "03:00", "end": "05:00", "download_early": true });
    fleet.roll_out(plan).await;
    let get = async |path: String| -> Value {
        let response = fleet.server.bare(Method::GET, &path).send().await.unwrap();
        response.json().await.unwrap()
    };
    let of_004 = async || {
        let path = "/firmwares/latest/esp32c3?device_id=d001&version=1.0.0";
        get(path.to_owned()).await["version"].clone()
    };
    let of_002 = async || {
        let path = "/api/v1/firmware/latest?device_id=d002&version=1.0.0&device_type=esp32c3";
        get(path.to_owned()).await["available"].clone()
    };
    // At midnight ours downloads and waits; the seeds' would install at once, and are told nothing.
    let body = json!({ "device_type": "esp32c3", "version": "1.0.0", "state": "valid", "chip": "esp32c3" });
    let reply = fleet.server.post("/api/devices/d000/check-in", &body).await;
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["offer"]["version"], "1.1.0");
    assert_eq!(reply["offer"]["activate_after_seconds"], 3 * 3600);
    assert_eq!(of_004().await, "1.0.0");
    assert_eq!(of_002().await, json!(false));
    assert!(fleet.deployment("d001").await.is_null());
    fleet.clock.advance(3 * HOUR);
    assert_eq!(of_004().await, "1.1.0");
    assert_eq!(of_002().await, json!(true));
}

/// Seed 004, deployment strategy: a required update is installed "immediately regardless of schedule", and says so to the
/// device; a required release does in whatever rollout brings it.
#[tokio::test]
async fn seed_004_deployment_strategy_a_required_release_says_so_and_ignores_the_window() {
    let fleet = Fleet::of(1).await;
    let fields = [
        ("device_type", "esp32c3"),
        ("status", "testing"),
        ("required", "true"),
    ];
    fleet.server.publish_as(&fields, &c3("1.2.0")).await;
    let plan = json!({
        "stages": [{ "size": { "share_bp": 10_000 } }],
        "window": { "start": "03:00", "end": "05:00" },
    });
    let body = json!({ "device_type": "esp32c3", "version": "1.2.0", "plan": plan });
    let drafted: Value = fleet
        .server
        .post("/api/rollouts", &body)
        .await
        .json()
        .await
        .unwrap();
    fleet
        .act(drafted["id"].as_str().unwrap(), "start", json!({}))
        .await;
    let body = json!({ "device_type": "esp32c3", "version": "1.0.0", "state": "valid" });
    let reply = fleet.server.post("/api/devices/d000/check-in", &body).await;
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["offer"]["version"], "1.2.0");
    assert_eq!(reply["offer"]["required"], true);
    assert!(
        reply["offer"]["activate_after_seconds"].is_null(),
        "{reply}"
    );
}

#[tokio::test]
async fn an_update_that_takes_too_long_is_timed_out() {
    let fleet = Fleet::of(2).await;
    let mut plan = at_once();
    plan["timers"] = json!({ "in_progress_s": 1800 });
    let id = fleet.roll_out(plan).await;
    let device = fleet.devices[0].clone();
    fleet.offer(&device).await;
    fleet.report(&device, "downloading", json!({})).await;
    fleet.clock.advance(1799);
    assert_eq!(fleet.rollout(&id).await["counts"]["downloading"], 1);
    fleet.clock.advance(1);
    let rollout = fleet
        .until(&id, "the device has taken too long", |rollout| {
            rollout["counts"]["timed_out"] == 1
        })
        .await;
    assert_eq!(rollout["counts"]["downloading"], 0);
    assert_eq!(fleet.deployment(&device).await["state"], "timed_out");
}

/// A device may always say what it really runs, and the server follows.
#[tokio::test]
async fn a_device_that_was_flashed_by_hand_is_followed() {
    let fleet = Fleet::of(2).await;
    let id = fleet.roll_out(at_once()).await;
    let device = fleet.devices[0].clone();
    fleet.offer(&device).await;
    fleet.confirm([&device]).await;
    // Back to 1.0.0 over the cable: it runs that, and is to have 1.1.0 again.
    assert_eq!(fleet.offer(&device).await.as_deref(), Some("1.1.0"));
    let shown = fleet.server.json(&format!("/api/devices/{device}")).await;
    assert_eq!(shown["version"], "1.0.0");
    assert_eq!(shown["deployments"][0]["state"], "offered");
    fleet
        .until(&id, "the rollout follows", |rollout| {
            rollout["counts"]["confirmed"] == 0 && rollout["counts"]["offered"] == 1
        })
        .await;
    // Another has something that was never published.
    let body = json!({ "device_type": "esp32c3", "version": "7.7.7-lab", "elf_sha256": "ab".repeat(32), "state": "valid" });
    let other = &fleet.devices[1];
    let path = format!("/api/devices/{other}/check-in");
    let reply: Value = fleet.server.post(&path, &body).await.json().await.unwrap();
    assert_eq!(reply["offer"], Value::Null, "nothing below what it runs");
    let shown = fleet.server.json(&format!("/api/devices/{other}")).await;
    assert_eq!(shown["version"], "7.7.7-lab");
}

/// Seed 004, monitoring: how long updates take, also those that a restart of the server falls into.
#[tokio::test]
async fn seed_004_monitoring_durations_are_measured_across_a_restart() {
    let fleet = Fleet::of(1).await;
    fleet.roll_out(at_once()).await;
    fleet.offered_of(&fleet.devices).await;
    fleet.clock.advance(20);
    let fleet = fleet.restarted().await;
    fleet.clock.advance(5);
    fleet.confirm(&fleet.devices).await;
    let text = fleet.server.get("/metrics").await.text().await.unwrap();
    for line in [
        "updraft_update_duration_seconds_count 1",
        "updraft_update_duration_seconds_sum 25",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
