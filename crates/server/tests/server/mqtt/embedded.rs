//! What devices say and are told, at the embedded broker.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::scene::{Client, start_embedded, state};
use crate::support::images::{c3, elf_sha256, sha256};
use crate::support::{TestServer, refusal};

async fn with_device(id: &str) -> (TestServer, Client) {
    let server = start_embedded(|_| {}).await;
    let token = server.enrol(id, "esp32c3").await;
    let device = Client::device(server.broker(), id, &token).await;
    (server, device)
}

#[tokio::test]
async fn seed_003_step_3_to_6_a_plain_device_is_told_a_url_and_nothing_else() {
    let (server, mut device) = with_device("beacon-17").await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    // 3. The device reports its version, and the backend decides and publishes a signed URL.
    device.say("devices/beacon-17/version", "1.0.0").await;
    let (topic, url) = device.hear().await;
    assert_eq!(topic, "devices/beacon-17/ota");
    assert!(url.starts_with(&server.url("/d/beacon-17/")), "{url}");
    assert!(
        url.is_ascii() && !url.contains(char::is_whitespace),
        "{url:?}"
    );
    // 5. Plain HTTP, without credentials.
    let bytes = server.http.get(&url).send().await.unwrap();
    assert_eq!(bytes.status(), StatusCode::OK);
    assert_eq!(sha256(&bytes.bytes().await.unwrap()), sha256(&c3("1.1.0")));
    // 6. What it says then.
    for (word, stands) in [
        ("STARTED", "downloading"),
        ("IN_PROGRESS", "downloading"),
        ("SUCCESS", "downloaded"),
    ] {
        device.say("devices/beacon-17/ota/status", word).await;
        server
            .device_until("beacon-17", |device| state(device) == stands)
            .await;
    }
    assert_eq!(device.heard(), None, "told once");
}

#[tokio::test]
async fn success_without_proof_is_a_claim_and_the_elf_proves_it() {
    let (server, mut device) = with_device("d").await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    device.say("devices/d/version", "1.0.0").await;
    device.hear().await;
    device.say("devices/d/ota/status", "SUCCESS").await;
    let claimed = server
        .device_until("d", |device| state(device) == "downloaded")
        .await;
    assert_eq!(
        claimed["version"], "1.1.0",
        "it is believed what it runs, and not that it is well"
    );
    let proof =
        json!({ "version": "1.1.0", "elf_sha256": elf_sha256(&c3("1.1.0")), "state": "valid" });
    device.say("devices/d/version", proof.to_string()).await;
    server
        .device_until("d", |device| state(device) == "confirmed")
        .await;
    assert_eq!(device.heard(), None);
}

