//! What rollouts do for their operators and devices, over real HTTP, with a clock turned by hand.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::fleet::{BEGIN, Fleet, HOUR, at_once};
use crate::support::refusal;

#[tokio::test]
async fn after_a_restart_a_rollout_goes_on_exactly() {
    let mut fleet = Fleet::of(20).await;
    let id = fleet.roll_out(json!({})).await;
    let first = fleet.offered_but(&BTreeSet::new()).await;
    fleet.confirm(&first).await;
    let before = fleet.rollout(&id).await;
    fleet = fleet.restarted().await;
    assert_eq!(fleet.rollout(&id).await, before);
    assert!(fleet.offered_but(&first).await.is_empty());
    // Time that passed while nobody looked counts.
    fleet.clock.advance(24 * HOUR);
    fleet = fleet.restarted().await;
    fleet.until_step(&id, 1).await;
    assert_eq!(fleet.offered_but(&first).await.len(), 9);
}

#[tokio::test]
async fn a_rollout_is_counted_before_it_starts() {
    let fleet = Fleet::with(
        10,
        |index| json!({ "site": if index < 4 { "A" } else { "B" } }),
    )
    .await;
    fleet.confirm(&fleet.devices[9..]).await;
    let id = fleet
        .draft(json!({ "target": { "sites": ["B"], "exclude": ["d008"] } }))
        .await;
    let counted = fleet
        .server
        .json(&format!("/api/rollouts/{id}/preview"))
        .await;
    for (name, devices) in [
        ("eligible", 4),
        ("current", 1),
        ("outside", 4),
        ("excluded", 1),
        ("unreachable", 0),
        ("incompatible", 0),
    ] {
        assert_eq!(counted[name], devices, "{name}: {counted}");
    }
}

