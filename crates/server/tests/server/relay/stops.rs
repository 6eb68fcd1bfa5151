//! When a relay offers nothing any more.

use serde_json::json;

use super::link::Way;
use super::{Site, ask, download, release_id, report, state, until, why};
use crate::fleet::HOUR;

#[tokio::test]
async fn seed_004_stage_2_a_rollout_halted_at_the_primary_stops_at_the_relay() {
    let site = Site::start().await;
    for device in ["a", "b"] {
        assert_eq!(ask(&site.primary, device, "1.0.0").await, None);
    }
    let id = site.roll_out(json!({})).await;
    site.caught_up().await;
    assert_eq!(
        ask(&site.relay, "a", "1.0.0").await.as_deref(),
        Some("1.1.0")
    );
    site.act(&id, "halt", json!({ "note": "smoke", "action": "revoke" }))
        .await;
    site.caught_up().await;
    assert_eq!(ask(&site.relay, "b", "1.0.0").await, None);
    assert!(why(&site.relay, "b").await.contains("smoke"));
    // What was offered is called off, on both.
    until("the cancellation", async || {
        state(&site.relay, "a").await.as_deref() == Some("cancelled")
    })
    .await;
    let release = release_id(&site.relay, "1.1.0").await;
    let (status, _) = download(&site.relay, &format!("{release}/")).await;
    assert_ne!(status, 200);
    let path = format!("/firmwares/{release}/download?device_id=a");
    assert_eq!(site.relay.get(&path).await.status(), 410);
}

#[tokio::test]
async fn a_blocked_release_is_offered_and_served_to_nobody() {
    let site = Site::start().await;
    site.roll_out(json!({})).await;
    site.caught_up().await;
    let release = release_id(&site.primary, "1.1.0").await;
    let path = format!("/api/releases/{release}/block");
    let blocked = site
        .primary
        .post(&path, &json!({ "reason": "boot loop" }))
        .await;
    assert_eq!(blocked.status(), 200);
    site.caught_up().await;
    assert_eq!(ask(&site.relay, "a", "1.0.0").await, None);
    assert!(why(&site.relay, "a").await.contains("boot loop"));
    assert_eq!(download(&site.relay, &release).await.0, 410);
}

#[tokio::test]
async fn seed_004_stage_2_an_expired_snapshot_offers_nothing_and_why_says_so() {
    let site = Site::start().await;
    site.roll_out(json!({})).await;
    site.caught_up().await;
    site.link.set(Way::Cut);
    assert!(ask(&site.relay, "a", "1.0.0").await.is_some());
    site.clock.advance(7 * 24 * HOUR - 1);
    assert!(ask(&site.relay, "b", "1.0.0").await.is_some());
    site.clock.advance(1);
    assert_eq!(ask(&site.relay, "c", "1.0.0").await, None);
    let reasons = why(&site.relay, "c").await;
    assert!(
        reasons.contains("the snapshot this relay has from its primary expired"),
        "{reasons}"
    );
    assert_eq!(site.health().await["snapshot"]["expired"], true);
    // What devices say is taken all the same.
    report(&site.relay, "a", "rebooting").await;
    site.link.set(Way::Clear);
    site.caught_up().await;
    assert_eq!(
        state(&site.primary, "a").await.as_deref(),
        Some("rebooting")
    );
    assert!(ask(&site.relay, "c", "1.0.0").await.is_some());
}