#[tokio::test]
async fn a_device_that_takes_json_gets_the_full_offer() {
    let (server, mut device) = with_device("d").await;
    let release = server.publish("esp32c3", &c3("1.1.0")).await;
    let words = json!({ "version": "1.0.0", "format": "json", "device_type": "esp32c3", "chip": "esp32c3" });
    device.say("devices/d/version", words.to_string()).await;
    let (_, offer) = device.hear().await;
    let offer: Value = serde_json::from_str(&offer).unwrap();
    assert_eq!(offer["version"], "1.1.0");
    assert_eq!(offer["firmware_id"], release["firmware_id"]);
    assert_eq!(offer["checksum"], sha256(&c3("1.1.0")));
    let path = offer["download_url"].as_str().unwrap();
    let response = server.http.get(server.url(path)).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_release_reaches_devices_that_are_there_at_once() {
    let (server, mut device) = with_device("d").await;
    device.say("devices/d/version", "1.0.0").await;
    server
        .device_until("d", |device| device["version"] == "1.0.0")
        .await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    let (_, url) = device.hear().await;
    assert!(url.contains("/d/d/"), "{url}");
    // A channel of its own is a change, too.
    let testing = [
        ("device_type", "esp32c3"),
        ("status", "testing"),
        ("channel", "beta"),
    ];
    server.publish_as(&testing, &c3("1.2.0")).await;
    let response = server
        .patch("/api/devices/d", &json!({ "channel": "beta" }))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    let (_, url) = device.hear().await;
    let image = server.http.get(url).send().await.unwrap();
    assert_eq!(image.headers()["x-firmware-version"], "1.2.0");
}

#[tokio::test]
async fn a_failure_with_a_reason_is_kept_with_it() {
    let (server, mut device) = with_device("d").await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    device.say("devices/d/version", "1.0.0").await;
    device.hear().await;
    let failed =
        json!({ "status": "FAILED", "reason": "connection_lost", "detail": "at byte 4096" });
    device.say("devices/d/ota/status", failed.to_string()).await;
    let device = server
        .device_until("d", |device| state(device) == "failed")
        .await;
    assert_eq!(device["deployments"][0]["reason"], "connection_lost");
    assert_eq!(device["deployments"][0]["detail"], "at byte 4096");
}

#[tokio::test]
async fn duplicates_are_harmless() {
    let (server, mut device) = with_device("d").await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    for _ in 0..5 {
        device.say("devices/d/version", "1.0.0").await;
    }
    device.hear().await;
    for word in ["SUCCESS", "SUCCESS", "STARTED", "SUCCESS"] {
        device.say("devices/d/ota/status", word).await;
    }
    device.say("devices/d/ota/status", "FAILED").await;
    device.say("devices/d/ota/status", "FAILED").await;
    let d = server
        .device_until("d", |device| state(device) == "failed")
        .await;
    assert_eq!(d["deployments"][0]["failures"], 1);
    assert_eq!(
        device.heard(),
        None,
        "a device that is told twice may flash twice"
    );
}

#[tokio::test]
async fn what_cannot_be_read_changes_nothing_and_stops_nothing() {
    let (server, mut device) = with_device("d").await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    for payload in [
        &b""[..],
        b"\xff\xfe",
        b"{",
        &[b'1'; 5000],
        b"{\"version\":7}",
    ] {
        device.say("devices/d/version", payload).await;
        device.say("devices/d/ota/status", payload).await;
        device.say("devices/d/presence", payload).await;
    }
    device.say("devices/d/health", "{\"fw\":\"9.9.9\"}").await;
    device.say("devices/d/version", "1.0.0").await;
    let (_, url) = device.hear().await;
    assert!(url.contains("/d/d/"), "{url}");
}

#[tokio::test]
async fn check_update_says_what_was_decided_and_whether_it_was_told() {
    let (server, mut device) = with_device("d").await;
    let nothing = server.check_update("d").await;
    assert_eq!(
        (nothing["sent"].as_str(), &nothing["offer"]),
        (Some("nothing"), &Value::Null)
    );
    server.publish("esp32c3", &c3("1.1.0")).await;
    device.say("devices/d/version", "1.0.0").await;
    device.hear().await;
    // Whoever asks for it gets it again.
    let asked = server.check_update("d").await;
    assert_eq!(asked["sent"], "published");
    assert_eq!(asked["connected"], true);
    assert_eq!(asked["offer"], "1.1.0");
    assert!(asked["reasons"].to_string().contains("1.1.0"), "{asked}");
    device.hear().await;
    let viewer = server.token("viewer").await;
    let response = server
        .bare(reqwest::Method::POST, "/api/devices/d/check-update")
        .bearer_auth(viewer)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let response = server
        .post("/api/devices/nobody/check-update", &json!({}))
        .await;
    assert_eq!(refusal(response).await.0, 404);
}

#[tokio::test]
async fn a_check_update_is_no_sign_of_life() {
    let server = start_embedded(|_| {}).await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    server.enrol("silent", "esp32c3").await;
    let asked = server.check_update("silent").await;
    assert_eq!(
        (asked["sent"].as_str(), asked["connected"].as_bool()),
        (Some("waits"), Some(false))
    );
    let device = server.json("/api/devices/silent").await;
    assert_eq!(device["last_seen"], Value::Null);
}

#[tokio::test]
async fn the_broker_s_address_taken_is_an_error_with_a_code() {
    use updraft_server::{Config, Embedded, Mqtt, Server};
    let first = start_embedded(|_| {}).await;
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path().join("data"));
    config.mqtt = Mqtt::Embedded(Embedded {
        listen: first.broker(),
    });
    let error = Server::start(config).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "mqtt_cannot_listen");
    assert!(error.to_string().contains(&first.broker().to_string()));
}
