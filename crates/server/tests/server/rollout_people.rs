//! What a rollout asks of people before it goes on, and how fast it may go, over real HTTP.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::fleet::{Fleet, HOUR};
use crate::support::images::{c3, changed};
use crate::support::refusal;

/// Where an image's `secure_version` is: in the app descriptor, behind the headers of the image (24 bytes) and of its
/// first segment (8), after the magic word.
const SECURE_VERSION: usize = 36;

/// An operator tells a rollout something; the status and the error's code, if any.
async fn says(fleet: &Fleet, token: &str, id: &str, verb: &str) -> (StatusCode, Value) {
    let path = format!("/api/rollouts/{id}/{verb}");
    let request = fleet.server.bare(Method::POST, &path).bearer_auth(token);
    let response = request.json(&json!({})).send().await.unwrap();
    let status = response.status();
    let answer: Value = response.json().await.unwrap();
    (status, answer["code"].clone())
}

#[tokio::test]
async fn a_one_way_door_is_named_and_passed_only_on_purpose() {
    let fleet = Fleet::of(3).await;
    let image = changed(&c3("1.2.0"), SECURE_VERSION, 2);
    let fields = [("device_type", "esp32c3"), ("status", "testing")];
    fleet.server.publish_as(&fields, &image).await;
    let body = json!({ "device_type": "esp32c3", "version": "1.2.0" });
    let drafted = fleet.server.post("/api/rollouts", &body).await;
    let drafted: Value = drafted.json().await.unwrap();
    let id = drafted["id"].as_str().unwrap();

    let preview = fleet
        .server
        .json(&format!("/api/rollouts/{id}/preview"))
        .await;
    let door = &preview["one_way"][0];
    assert_eq!(
        (&door["code"], &door["devices"]),
        (&json!("secure_version"), &json!(3))
    );

    let path = format!("/api/rollouts/{id}/start");
    let refused = fleet.server.post(&path, &json!({})).await;
    assert_eq!(refused.status(), 409);
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["code"], "one_way");
    let words = refused["message"].as_str().unwrap();
    assert!(
        words.contains("3 devices") && words.contains("secure version is 2"),
        "{words}"
    );
    assert_eq!(fleet.rollout(id).await["state"], "draft");
    assert!(fleet.offered_of(&fleet.devices).await.is_empty());

    let started = fleet
        .act(id, "start", json!({ "accept_one_way": true }))
        .await;
    assert_eq!(started["state"], "running");
    let audit = fleet.server.json("/api/audit?limit=1000").await;
    let records = audit.as_array().unwrap();
    let start = records
        .iter()
        .find(|record| record["action"] == "rollout.start")
        .unwrap();
    assert_eq!(
        start["detail"]["particulars"]["one_way"][0]["code"], "secure_version",
        "{start}"
    );
}

#[tokio::test]
async fn seed_004_deployment_strategy_a_stage_waits_for_the_approval_of_a_second_person() {
    let fleet = Fleet::of(10).await;
    let second = fleet.server.token("operator").await;
    let plan = json!({ "advance": "approval", "gate": { "min_evaluated": 1 } });
    // The administrator starts it.
    let id = fleet.roll_out(plan).await;
    let done = fleet.offered_but(&BTreeSet::new()).await;
    assert_eq!(done.len(), 1, "10 %");

    fleet.confirm(&done).await;
    fleet.clock.advance(24 * HOUR);
    fleet
        .until(&id, "it waits for somebody", |rollout| {
            rollout["waiting"]["for"] == "approval"
        })
        .await;
    assert!(fleet.offered_but(&done).await.is_empty());

    let path = format!("/api/rollouts/{id}/approve");
    let alone = fleet.server.post(&path, &json!({})).await;
    assert_eq!(refusal(alone).await, (409, "same_person".to_owned()));
    assert_eq!(
        says(&fleet, &second, &id, "approve").await,
        (StatusCode::OK, Value::Null)
    );
    fleet.until_step(&id, 1).await;
    assert_eq!(
        fleet.offered_but(&done).await.len(),
        4,
        "never more than half of the remaining 9"
    );
}

#[tokio::test]
async fn no_more_are_offered_in_a_minute_than_the_plan_says() {
    let fleet = Fleet::of(10).await;
    let mut plan = crate::fleet::at_once();
    plan["caps"] = json!({ "per_minute": 3 });
    fleet.roll_out(plan).await;
    let mut offered = fleet.offered_of(&fleet.devices).await;
    assert_eq!(offered.len(), 3);
    assert!(
        fleet.offered_but(&offered).await.is_empty(),
        "the minute is not over"
    );
    fleet.clock.advance(61);
    let next = fleet.offered_but(&offered).await;
    assert_eq!(next.len(), 3);
    offered.extend(next);
    assert_eq!(offered.len(), 6, "others than before");
}
