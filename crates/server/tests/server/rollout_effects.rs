//! What a rollout does beside offering is done once, however often its server is started again.

use serde_json::{Value, json};

use crate::fleet::{Fleet, at_once};
use crate::support::images::c3;

/// The id of a version's release.
async fn release(fleet: &Fleet, version: &str) -> String {
    let list = fleet.server.json("/api/releases").await;
    let mut releases = list["releases"].as_array().unwrap().iter();
    let found = releases.find(|release| release["version"] == version);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Does something to a version's release.
async fn tell(fleet: &Fleet, version: &str, verb: &str, body: Value) {
    let path = format!("/api/releases/{}/{verb}", release(fleet, version).await);
    let response = fleet.server.post(&path, &body).await;
    assert_eq!(response.status(), 200, "{verb} {version}");
}

/// The version that `stable` points at.
async fn stable(fleet: &Fleet) -> Value {
    let list = fleet.server.json("/api/channels").await;
    let mut channels = list.as_array().unwrap().iter();
    let found = channels.find(|channel| channel["name"] == "stable");
    found.map_or(Value::Null, |channel| channel["version"].clone())
}

/// Waits until `stable` points there.
async fn until_stable(fleet: &Fleet, version: &str) {
    let limit = std::time::Duration::from_mins(1);
    let pointed = tokio::time::timeout(limit, async {
        while stable(fleet).await != version {
            tokio::task::yield_now().await;
        }
    });
    assert!(pointed.await.is_ok(), "{}", stable(fleet).await);
}

/// A rollout at once, some of whose devices confirmed; its id.
async fn confirmed_by(fleet: &Fleet, devices: &[String]) -> String {
    let id = fleet.roll_out(at_once()).await;
    fleet.offered_of(&fleet.devices).await;
    fleet.confirm(devices).await;
    id
}

#[tokio::test]
async fn a_completed_rollout_promotes_when_it_completes_and_not_at_every_start() {
    let mut fleet = Fleet::of(2).await;
    let mut plan = at_once();
    plan["promote"] = json!("stable");
    let id = fleet.roll_out(plan).await;
    fleet.offered_of(&fleet.devices).await;
    assert_ne!(stable(&fleet).await, "1.1.0");
    fleet.confirm(&fleet.devices).await;
    fleet.until_state(&id, "completed").await;
    until_stable(&fleet, "1.1.0").await;
    // A person finds that it was wrong all the same.
    tell(&fleet, "1.0.0", "promote", json!({ "channel": "stable" })).await;
    fleet = fleet.restarted().await;
    assert_eq!(fleet.rollout(&id).await["state"], "completed");
    assert_eq!(stable(&fleet).await, "1.0.0");
    let audit = fleet.server.json("/api/audit?limit=1000").await;
    let promotions = audit.as_array().unwrap().iter();
    let by_whom: Vec<&Value> = promotions
        .filter(|record| record["action"] == "release.promote")
        .map(|record| &record["actor"])
        .collect();
    assert_eq!(by_whom.len(), 2, "{by_whom:?}");
    assert_eq!(by_whom[0], "server");
}

#[tokio::test]
async fn a_rollback_never_takes_a_release_that_tripped_itself() {
    let fleet = Fleet::of(2).await;
    let first = fleet.roll_out(at_once()).await;
    fleet
        .act(
            &first,
            "halt",
            json!({ "note": "it hums", "action": "pause" }),
        )
        .await;
    // It is for everybody, by its status, but its rollout says otherwise.
    let path = format!("/api/releases/{}", release(&fleet, "1.1.0").await);
    let changed = fleet
        .server
        .patch(&path, &json!({ "status": "stable" }))
        .await;
    assert_eq!(changed.status(), 200);
    let testing = [("device_type", "esp32c3"), ("status", "testing")];
    fleet.server.publish_as(&testing, &c3("1.2.0")).await;
    let body = json!({ "device_type": "esp32c3", "version": "1.2.0", "plan": at_once() });
    let second = fleet.server.post("/api/rollouts", &body).await;
    let second: Value = second.json().await.unwrap();
    let second = second["id"].as_str().unwrap();
    fleet.act(second, "start", json!({})).await;
    fleet
        .act(second, "rollback", json!({ "note": "it hums more" }))
        .await;
    let back = fleet.until_back_from(second).await;
    assert_eq!(back["version"], "1.0.0");
}

#[tokio::test]
async fn an_upgrade_of_those_a_rollout_confirmed_is_not_its_rollback() {
    let fleet = Fleet::of(2).await;
    let id = confirmed_by(&fleet, &fleet.devices).await;
    let testing = [("device_type", "esp32c3"), ("status", "testing")];
    fleet.server.publish_as(&testing, &c3("1.2.0")).await;
    let mut plan = at_once();
    plan["target"] = json!({ "confirmed_in": id });
    let body = json!({ "device_type": "esp32c3", "version": "1.2.0", "plan": plan });
    assert_eq!(
        fleet.server.post("/api/rollouts", &body).await.status(),
        201
    );
    fleet
        .act(&id, "rollback", json!({ "note": "it hums" }))
        .await;
    let back = fleet.until_back_from(&id).await;
    assert_eq!(back["version"], "1.0.0");
}

#[tokio::test]
async fn a_rollback_that_a_person_cancelled_stays_cancelled() {
    let mut fleet = Fleet::of(2).await;
    let id = confirmed_by(&fleet, &fleet.devices).await;
    fleet
        .act(&id, "rollback", json!({ "note": "it hums" }))
        .await;
    let back = fleet.until_back_from(&id).await;
    let back = back["id"].as_str().unwrap().to_owned();
    fleet
        .act(&back, "cancel", json!({ "note": "let it hum" }))
        .await;
    for _ in 0..2 {
        fleet = fleet.restarted().await;
        let all = fleet.back_from(&id).await;
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!(all[0]["state"], "cancelled");
        assert_eq!(fleet.offer_to_new("d000").await, None);
    }
}

#[tokio::test]
async fn a_rollback_waits_for_a_good_release() {
    let fleet = Fleet::of(2).await;
    let id = confirmed_by(&fleet, &fleet.devices).await;
    tell(&fleet, "1.0.0", "block", json!({ "reason": "it smokes" })).await;
    fleet
        .act(&id, "rollback", json!({ "note": "it hums" }))
        .await;
    assert_eq!(fleet.back_from(&id).await, Vec::<Value>::new());
    tell(&fleet, "1.0.0", "unblock", json!({})).await;
    fleet.clock.advance(60);
    let back = fleet.until_back_from(&id).await;
    assert_eq!(back["version"], "1.0.0");
    assert_eq!(fleet.offer_to_new("d000").await.as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn resuming_a_rollout_calls_its_rollback_off_and_a_second_trip_makes_another() {
    let mut fleet = Fleet::of(3).await;
    let id = confirmed_by(&fleet, &fleet.devices[..2]).await;
    fleet
        .act(&id, "rollback", json!({ "note": "it hums" }))
        .await;
    let first = fleet.until_back_from(&id).await;
    assert_eq!(fleet.offer_to_new("d000").await.as_deref(), Some("1.0.0"));
    fleet
        .act(&id, "resume", json!({ "note": "it may hum" }))
        .await;
    let called_off = fleet.rollout(first["id"].as_str().unwrap()).await;
    assert_eq!(called_off["state"], "cancelled");
    assert_eq!(called_off["counts"]["cancelled"], 1, "{called_off:#}");
    fleet = fleet.restarted().await;
    for device in ["d000", "d001"] {
        assert_eq!(fleet.offer_to_new(device).await, None, "{device}");
    }
    assert_eq!(fleet.offer("d002").await.as_deref(), Some("1.1.0"));
    // What trips anew is taken back anew.
    fleet
        .act(&id, "rollback", json!({ "note": "too loud" }))
        .await;
    let second = fleet.until_back_from(&id).await;
    assert_ne!(first["id"], second["id"]);
    assert_eq!(fleet.offer_to_new("d000").await.as_deref(), Some("1.0.0"));
    fleet = fleet.restarted().await;
    assert_eq!(fleet.back_from(&id).await.len(), 2);
}
