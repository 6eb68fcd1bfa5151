//! Whom a relay believes.

use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::link::Way;
use super::{Site, ask, until};
use crate::fleet::{BEGIN, HOUR};
use crate::support::images::c3;
use crate::support::{refusal, start_in};

#[tokio::test]
async fn seed_004_stage_2_a_changed_snapshot_is_refused() {
    let site = Site::start().await;
    // Somebody on the way makes the testing release stable.
    let (from, to) = (b"\"testing\"".to_vec(), b"\"stable\" ".to_vec());
    site.link.set(Way::Changed(from, to));
    site.primary.publish("esp32c3", &c3("1.2.0")).await;
    until("the refusal", async || {
        site.health().await["problem_code"] == "snapshot_bad_signature"
    })
    .await;
    assert_eq!(ask(&site.relay, "d", "1.0.0").await, None);
    site.link.set(Way::Clear);
    until("the true one", async || {
        ask(&site.relay, "d", "1.0.0").await.as_deref() == Some("1.2.0")
    })
    .await;
}

#[tokio::test]
async fn seed_004_stage_2_an_older_snapshot_is_refused() {
    let site = Site::start().await;
    assert_eq!(ask(&site.primary, "d", "1.0.0").await, None);
    let id = site.roll_out(json!({})).await;
    site.caught_up().await;
    site.act(&id, "halt", json!({ "note": "smoke" })).await;
    site.caught_up().await;
    assert_eq!(ask(&site.relay, "d", "1.0.0").await, None);
    // A true snapshot from before the halt, said again.
    let old = site.link.answer_with("\\\"running\\\"").unwrap();
    site.link.set(Way::Answered(old));
    until("the refusal", async || {
        site.health().await["problem_code"] == "snapshot_older"
    })
    .await;
    assert_eq!(ask(&site.relay, "d", "1.0.0").await, None);
}

#[tokio::test]
async fn another_primarys_snapshots_are_refused_whoever_asks_it() {
    let site = Site::start().await;
    let other = start_in(tempfile::TempDir::new().unwrap(), |_| {}).await;
    other.publish("esp32c3", &c3("1.2.0")).await;
    let mut config = site.config();
    config.upstream.clone_from(&other.base);
    config.token = other.token("relay").await;
    let site = site.restart_relay(config, |_| {}).await;
    until("the refusal", async || {
        site.health().await["problem_code"] == "snapshot_wrong_key"
    })
    .await;
    assert_eq!(ask(&site.relay, "d", "1.0.0").await, None);
}

#[tokio::test]
async fn a_given_key_is_the_only_one_trusted() {
    let site = Site::start().await;
    let key = site.primary.json("/api/relay/key").await["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut config = site.config();
    config.upstream_key = Some(key.parse().unwrap());
    let site = site.restart_relay(config, |_| {}).await;
    site.caught_up().await;
    let mut config = site.config();
    config.upstream_key = Some("11".repeat(32).parse().unwrap());
    let site = site.restart_relay(config, |_| {}).await;
    until("the refusal", async || {
        site.health().await["problem_code"] == "snapshot_wrong_key"
    })
    .await;
}

#[tokio::test]
async fn a_relays_token_opens_what_relays_do_and_nothing_else() {
    let site = Site::start().await;
    let as_who = async |token: &str, path: &str| {
        let request = site.primary.bare(reqwest::Method::GET, path);
        request.bearer_auth(token).send().await.unwrap()
    };
    for path in [
        "/api/releases",
        "/api/devices",
        "/api/audit",
        "/api/tokens",
        "/firmwares/latest/esp32c3",
    ] {
        let refused = refusal(as_who(&site.token, path).await).await;
        assert_eq!(refused, (403, "role_too_low".to_owned()), "{path}");
    }
    for role in ["viewer", "publisher", "operator"] {
        let token = site.primary.token(role).await;
        for path in ["/api/relay/snapshot", "/api/relay/key"] {
            let refused = refusal(as_who(&token, path).await).await;
            assert_eq!(refused, (403, "role_too_low".to_owned()), "{role} {path}");
        }
    }
    // A relay changes nothing and is nobody's primary.
    for path in ["/api/relay/snapshot", "/api/audit", "/api/tokens"] {
        assert_eq!(site.relay.get(path).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let site = Site::start().await;
    let first = site.primary.get("/api/relay/snapshot").await;
    let etag = first.headers()["etag"].to_str().unwrap().to_owned();
    let again = async || {
        let request = site
            .primary
            .request(reqwest::Method::GET, "/api/relay/snapshot");
        request
            .header("If-None-Match", &etag)
            .send()
            .await
            .unwrap()
            .status()
    };
    assert_eq!(again().await, 304);
    // Before it expires, it is issued anew.
    site.clock.advance(24 * 3600);
    assert_eq!(again().await, 200);
}

/// The same snapshot with another time to expire is another one, even for a relay that has the first.
#[tokio::test]
async fn a_relay_hears_of_another_validity() {
    let site = Site::start().await;
    let before = site.health().await["snapshot"]["expires_at"].as_i64();
    let (mut site, port) = site.without_primary().await;
    let dir = std::mem::replace(&mut site.primary.dir, TempDir::new().unwrap());
    let (clock, two_weeks) = (site.clock.clone(), 14 * 24 * HOUR);
    site.primary = start_in(dir, |config| {
        super::at_primary(&clock, port)(config);
        config.relay_validity = Duration::from_secs(two_weeks.unsigned_abs());
    })
    .await;
    assert!(before < Some(BEGIN + two_weeks));
    until("the new snapshot", async || {
        site.health().await["snapshot"]["expires_at"] == BEGIN + two_weeks
    })
    .await;
}
