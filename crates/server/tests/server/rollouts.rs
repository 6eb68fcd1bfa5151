//! Seed 004's clauses on rollouts, over real HTTP, with a clock turned by hand.

use std::collections::BTreeSet;

use serde_json::json;

use crate::fleet::{BEGIN, Fleet, HOUR, at_once};
use crate::support::refusal;

#[tokio::test]
async fn seed_004_stage_2_ten_percent_a_day_half_of_the_remaining_half_a_day_everybody() {
    let fleet = Fleet::of(20).await;
    let id = fleet.roll_out(json!({})).await;
    // 10 %.
    let mut done = fleet.offered_but(&BTreeSet::new()).await;
    assert_eq!(done.len(), 2);
    fleet.confirm(&done).await;
    assert!(fleet.offered_but(&done).await.is_empty());
    // Not before the 24 hours are over.
    fleet.clock.advance(24 * HOUR - 1);
    assert!(fleet.offered_but(&done).await.is_empty());
    fleet.clock.advance(1);
    fleet.until_step(&id, 1).await;
    // 50 % of the remaining 18.
    let second = fleet.offered_but(&done).await;
    assert_eq!(second.len(), 9);
    fleet.confirm(&second).await;
    done.extend(second);
    fleet.clock.advance(12 * HOUR - 1);
    assert!(fleet.offered_but(&done).await.is_empty());
    fleet.clock.advance(1);
    fleet.until_step(&id, 2).await;
    // 100 %.
    let rest = fleet.offered_but(&done).await;
    assert_eq!(rest.len(), 9);
    fleet.confirm(&rest).await;
    let ended = fleet.until_state(&id, "completed").await;
    assert_eq!(ended["counts"]["confirmed"], 20);
}

#[tokio::test]
async fn seed_004_stage_10_reports_of_failure_halt_the_deployment() {
    let fleet = Fleet::of(20).await;
    let mut plan = at_once();
    plan["trips"] = json!([{ "kinds": ["failed"], "count": 3 }]);
    let id = fleet.roll_out(plan).await;
    let first: Vec<String> = fleet.devices[..5].to_vec();
    assert_eq!(fleet.offered_of(&first).await.len(), 5);
    for device in &first[..3] {
        assert_eq!(fleet.rollout(&id).await["state"], "running");
        // As seed 004's beacons say it.
        let body = json!({ "firmware_version": "1.1.0", "update_status": "failed", "previous_version": "1.0.0" });
        let path = format!("/api/beacons/{device}/ota_status");
        assert_eq!(fleet.server.post(&path, &body).await.status(), 200);
    }
    // Acknowledged means that it acts: nobody who asks from now on is offered anything.
    let halted = fleet.rollout(&id).await;
    assert_eq!(halted["state"], "halted");
    assert_eq!(halted["trip"]["failures"], 3);
    assert!(fleet.offered_of(&fleet.devices[5..]).await.is_empty());
    let refused = fleet
        .server
        .post(&format!("/api/rollouts/{id}/resume"), &json!({}))
        .await;
    let (status, _) = refusal(refused).await;
    assert_eq!(status, 409, "resuming what tripped wants a note");
    fleet
        .act(&id, "resume", json!({ "note": "the access point was off" }))
        .await;
    assert!(!fleet.offered_of(&fleet.devices[5..]).await.is_empty());
    let audit = fleet.server.json("/api/audit?limit=1000").await;
    let actions: Vec<&str> = audit
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["subject"] == id)
        .filter_map(|record| record["action"].as_str())
        .collect();
    for action in ["rollout.create", "rollout.start", "rollout.resume"] {
        assert!(actions.contains(&action), "{actions:?}");
    }
}

#[tokio::test]
async fn seed_004_failure_recovery_silence_after_the_reboot_is_lost_until_it_returns() {
    let fleet = Fleet::of(4).await;
    let mut plan = at_once();
    plan["trips"] = json!([{ "kinds": ["lost"], "count": 1 }]);
    let id = fleet.roll_out(plan).await;
    let device = fleet.devices[0].clone();
    assert_eq!(fleet.offer(&device).await.as_deref(), Some("1.1.0"));
    fleet.report(&device, "downloading", json!({})).await;
    fleet.report(&device, "rebooting", json!({})).await;
    fleet.clock.advance(15 * 60 - 1);
    assert_eq!(fleet.rollout(&id).await["counts"]["rebooting"], 1);
    fleet.clock.advance(1);
    let halted = fleet.until_state(&id, "halted").await;
    assert_eq!(halted["counts"]["lost"], 1);
    assert_eq!(fleet.deployment(&device).await["state"], "lost");
    // A late truth is a truth.
    fleet.confirm([&device]).await;
    assert_eq!(fleet.deployment(&device).await["state"], "confirmed");
    let counts = fleet.rollout(&id).await["counts"].clone();
    assert_eq!(
        (&counts["lost"], &counts["confirmed"]),
        (&json!(0), &json!(1))
    );
}