#[tokio::test]
async fn every_device_of_the_target_is_in_exactly_one_row() {
    let fleet = Fleet::of(12).await;
    let id = fleet.roll_out(at_once()).await;
    fleet.confirm(&fleet.devices[..3]).await;
    fleet.offered_of(&fleet.devices[3..7]).await;
    fleet
        .report("d003", "failed", json!({ "reason": "too_big" }))
        .await;
    fleet.report("d004", "downloading", json!({})).await;
    let mut rows = std::collections::BTreeMap::new();
    let mut path = format!("/api/rollouts/{id}/devices?limit=5");
    loop {
        let page = fleet.server.json(&path).await;
        for row in page["devices"].as_array().unwrap() {
            let known = rows.insert(
                row["device_id"].as_str().unwrap().to_owned(),
                row["state"].as_str().unwrap().to_owned(),
            );
            assert_eq!(known, None, "{row}");
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/rollouts/{id}/devices?limit=5&after={next}");
    }
    assert_eq!(rows.keys().cloned().collect::<Vec<_>>(), fleet.devices);
    let count = |state: &str| rows.values().filter(|row| *row == state).count();
    assert_eq!(
        (count("failed"), count("downloading"), count("offered")),
        (1, 1, 2),
        "{rows:?}"
    );
}

#[tokio::test]
async fn those_confirmed_are_taken_back_to_the_last_good_release() {
    let fleet = Fleet::of(4).await;
    let mut plan = at_once();
    plan["trips"] = json!([{ "kinds": ["rolled_back"], "count": 1, "action": "rollback" }]);
    let id = fleet.roll_out(plan).await;
    let good: Vec<String> = fleet.devices[..2].to_vec();
    let bad = fleet.devices[2].clone();
    fleet.offered_of(&fleet.devices).await;
    fleet.confirm(&good).await;
    fleet.report(&bad, "rebooting", json!({})).await;
    fleet
        .report(&bad, "rolled_back", json!({ "reason": "unhealthy" }))
        .await;
    let halted = fleet.until_state(&id, "halted").await;
    assert_eq!(halted["trip"]["action"], "rollback");
    let list = fleet.server.json("/api/rollouts").await;
    let back = list["rollouts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rollout| rollout["plan"]["target"]["confirmed_in"] == id)
        .unwrap();
    assert_eq!(back["version"], "1.0.0");
    assert_eq!(back["plan"]["allow_downgrade"], true);
    for device in &good {
        assert_eq!(
            fleet.offer_to_new(device).await.as_deref(),
            Some("1.0.0"),
            "{device}"
        );
    }
    assert_eq!(fleet.offer(&bad).await, None, "it never ran the bad one");
    let restarted = fleet.restarted().await;
    let list = restarted.server.json("/api/rollouts").await;
    assert_eq!(
        list["rollouts"].as_array().unwrap().len(),
        2,
        "what has to hold is done once more, and made once"
    );
}

#[tokio::test]
async fn only_so_many_are_under_way_in_all_and_at_a_site() {
    let fleet = Fleet::with(
        8,
        |index| json!({ "site": if index < 6 { "A" } else { "B" } }),
    )
    .await;
    let mut plan = at_once();
    plan["caps"] = json!({ "fleet": 3, "site": 2 });
    let id = fleet.roll_out(plan).await;
    let first = fleet.offered_of(&fleet.devices).await;
    assert_eq!(first.len(), 3, "{first:?}");
    let at_a = first.iter().filter(|id| id.as_str() < "d006").count();
    assert!(at_a <= 2, "{first:?}");
    assert!(fleet.offered_but(&first).await.is_empty());
    // Who is through makes room, and so does who failed.
    let done = first.iter().next().unwrap().clone();
    fleet.confirm([&done]).await;
    assert_eq!(fleet.offered_but(&first).await.len(), 1);
    let fleet = fleet.restarted().await;
    let mut under_way = 0;
    for device in &fleet.devices {
        let state = fleet.deployment(device).await["state"].clone();
        under_way += usize::from(state == "offered");
    }
    assert_eq!(under_way, 3);
    assert_eq!(fleet.rollout(&id).await["counts"]["offered"], 3);
}

#[tokio::test]
async fn an_offer_that_nothing_came_of_frees_its_place_and_is_no_failure() {
    let fleet = Fleet::of(2).await;
    let mut plan = at_once();
    plan["caps"] = json!({ "fleet": 1 });
    let id = fleet.roll_out(plan).await;
    let (first, second) = (fleet.devices[0].clone(), fleet.devices[1].clone());
    assert!(fleet.offer(&first).await.is_some());
    assert_eq!(fleet.offer(&second).await, None);
    let why = fleet
        .server
        .json(&format!("/api/devices/{second}/why"))
        .await;
    assert_eq!(why["offer"], Value::Null, "{why}");
    let why = why.to_string();
    assert!(why.contains("are under way (1)"), "{why}");
    fleet.clock.advance(HOUR);
    fleet.until_no_deployment(&first).await;
    assert!(fleet.offer(&second).await.is_some());
    let counts = fleet.rollout(&id).await["counts"].clone();
    assert_eq!(
        (&counts["failed"], &counts["timed_out"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test]
async fn a_person_opens_the_next_stage_where_the_plan_says_so() {
    let fleet = Fleet::of(10).await;
    let plan = json!({
        "stages": [{ "size": { "count": 1 } }, { "size": { "share_bp": 10_000 } }],
        "advance": "manual",
    });
    let id = fleet.roll_out(plan).await;
    let first = fleet.offered_of(&fleet.devices).await;
    assert_eq!(first.len(), 1);
    let path = format!("/api/rollouts/{id}/advance");
    let early = fleet.server.post(&path, &json!({})).await;
    assert_eq!(refusal(early).await, (409, "gate_not_passed".to_owned()));
    fleet.confirm(&first).await;
    fleet
        .until(&id, "it waits for a person", |rollout| {
            rollout["waiting"]["for"] == "advance"
        })
        .await;
    assert!(fleet.offered_but(&first).await.is_empty());
    fleet
        .act(&id, "advance", json!({ "note": "looks well" }))
        .await;
    assert_eq!(fleet.offered_but(&first).await.len(), 9);
    let twice = fleet
        .server
        .post(&format!("/api/rollouts/{id}/start"), &json!({}))
        .await;
    assert_eq!(refusal(twice).await, (409, "rollout_state".to_owned()));
}

#[tokio::test]
async fn plans_that_are_not_sound_are_refused() {
    let fleet = Fleet::of(0).await;
    for (plan, code) in [
        (json!({ "stages": [] }), "no_stages"),
        (
            json!({ "stages": [{ "size": { "share_bp": 100 } }] }),
            "last_stage_not_all",
        ),
        (json!({ "trips": [{}] }), "trip_without_limit"),
        (
            json!({ "gate": { "success_bp": 10_001 } }),
            "share_out_of_range",
        ),
        (
            json!({ "target": { "versions": "new ones" } }),
            "versions_unreadable",
        ),
    ] {
        let body = json!({ "device_type": "esp32c3", "version": "1.1.0", "plan": plan });
        let refused = fleet.server.post("/api/rollouts", &body).await;
        assert_eq!(refusal(refused).await, (422, code.to_owned()), "{plan}");
    }
    let body = json!({ "device_type": "esp32c3", "version": "9.9.9" });
    let refused = fleet.server.post("/api/rollouts", &body).await;
    assert_eq!(
        refusal(refused).await,
        (404, "release_not_found".to_owned())
    );
    let odd = json!({ "device_type": "esp32c3", "version": "1.1.0", "plan": { "stges": [] } });
    let refused = fleet.server.post("/api/rollouts", &odd).await;
    assert_eq!(refusal(refused).await, (400, "bad_json".to_owned()));
    let unknown = fleet.server.get("/api/rollouts/none").await;
    assert_eq!(
        refusal(unknown).await,
        (404, "rollout_not_found".to_owned())
    );
}

#[tokio::test]
async fn a_held_device_gets_nothing_and_a_pinned_one_its_version() {
    let fleet = Fleet::of(2).await;
    fleet.roll_out(at_once()).await;
    let (held, pinned) = (fleet.devices[0].clone(), fleet.devices[1].clone());
    let until = BEGIN + HOUR;
    let set = async |id: &str, change: Value| {
        let response = fleet
            .server
            .patch(&format!("/api/devices/{id}"), &change)
            .await;
        assert_eq!(response.status(), 200);
    };
    set(
        &held,
        json!({ "hold": { "reason": "on the bench", "until": until } }),
    )
    .await;
    set(&pinned, json!({ "pin": "1.0.0" })).await;
    assert_eq!(
        (fleet.offer(&held).await, fleet.offer(&pinned).await),
        (None, None)
    );
    let why = fleet.server.json(&format!("/api/devices/{held}/why")).await;
    assert!(why.to_string().contains("on the bench"), "{why}");
    fleet.clock.advance(HOUR);
    assert_eq!(fleet.offer(&held).await.as_deref(), Some("1.1.0"));
    set(&pinned, json!({ "pin": "1.1.0" })).await;
    assert_eq!(fleet.offer(&pinned).await.as_deref(), Some("1.1.0"));
}
