//! The main way: published, offered, downloaded, reported, confirmed; and what a restart keeps.

use std::time::Duration;

use crate::support;
use crate::support::images::{c3, elf_sha256, sha256};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn an_update_from_upload_to_confirmed() {
    let server = support::start().await;
    let (old, new) = (c3("1.0.0"), c3("1.1.0"));
    server.publish("esp32c3", &old).await;
    let release = server
        .publish_as(
            &[
                ("device_type", "esp32c3"),
                ("version", "1.1.0"),
                ("description", "Fix nonce expiration bug"),
            ],
            &new,
        )
        .await;
    assert_eq!(release["version"], "1.1.0");
    assert_eq!(release["sha256"], sha256(&new));
    assert_eq!(release["firmware_id"], release["id"]);

    // The device learns of it.
    let token = server.enrol("beacon-1", "esp32c3").await;
    let check_in = async |image: &[u8], version: &str, state: &str| {
        let response = server
            .bare(Method::POST, "/api/devices/beacon-1/check-in")
            .bearer_auth(&token)
            .json(&json!({
                "device_type": "esp32c3", "version": version, "elf_sha256": elf_sha256(image),
                "slot": "ota_0", "state": state, "chip": "esp32c3",
            }))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.json::<serde_json::Value>().await.unwrap()
    };
    let reply = check_in(&old, "1.0.0", "valid").await;
    let next = reply["poll_after_seconds"].as_u64().unwrap();
    assert!((150..=450).contains(&next), "{next}");
    let offer = &reply["offer"];
    assert_eq!(offer["version"], "1.1.0");
    assert_eq!(offer["checksum"], sha256(&new));
    assert_eq!(offer["elf_sha256"], elf_sha256(&new));

    // It downloads exactly those bytes.
    let url = offer["download_url"].as_str().unwrap();
    let response = server
        .bare(Method::GET, url)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.bytes().await.unwrap(), new);

    // It reports, and on trial it is offered nothing.
    let report = async |body: serde_json::Value| {
        let response = server
            .bare(Method::POST, "/api/devices/beacon-1/reports")
            .bearer_auth(&token)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.text().await.unwrap(), r#"{"status":"ok"}"#);
    };
    for status in ["downloading", "downloaded", "rebooting"] {
        report(json!({ "firmware_version": "1.1.0", "update_status": status })).await;
    }
    let reply = check_in(&new, "1.1.0", "pending_verify").await;
    assert_eq!(reply["offer"], json!(null));
    let device = server.json("/api/devices/beacon-1").await;
    assert_eq!(device["deployments"][0]["state"], "rebooting");

    // Confirmed by proof; a late word changes nothing.
    report(json!({
        "firmware_version": "1.1.0", "update_status": "confirmed", "elf_sha256": elf_sha256(&new),
        "slot": "ota_1",
    }))
    .await;
    report(json!({ "firmware_version": "1.1.0", "update_status": "downloading" })).await;
    let device = server.json("/api/devices/beacon-1").await;
    assert_eq!(device["deployments"][0]["state"], "confirmed");
    assert_eq!(device["version"], "1.1.0");
    assert_eq!(device["slot"], "ota_1");

    // A restart keeps all of it.
    let server = server.restart(|_| {}).await;
    assert_eq!(server.json("/api/devices/beacon-1").await, device);
    let fleet = server.json("/api/fleet/esp32c3").await;
    assert_eq!(
        fleet,
        json!({
            "devices": 1, "versions": { "1.1.0": 1 },
            "deployments": { "1.1.0": { "confirmed": 1 } }, "reasons": {},
        })
    );
}

#[tokio::test]
async fn a_device_polls_as_its_own_settings_have_it_unless_the_operator_says_otherwise() {
    let day = 24 * 3600;
    for (told, own, answered) in [
        (None, None, 300),
        (None, Some(5), 5),
        (None, Some(0), 1),
        (None, Some(u32::MAX), day),
        (Some(60), None, 60),
        (Some(60), Some(5), 60),
    ] {
        let server =
            support::start_with(|config| config.poll_interval = told.map(Duration::from_secs))
                .await;
        let token = server.enrol("beacon-1", "esp32c3").await;
        let response = server
            .bare(Method::POST, "/api/devices/beacon-1/check-in")
            .bearer_auth(&token)
            .json(&json!({ "device_type": "esp32c3", "version": "1.0.0", "poll_seconds": own }))
            .send()
            .await
            .unwrap();
        let reply: serde_json::Value = response.json().await.unwrap();
        let next = reply["poll_after_seconds"].as_i64().unwrap();
        // From a minute on, each device has a moment of its own around its interval; never more than a day.
        let around = match answered {
            ..60 => answered..=answered,
            _ => answered / 2..=(answered * 3 / 2).min(day),
        };
        assert!(around.contains(&next), "{told:?}, {own:?}: {next}");
    }
}