#[tokio::test]
async fn seed_004_failure_recovery_boot_failures_are_rolled_back_and_counted() {
    let fleet = Fleet::of(3).await;
    let id = fleet.roll_out(at_once()).await;
    let device = fleet.devices[0].clone();
    fleet.offer(&device).await;
    fleet.report(&device, "rebooting", json!({})).await;
    fleet
        .report(&device, "rolled_back", json!({ "reason": "rolled_back" }))
        .await;
    let rollout = fleet.rollout(&id).await;
    assert_eq!(rollout["counts"]["rolled_back"], 1);
    assert_eq!(fleet.offer(&device).await, None, "not a second time");
    // An operator may want it tried again.
    fleet
        .act(&id, "retry", json!({ "note": "fixed the rig" }))
        .await;
    assert_eq!(fleet.offer(&device).await.as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn seed_004_deployment_strategy_scheduled_updates_in_the_devices_own_night() {
    // Two time zones: at 03:00 UTC it is 04:00 with one, and 22:00 with the other.
    let offsets = [0, -300];
    let fleet = Fleet::with(2, |index| json!({ "utc_offset_minutes": offsets[index] })).await;
    let mut plan = at_once();
    plan["window"] = json!({ "start": "03:00", "end": "05:00" });
    fleet.roll_out(plan).await;
    let (here, there) = (fleet.devices[0].clone(), fleet.devices[1].clone());
    assert_eq!(fleet.offer(&here).await, None, "midnight");
    fleet.clock.advance(3 * HOUR);
    assert_eq!(fleet.offer(&here).await.as_deref(), Some("1.1.0"));
    assert_eq!(fleet.offer(&there).await, None, "it is 22:00 there");
    let why = fleet
        .server
        .json(&format!("/api/devices/{there}/why"))
        .await;
    assert_eq!(why["changes_at"], BEGIN + 8 * HOUR, "{why}");
    assert!(
        why.to_string().contains("its maintenance window is closed"),
        "{why}"
    );
    fleet.clock.advance(5 * HOUR);
    assert_eq!(fleet.offer(&there).await.as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn seed_004_deployment_strategy_forced_emergency_updates_ignore_the_window() {
    let fleet = Fleet::of(1).await;
    let mut plan = at_once();
    plan["window"] = json!({ "start": "03:00", "end": "05:00" });
    plan["required"] = json!(true);
    fleet.roll_out(plan).await;
    assert_eq!(
        fleet.offer(&fleet.devices[0]).await.as_deref(),
        Some("1.1.0")
    );
}

#[tokio::test]
async fn seed_004_deployment_strategy_geographic_building_by_building_and_week_by_week() {
    const WEEK: u64 = 7 * 24 * 3600;
    let sites = ["A", "A", "B", "B", "C", "D"];
    let fleet = Fleet::with(6, |index| json!({ "site": sites[index] })).await;
    let mut plan = at_once();
    plan["waves"] = json!([
        { "name": "Building A", "area": { "sites": ["A"] } },
        { "name": "Building B", "area": { "sites": ["B"] }, "not_before_s": WEEK },
        { "name": "the rest", "not_before_s": 2 * WEEK },
    ]);
    let id = fleet.roll_out(plan).await;
    let mut done = BTreeSet::new();
    for (step, places) in [vec![0, 1], vec![2, 3], vec![4, 5]].into_iter().enumerate() {
        if step > 0 {
            // Devices that were not seen for long are not waited for: these ask on.
            fleet.clock.advance(7 * 24 * HOUR - 60);
            assert!(fleet.offered_but(&done).await.is_empty(), "a minute early");
            fleet.clock.advance(60);
        }
        fleet.until_step(&id, step).await;
        let offered = fleet.offered_but(&done).await;
        let wanted: BTreeSet<String> = places
            .into_iter()
            .map(|place: usize| fleet.devices[place].clone())
            .collect();
        assert_eq!(offered, wanted, "week {}", step + 1);
        fleet.confirm(&offered).await;
        done.extend(offered);
        assert!(
            fleet.offered_but(&done).await.is_empty(),
            "week {}",
            step + 1
        );
    }
    fleet.until_state(&id, "completed").await;
}

#[tokio::test]
async fn seed_004_monitoring_success_rate_duration_failure_reasons_and_rollbacks_are_measured() {
    let fleet = Fleet::of(8).await;
    let mut plan = at_once();
    plan["trips"] = json!([{ "kinds": ["rolled_back"], "count": 1 }]);
    fleet.roll_out(plan).await;
    fleet.offered_of(&fleet.devices).await;
    fleet.clock.advance(20);
    fleet.confirm(&fleet.devices[..4]).await;
    // The seed's own three: checksum, network, flash.
    for (device, reason) in [
        (4, "checksum_mismatch"),
        (5, "connection_lost"),
        (6, "write_failed"),
    ] {
        let failed = json!({ "reason": reason });
        fleet.report(&fleet.devices[device], "failed", failed).await;
    }
    let back = json!({ "reason": "unhealthy" });
    fleet.report(&fleet.devices[7], "rolled_back", back).await;
    let text = fleet.server.get("/metrics").await.text().await.unwrap();
    let of = "device_type=\"esp32c3\",version=\"1.1.0\"";
    for line in [
        format!("updraft_fleet_success_ratio{{{of}}} 0.5"),
        format!("updraft_fleet_deployments{{{of},state=\"confirmed\"}} 4"),
        format!("updraft_fleet_failures{{{of},kind=\"failed\",reason=\"checksum_mismatch\"}} 1"),
        format!("updraft_fleet_failures{{{of},kind=\"failed\",reason=\"connection_lost\"}} 1"),
        format!("updraft_fleet_failures{{{of},kind=\"failed\",reason=\"write_failed\"}} 1"),
        format!("updraft_fleet_failures{{{of},kind=\"rolled_back\",reason=\"unhealthy\"}} 1"),
        "updraft_update_duration_seconds_bucket{le=\"15\"} 0".to_owned(),
        "updraft_update_duration_seconds_bucket{le=\"30\"} 4".to_owned(),
        "updraft_update_duration_seconds_sum 80".to_owned(),
        "updraft_update_duration_seconds_count 4".to_owned(),
        "updraft_rollouts{state=\"halted\"} 1".to_owned(),
        "updraft_rollout_halts_total 1".to_owned(),
        "updraft_deployments_total{state=\"rolled_back\"} 1".to_owned(),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}
