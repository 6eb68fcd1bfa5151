//! Rehearsals over HTTP: with the fleet as it is known, and with one that is made up.

use serde_json::{Value, json};

use crate::fleet::{Fleet, HOUR, at_once};
use crate::support::refusal;

async fn rehearse(fleet: &Fleet, body: Value) -> Value {
    let response = fleet.server.post("/api/rehearsals", &body).await;
    let status = response.status();
    let report: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{report}");
    report
}

#[tokio::test]
async fn seed_004_stage_2_is_rehearsed_with_the_fleet_as_it_is_known() {
    let fleet = Fleet::of(22).await;
    // They ask every ten minutes, and the server has seen it; one has not been seen for two days.
    fleet.clock.advance(48 * HOUR);
    for _ in 0..4 {
        fleet.offered_of(&fleet.devices[1..]).await;
        fleet.clock.advance(600);
    }
    // One is held.
    let held = json!({ "hold": { "reason": "on the bench" } });
    let path = format!("/api/devices/{}", fleet.devices[1]);
    assert_eq!(fleet.server.patch(&path, &held).await.status(), 200);

    let id = fleet.draft(json!({})).await;
    let report = rehearse(&fleet, json!({ "rollout": id, "terms": { "runs": 3 } })).await;
    assert_eq!(
        (&report["devices"], &report["members"]),
        (&json!(22), &json!(20)),
        "{report:#}"
    );
    let outcome = &report["outcome"];
    assert_eq!(outcome["state"], "completed", "{report:#}");
    assert_eq!(outcome["confirmed"], 20);
    let devices: Vec<&Value> = outcome["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["devices"])
        .collect();
    // 10 %, 50 % of the remaining, 100 %.
    assert_eq!(devices, [2, 11, 20]);
    // 24 h, 12 h, and a poll of ten minutes for the last.
    let duration = outcome["duration_s"].as_i64().unwrap();
    assert!(
        (36 * HOUR..36 * HOUR + 1200).contains(&duration),
        "{duration}"
    );
    let background = outcome["background_requests_per_s"].as_f64().unwrap();
    assert!((background - 21.0 / 600.0).abs() < 1e-6, "{background}");
    assert_eq!(report["odds"]["runs"], 3);
    // Nothing was changed by it.
    assert_eq!(fleet.rollout(&id).await["state"], "draft");
    assert_eq!(fleet.offer(&fleet.devices[2]).await, None);
}

#[tokio::test]
async fn a_plan_for_a_version_is_rehearsed_with_a_made_up_fleet() {
    let fleet = Fleet::of(1).await;
    let mut plan = at_once();
    plan["trips"] = json!([{ "kinds": ["lost"], "count": 3 }]);
    plan["caps"] = json!({ "fleet": 10 });
    let body = json!({
        "device_type": "esp32c3", "version": "1.1.0", "plan": plan,
        "fleet": { "devices": 2000, "poll_s": 60, "running": "1.0.0", "sites": ["a", "b"] },
        "terms": { "bad_brick_bp": 10_000, "runs": 5 },
    });
    let report = rehearse(&fleet, body.clone()).await;
    assert_eq!(report["outcome"]["confirmed"], 2000, "{report:#}");
    let odds = &report["odds"];
    assert_eq!((&odds["halted"], &odds["chance"]), (&json!(5), &json!(1.0)));
    // Ten at a time, and those that were lost free their places at the same moment.
    assert!(odds["reached"]["most"].as_u64().unwrap() <= 20, "{odds}");
    assert_eq!(rehearse(&fleet, body).await, report, "the same again");
}

#[tokio::test]
async fn what_cannot_be_rehearsed_is_refused_in_words() {
    let fleet = Fleet::of(1).await;
    let fleet_of = |devices: u64| json!({ "device_type": "esp32c3", "version": "1.1.0", "fleet": { "devices": devices } });
    for (body, wanted) in [
        (json!({}), (400, "bad_rehearsal")),
        (json!({ "rollout": "none" }), (404, "rollout_not_found")),
        (
            json!({ "device_type": "esp32c3", "version": "9.9.9" }),
            (404, "release_not_found"),
        ),
        (fleet_of(100_001), (422, "bad_rehearsal")),
        (
            json!({
                "device_type": "esp32c3", "version": "1.1.0", "terms": { "runs": 100_000 },
            }),
            (422, "bad_rehearsal"),
        ),
        (
            json!({ "device_type": "esp32c3", "version": "1.1.0", "plan": { "stages": [] } }),
            (422, "no_stages"),
        ),
        // One place for a hundred thousand devices that ask each second: years of asking in vain.
        (
            json!({
                "device_type": "esp32c3", "version": "1.1.0", "plan": {
                    "stages": [{ "size": { "share_bp": 10_000 } }], "caps": { "fleet": 1 },
                },
                "fleet": { "devices": 100_000, "poll_s": 1 },
            }),
            (422, "rehearsal_too_long"),
        ),
    ] {
        let (status, code) = refusal(fleet.server.post("/api/rehearsals", &body).await).await;
        assert_eq!((status, code.as_str()), wanted, "{body}");
    }
}
