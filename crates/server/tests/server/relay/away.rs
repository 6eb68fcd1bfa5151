//! The primary is away: the site goes on, and nothing it did is forgotten.

use serde_json::{Value, json};

use super::link::Way;
use super::{Site, ask, download, release_id, report, state, until};
use crate::fleet::{BEGIN, HOUR};

#[tokio::test]
async fn seed_004_stage_2_devices_update_while_the_primary_is_down_and_the_rollout_completes_after()
{
    let site = Site::start().await;
    for device in ["a", "b"] {
        assert_eq!(ask(&site.primary, device, "1.0.0").await, None);
    }
    let id = site.roll_out(json!({})).await;
    site.caught_up().await;
    until("the file", async || site.relay.artifacts().len() == 2).await;
    let (site, port) = site.without_primary().await;

    let release = release_id(&site.relay, "1.1.0").await;
    for device in ["a", "b"] {
        assert_eq!(
            ask(&site.relay, device, "1.0.0").await.as_deref(),
            Some("1.1.0")
        );
        report(&site.relay, device, "started").await;
        assert_eq!(download(&site.relay, &release).await.0, 200);
        report(&site.relay, device, "rebooting").await;
        site.clock.advance(60);
        // The new app runs and proves itself.
        assert_eq!(ask(&site.relay, device, "1.1.0").await, None);
        assert_eq!(
            state(&site.relay, device).await.as_deref(),
            Some("confirmed")
        );
    }
    until("the relay's finding", async || {
        site.health().await["reachable"] == false
    })
    .await;
    let health = site.health().await;
    assert!(health["words_waiting"].as_u64().unwrap() >= 8, "{health}");

    // Two days later.
    site.clock.advance(48 * HOUR);
    let site = site.with_primary_back(port).await;
    site.until_rollout(&id, "the completed rollout", |rollout| {
        rollout["state"] == "completed" && rollout["counts"]["confirmed"] == 2
    })
    .await;
    let device = site.primary.json("/api/devices/a").await;
    assert_eq!(device["version"], "1.1.0");
    // As it was said there, not when it came here.
    assert_eq!(
        device["deployments"][0]["updated_at"],
        BEGIN + 60,
        "{device}"
    );
    until("everything told", async || {
        site.health().await["words_waiting"] == 0
    })
    .await;
}

#[tokio::test]
async fn seed_004_stage_2_a_restarted_relay_goes_on_without_its_primary() {
    let site = Site::start().await;
    site.roll_out(json!({})).await;
    site.caught_up().await;
    until("the file", async || site.relay.artifacts().len() == 2).await;
    let (site, port) = site.without_primary().await;
    assert_eq!(
        ask(&site.relay, "a", "1.0.0").await.as_deref(),
        Some("1.1.0")
    );
    report(&site.relay, "a", "rebooting").await;
    let config = site.config();
    let site = site.restart_relay(config, |_| {}).await;
    assert_eq!(
        ask(&site.relay, "b", "1.0.0").await.as_deref(),
        Some("1.1.0")
    );
    assert_eq!(state(&site.relay, "a").await.as_deref(), Some("rebooting"));
    let site = site.with_primary_back(port).await;
    until("both words", async || {
        state(&site.primary, "a").await.as_deref() == Some("rebooting")
            && state(&site.primary, "b").await.as_deref() == Some("offered")
    })
    .await;
}

#[tokio::test]
async fn words_that_come_twice_count_once() {
    let site = Site::start().await;
    let id = site.roll_out(json!({ "trips": [] })).await;
    let release = release_id(&site.primary, "1.1.0").await;
    let word = |seq: u32, said: Value| json!({ "seq": seq, "at": BEGIN, "device_id": "d", "device_type": "esp32c3", "said": said });
    let failed = json!({ "reported": { "firmware_version": "1.1.0", "update_status": "failed", "reason": "connection_lost" } });
    let offered = json!({ "offered": { "release_id": release, "rollout_id": id, "step": 0 } });
    let words = json!({ "relay": "r", "told_until": BEGIN, "words": [
        word(1, offered.clone()), word(2, failed.clone()), word(3, offered), word(4, failed),
    ] });
    let told = async || -> Value {
        let response = site.primary.post("/api/relay/words", &words).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    };
    assert_eq!(
        told().await,
        json!({ "taken": 4, "known": 0, "refused": 0 })
    );
    let device = site.primary.json("/api/devices/d").await;
    assert_eq!(device["deployments"][0]["failures"], 2, "{device}");
    // The answer got lost, and the relay says it again; and again after the primary was restarted.
    assert_eq!(
        told().await,
        json!({ "taken": 0, "known": 4, "refused": 0 })
    );
    let (site, port) = site.without_primary().await;
    let site = site.with_primary_back(port).await;
    let response = site.primary.post("/api/relay/words", &words).await;
    let again: Value = response.json().await.unwrap();
    assert_eq!(again, json!({ "taken": 0, "known": 4, "refused": 0 }));
    let rollout = site.rollout(&id).await;
    assert_eq!(rollout["counts"]["failed"], 1, "{rollout}");
}

#[tokio::test]
async fn seed_004_failure_recovery_a_silent_relay_is_not_a_lost_device() {
    let site = Site::start().await;
    for device in ["back", "gone"] {
        assert_eq!(ask(&site.primary, device, "1.0.0").await, None);
    }
    let id = site
        .roll_out(json!({ "trips": [{ "kinds": ["lost"], "count": 1 }] }))
        .await;
    site.caught_up().await;
    for device in ["back", "gone"] {
        assert!(ask(&site.relay, device, "1.0.0").await.is_some());
        report(&site.relay, device, "rebooting").await;
    }
    site.caught_up().await;
    assert_eq!(site.rollout(&id).await["counts"]["rebooting"], 2);
    site.link.set(Way::Cut);
    site.clock.advance(60);
    assert_eq!(ask(&site.relay, "back", "1.1.0").await, None);
    // An hour of silence, of which the primary cannot know whose it is.
    site.clock.advance(HOUR);
    for _ in 0..20 {
        tokio::task::yield_now().await;
        let rollout = site.rollout(&id).await;
        assert_eq!(rollout["counts"]["rebooting"], 2, "{rollout}");
        assert_eq!(rollout["state"], "running");
    }
    site.link.set(Way::Clear);
    site.until_rollout(&id, "the one that is back", |rollout| {
        rollout["counts"]["confirmed"] == 1
    })
    .await;
    // Now that the relay has told all it heard, the other's silence is its own.
    until("the one that is gone", async || {
        site.clock.advance(10);
        site.rollout(&id).await["counts"]["lost"] == 1
    })
    .await;
    assert_eq!(site.rollout(&id).await["state"], "halted");
}
