//! Devices that pull as the seeds have it, from a relay as from a server.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Site, release_id, state, until};
use crate::support::images::{c3, elf_sha256, sha256};
use crate::support::{TestServer, raw};

/// What a GET without a token says, and its headers.
async fn get(server: &TestServer, path: &str) -> (reqwest::header::HeaderMap, Vec<u8>) {
    let response = server.bare(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let headers = response.headers().clone();
    (headers, response.bytes().await.unwrap().to_vec())
}

/// The answer to a device's report as the document has it: small clients send no content type.
async fn say(server: &TestServer, beacon: &str, report: &str) -> String {
    let address = server.running.as_ref().unwrap().local_addr;
    let request = format!(
        "POST /api/beacons/{beacon}/ota_status HTTP/1.1\r\nHost: o\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{report}",
        report.len()
    );
    let (head, body) = raw::exchange(address, &request).await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    String::from_utf8(body).unwrap()
}

/// Stages 2, 4 and 10 as the document has them: a beacon knows its orchestrator only.
#[tokio::test]
async fn seed_004_stage_2_a_beacon_asks_downloads_and_reports_at_the_orchestrator() {
    let site = Site::start().await;
    let image = c3("1.0.0");
    let id = release_id(&site.primary, "1.0.0").await;
    let (_, latest) = get(&site.relay, "/firmwares/latest/esp32c3").await;
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    let wanted = json!({
        "firmware_id": id, "version": "1.0.0", "checksum": sha256(&image), "size": image.len(),
        "download_url": format!("/firmwares/{id}/download"), "required": false,
        "description": latest["description"], "elf_sha256": elf_sha256(&image), "secure_version": 0,
    });
    assert_eq!(latest, wanted);
    let (headers, bytes) = get(&site.relay, latest["download_url"].as_str().unwrap()).await;
    assert_eq!(headers["content-length"], image.len().to_string().as_str());
    assert!(bytes == image, "the bytes of the release");

    // One that says who it is, so that its rollout counts it.
    let asking = "/firmwares/latest/esp32c3?device_id=beacon-7&version=0.9.0";
    let (_, offer) = get(&site.relay, asking).await;
    let offer: Value = serde_json::from_slice(&offer).unwrap();
    assert_eq!(offer["version"], "1.0.0");
    let report = r#"{"firmware_version":"1.0.0","update_status":"success","updated_at":1735689085,"previous_version":"0.9.0"}"#;
    assert_eq!(
        say(&site.relay, "beacon-7", report).await,
        r#"{"status":"ok"}"#
    );
    let proof = format!(
        "/firmwares/latest/esp32c3?device_id=beacon-7&elf_sha256={}",
        elf_sha256(&image)
    );
    get(&site.relay, &proof).await;
    until("the proof at the primary", async || {
        state(&site.primary, "beacon-7").await.as_deref() == Some("confirmed")
    })
    .await;
    let device = site.primary.json("/api/devices/beacon-7").await;
    assert_eq!(device["version"], "1.0.0", "{device}");
}

#[tokio::test]
async fn seed_004_stage_10_a_failure_told_to_the_orchestrator_reaches_the_server() {
    let site = Site::start().await;
    let asking = "/firmwares/latest/esp32c3?device_id=beacon-8&version=0.9.0";
    get(&site.relay, asking).await;
    let report =
        r#"{"firmware_version":"1.0.0","update_status":"failed","previous_version":"0.9.0"}"#;
    assert_eq!(
        say(&site.relay, "beacon-8", report).await,
        r#"{"status":"ok"}"#
    );
    until("the failure at the primary", async || {
        state(&site.primary, "beacon-8").await.as_deref() == Some("failed")
    })
    .await;
}

/// Seed 002's nodes, which name no type: they are of the one that the server was told.
#[tokio::test]
async fn seed_002_a_node_pulls_from_a_relay() {
    let site = Site::start().await;
    let image = c3("1.1.0");
    let digest = sha256(&image);
    site.primary.publish("esp32-csi-node", &image).await;
    site.caught_up().await;
    let (_, latest) = get(&site.relay, "/api/v1/firmware/latest?version=1.0.0").await;
    let latest: Value = serde_json::from_slice(&latest).unwrap();
    assert_eq!(latest["available"], true, "{latest}");
    assert_eq!(latest["version"], "1.1.0");
    assert_eq!(latest["sha256"], digest);
    assert_eq!(latest["size"], image.len());
    for path in [
        "/api/v1/firmware/download",
        latest["download_url"].as_str().unwrap(),
    ] {
        let (headers, bytes) = get(&site.relay, path).await;
        assert_eq!(headers["x-firmware-version"], "1.1.0");
        assert_eq!(headers["x-firmware-sha256"], digest.as_str());
        assert!(bytes == image, "the bytes of the release");
    }
    let (_, latest) = get(&site.relay, "/api/v1/firmware/latest?version=1.1.0").await;
    assert_eq!(latest, br#"{"available":false,"message":"up to date"}"#);
}
