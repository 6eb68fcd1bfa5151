//! A relay whose primary is several nodes over one database.

use serde_json::json;
use tempfile::TempDir;
use updraft_server::{Clock, Config, DeviceAuth, RelayConfig};

use super::link::Link;
use super::{POLL, ask, relaying, until};
use crate::fleet::BEGIN;
use crate::nodes::share_files;
use crate::support::images::c3;
use crate::support::{TestServer, random_token, start_in};
use crate::test_database::TestDatabase;

/// How many snapshots this node was asked for.
async fn asked(node: &TestServer, admin: &str) -> u64 {
    let request = node.bare(reqwest::Method::GET, "/metrics");
    let text = request.bearer_auth(admin).send().await.unwrap();
    let text = text.text().await.unwrap();
    let of_relays = "updraft_requests_total{group=\"relay\"";
    let counts = text.lines().filter(|line| line.starts_with(of_relays));
    counts
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
        .sum()
}

/// What nobody changed has one revision, whichever node is asked: none is refused as older than another's.
#[tokio::test]
async fn a_relay_takes_the_snapshots_of_whichever_node_it_asks() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let (shared, key) = (TempDir::new().unwrap(), random_token());
    let clock = Clock::manual(BEGIN);
    let node = async || {
        let dir = TempDir::new().unwrap();
        share_files(shared.path(), &dir.path().join("data"));
        let tune = |config: &mut Config| {
            config.clock = clock.clone();
            config.device_auth = DeviceAuth::Open;
            config.database = Some(database.url().parse().unwrap());
            config.relay_key = Some(key.clone());
        };
        start_in(dir, tune).await
    };
    let a = node().await;
    a.publish("esp32c3", &c3("1.0.0")).await;
    let b = node().await;
    let address = |node: &TestServer| node.running.as_ref().unwrap().local_addr;
    let link = Link::to(address(&a)).await;
    let mut config = RelayConfig::new(link.url(), a.token("relay").await);
    config.poll = POLL;
    let relay = start_in(TempDir::new().unwrap(), relaying(&clock, config, |_| {})).await;
    let health = async || relay.json("/healthz").await["relay"].clone();
    until("the snapshot", async || {
        health().await["snapshot"]["revision"].is_i64()
    })
    .await;
    // Asked for by the relay again and again, each node gives the one that holds.
    let first = health().await["snapshot"]["revision"].clone();
    for node in [&b, &a, &b, &a] {
        link.lead_to(address(node));
        let before = asked(node, &a.admin).await;
        // With each round come words, perhaps, and a question for a snapshot: the second round follows a whole one.
        until("two rounds", async || {
            asked(node, &a.admin).await >= before + 4
        })
        .await;
        let health = health().await;
        assert!(health["problem_code"].is_null(), "{health}");
        assert_eq!(health["snapshot"]["revision"], first, "{health}");
    }
    // What changes is taken from the one that is asked next, although it issued an older one before.
    a.publish("esp32c3", &c3("1.1.0")).await;
    let id = super::release_id(&a, "1.1.0").await;
    for (node, reason) in [(&b, Some("it smokes")), (&a, None)] {
        link.lead_to(address(node));
        let path = format!("/api/releases/{id}");
        let (verb, body) = match reason {
            Some(reason) => ("block", json!({ "reason": reason })),
            None => ("unblock", json!({})),
        };
        let changed = a.post(&format!("{path}/{verb}"), &body).await;
        assert_eq!(changed.status(), 200, "{verb}");
        let wanted = reason.is_none().then_some("1.1.0");
        until("the block to come and go", async || {
            ask(&relay, "d", "1.0.0").await.as_deref() == wanted
        })
        .await;
    }
}