#[tokio::test]
async fn seed_004_stage_10_failures_seen_here_stop_the_rollout_here_until_the_primary_is_heard() {
    let site = Site::start().await;
    for device in ["p1", "p2", "a", "b", "c"] {
        assert_eq!(ask(&site.primary, device, "1.0.0").await, None);
    }
    let id = site
        .roll_out(json!({ "trips": [{ "kinds": ["failed"], "count": 3 }] }))
        .await;
    site.caught_up().await;
    // Two failures elsewhere are in the snapshot.
    for device in ["p1", "p2"] {
        assert!(ask(&site.primary, device, "1.0.0").await.is_some());
        report(&site.primary, device, "failed").await;
    }
    site.caught_up().await;
    site.link.set(Way::Cut);
    for device in ["a", "b"] {
        assert!(ask(&site.relay, device, "1.0.0").await.is_some());
    }
    report(&site.relay, "a", "failed").await;
    assert_eq!(ask(&site.relay, "c", "1.0.0").await, None);
    assert!(
        why(&site.relay, "c").await.contains("halted"),
        "{}",
        why(&site.relay, "c").await
    );
    // Not even a restart makes it forget.
    let config = site.config();
    let site = site.restart_relay(config, |_| {}).await;
    assert_eq!(ask(&site.relay, "c", "1.0.0").await, None);
    assert_eq!(
        site.rollout(&id).await["state"],
        "running",
        "the primary knows nothing of it"
    );
    site.link.set(Way::Clear);
    site.until_rollout(&id, "the halt", |rollout| rollout["state"] == "halted")
        .await;
    // A person looks, and lets it go on: so does the relay.
    site.act(&id, "resume", json!({ "note": "a bad cable" }))
        .await;
    site.caught_up().await;
    assert!(ask(&site.relay, "c", "1.0.0").await.is_some());
}

#[tokio::test]
async fn the_cap_of_the_fleet_holds_at_the_relay_with_devices_elsewhere() {
    let site = Site::start_with(|config| config.site = Some("A".to_owned())).await;
    for device in ["p", "a", "b"] {
        assert_eq!(ask(&site.primary, device, "1.0.0").await, None);
    }
    for device in ["a", "b"] {
        let path = format!("/api/devices/{device}");
        let changed = site.primary.patch(&path, &json!({ "site": "A" })).await;
        assert_eq!(changed.status(), 200);
    }
    site.roll_out(json!({ "caps": { "fleet": 2 }, "trips": [] }))
        .await;
    // One of two places is taken by a device that this relay does not know.
    assert!(ask(&site.primary, "p", "1.0.0").await.is_some());
    site.caught_up().await;
    assert_eq!(
        ask(&site.relay, "a", "1.0.0").await.as_deref(),
        Some("1.1.0")
    );
    assert_eq!(ask(&site.relay, "b", "1.0.0").await, None);
    report(&site.relay, "a", "failed").await;
    assert!(ask(&site.relay, "b", "1.0.0").await.is_some());
}

#[tokio::test]
async fn seed_004_stage_2_no_further_stage_opens_without_the_primary() {
    let site = Site::start().await;
    let ids: Vec<String> = (0..20).map(|index| format!("d{index:02}")).collect();
    for id in &ids {
        assert_eq!(ask(&site.primary, id, "1.0.0").await, None);
    }
    // The seed's own plan: 10 %, a day, half of the remaining, half a day, everybody.
    site.roll_out(json!({ "stages": [
        { "size": { "share_bp": 1000 }, "soak_s": 86_400 }, { "size": { "share_bp": 10_000 } },
    ] }))
    .await;
    site.caught_up().await;
    site.link.set(Way::Cut);
    let mut offered = Vec::new();
    for id in &ids {
        if ask(&site.relay, id, "1.0.0").await.is_some() {
            offered.push(id);
        }
    }
    assert_eq!(offered.len(), 2);
    for id in &offered {
        assert_eq!(ask(&site.relay, id, "1.1.0").await, None);
    }
    site.clock.advance(48 * HOUR);
    for id in ids.iter().filter(|id| !offered.contains(id)) {
        assert_eq!(ask(&site.relay, id, "1.0.0").await, None, "{id}");
    }
    site.link.set(Way::Clear);
    until("the next stage", async || {
        site.clock.advance(60);
        ask(
            &site.relay,
            ids.iter().find(|id| !offered.contains(id)).unwrap(),
            "1.0.0",
        )
        .await
        .is_some()
    })
    .await;
}
