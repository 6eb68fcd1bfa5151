//! Release files at a relay: fetched once, checked, kept within bounds.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::link::Way;
use super::{Site, ask, download, release_id, until};
use crate::support::images::{c3, sha256};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seed_004_stage_2_a_thousand_devices_at_once_cost_the_primary_one_download() {
    let site = Site::start_with(|config| config.prefetch = false).await;
    let id = release_id(&site.relay, "1.0.0").await;
    let wanted = c3("1.0.0");
    let path = format!("/firmwares/{id}/download");
    let downloads = (0..1000).map(async |_| {
        let mut response = site.relay.bare(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        // Piece by piece: a thousand whole files are a gigabyte.
        let mut left = wanted.as_slice();
        while let Some(piece) = response.chunk().await.unwrap() {
            let (begin, rest) = left.split_at(piece.len());
            assert!(begin == piece, "the bytes of the release");
            left = rest;
        }
        assert_eq!(left.len(), 0);
    });
    join_all(downloads).await;
    assert_eq!(site.primary.metric("downloads_total").await, 1);
    assert_eq!(site.relay.metric("relay_cache_fetches_total").await, 1);
    assert_eq!(site.relay.metric("downloads_total").await, 1000);
    let length = wanted.len() as u64;
    assert_eq!(site.relay.metric("relay_cache_bytes").await, length);
}

#[tokio::test]
async fn a_fetch_that_breaks_off_goes_on_where_it_was() {
    let site = Site::start_with(|config| config.prefetch = false).await;
    let id = release_id(&site.relay, "1.0.0").await;
    let wanted = c3("1.0.0");
    // Nothing comes whole over this link.
    let part = wanted.len() / 3;
    site.link.set(Way::Breaks(part));
    let (status, bytes) = download(&site.relay, &id).await;
    assert_eq!(status, 200);
    assert!(bytes == wanted);
    let text = site.primary.get("/metrics").await.text().await.unwrap();
    let partial = "updraft_requests_total{group=\"relay\",status=\"206\"}";
    assert!(text.contains(partial), "it went on by Range: {text}");
}

#[tokio::test]
async fn a_file_damaged_on_the_relays_disk_is_noticed_and_fetched_again() {
    let site = Site::start_with(|config| config.prefetch = false).await;
    let id = release_id(&site.relay, "1.0.0").await;
    assert_eq!(download(&site.relay, &id).await.0, 200);
    let [file] = site.relay.artifacts().try_into().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let mut config = site.config();
    config.prefetch = false;
    // Read anew from the disk.
    let site = site.restart_relay(config, |_| {}).await;
    let (status, bytes) = download(&site.relay, &id).await;
    assert_eq!(status, 200);
    assert_eq!(sha256(&bytes), sha256(&c3("1.0.0")));
    assert_eq!(sha256(&std::fs::read(&file).unwrap()), sha256(&c3("1.0.0")));
    assert_eq!(site.primary.metric("downloads_total").await, 2);
}

#[tokio::test]
async fn a_file_that_comes_damaged_from_the_primary_is_served_to_nobody() {
    let site = Site::start_with(|config| config.prefetch = false).await;
    let id = release_id(&site.relay, "1.0.0").await;
    site.link
        .set(Way::Changed(b"1.0.0".to_vec(), b"1.0.9".to_vec()));
    let (status, bytes) = download(&site.relay, &id).await;
    assert_eq!(status, 502);
    assert!(String::from_utf8_lossy(&bytes).contains("upstream_damaged"));
    site.link.set(Way::Clear);
    assert_eq!(download(&site.relay, &id).await.0, 200);
}

#[tokio::test]
async fn the_least_used_files_make_room_within_the_limit() {
    let sizes: Vec<u64> = ["1.0.0", "1.1.0", "1.2.0"]
        .iter()
        .map(|version| c3(version).len() as u64)
        .collect();
    // Any two fit, three do not.
    let limit = sizes.iter().sum::<u64>() - 1;
    let site = Site::start_with(|config| {
        config.prefetch = false;
        config.cache_size = limit;
    })
    .await;
    site.primary.publish("esp32c3", &c3("1.2.0")).await;
    site.caught_up().await;
    for version in ["1.0.0", "1.1.0", "1.0.0", "1.2.0"] {
        let id = release_id(&site.relay, version).await;
        assert_eq!(download(&site.relay, &id).await.0, 200, "{version}");
        assert!(site.relay.metric("relay_cache_bytes").await <= limit);
    }
    assert_eq!(site.relay.metric("relay_cache_evictions_total").await, 1);
    // 1.1.0 went: it was used before 1.0.0 was used again.
    let mut left: Vec<String> = site
        .relay
        .artifacts()
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    left.sort();
    let mut wanted = vec![sha256(&c3("1.0.0")), sha256(&c3("1.2.0"))];
    wanted.sort();
    assert_eq!(left, wanted);
}

#[tokio::test]
async fn a_cache_that_cannot_hold_the_file_says_so() {
    let site = Site::start_with(|config| config.cache_size = 1000).await;
    let id = release_id(&site.relay, "1.0.0").await;
    let (status, bytes) = download(&site.relay, &id).await;
    assert_eq!(status, 507);
    assert!(String::from_utf8_lossy(&bytes).contains("cache_full"));
}

#[tokio::test]
async fn seed_004_stage_2_what_may_be_offered_is_there_before_anybody_asks() {
    let site = Site::start().await;
    site.roll_out(json!({})).await;
    site.caught_up().await;
    until("both files", async || site.relay.artifacts().len() == 2).await;
    site.link.set(Way::Cut);
    assert_eq!(
        ask(&site.relay, "d", "1.0.0").await.as_deref(),
        Some("1.1.0")
    );
    let id = release_id(&site.relay, "1.1.0").await;
    assert_eq!(download(&site.relay, &id).await.0, 200);
}
