//! Seed 004's documented interface, byte for byte.

use std::net::SocketAddr;

use reqwest::Method;
use serde_json::json;

use crate::support::images::{c3, elf_sha256, sha256};
use crate::support::{self, TestServer, raw, start_open};

async fn published() -> (TestServer, String) {
    let server = start_open().await;
    let release = server
        .publish_as(
            &[
                ("device_type", "esp32c3"),
                ("version", "1.1.0"),
                ("description", "Fix nonce expiration bug"),
            ],
            &c3("1.1.0"),
        )
        .await;
    let id = release["firmware_id"].as_str().unwrap().to_owned();
    (server, id)
}

fn address(server: &TestServer) -> SocketAddr {
    server.running.as_ref().unwrap().local_addr
}

fn latest_body(id: &str) -> String {
    let image = c3("1.1.0");
    format!(
        r#"{{"firmware_id":"{id}","version":"1.1.0","checksum":"{}","size":{},"download_url":"/firmwares/{id}/download","required":false,"description":"Fix nonce expiration bug","elf_sha256":"{}","secure_version":0}}"#,
        sha256(&image),
        image.len(),
        elf_sha256(&image)
    )
}

#[tokio::test]
async fn seed_004_stage_2_latest_is_compact_and_of_known_length() {
    let (server, id) = published().await;
    assert!(
        id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()),
        "{id}"
    );
    let request = "GET /firmwares/latest/esp32c3 HTTP/1.1\r\nHost: o\r\nConnection: close\r\n\r\n";
    let (head, body) = raw::exchange(address(&server), request).await;
    let body = String::from_utf8(body).unwrap();
    assert_eq!(body, latest_body(&id));
    let head = head.to_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(
        head.contains(&format!("content-length: {}\r\n", body.len())),
        "{head}"
    );
    assert!(
        head.contains("content-type: application/json\r\n"),
        "{head}"
    );
    assert!(!head.contains("transfer-encoding"), "{head}");
}

#[tokio::test]
async fn a_client_of_http_1_0_is_served() {
    let (server, id) = published().await;
    let request = "GET /firmwares/latest/esp32c3 HTTP/1.0\r\n\r\n";
    let (head, body) = raw::exchange(address(&server), request).await;
    assert!(head.contains("200 OK"), "{head}");
    assert_eq!(String::from_utf8(body).unwrap(), latest_body(&id));
}

#[tokio::test]
async fn seed_004_stage_2_the_download_url_gives_the_file() {
    let (server, id) = published().await;
    let url = format!("/firmwares/{id}/download");
    let response = server.bare(Method::GET, &url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let length = response.headers()["content-length"]
        .to_str()
        .unwrap()
        .to_owned();
    let bytes = response.bytes().await.unwrap();
    assert_eq!(length, bytes.len().to_string());
    assert_eq!(bytes, c3("1.1.0"));
}

#[tokio::test]
async fn seed_004_stage_10_a_report_of_success_is_a_claim_until_proven() {
    let (server, _) = published().await;
    let url = "/firmwares/latest/esp32c3?device_id=beacon-7&version=1.0.0";
    assert_eq!(
        server.bare(Method::GET, url).send().await.unwrap().status(),
        200
    );
    // As the document has it; small clients send no content type.
    let report = r#"{"firmware_version":"1.1.0","update_status":"success","updated_at":1735689085,"previous_version":"1.0.0"}"#;
    let request = format!(
        "POST /api/beacons/beacon-7/ota_status HTTP/1.1\r\nHost: o\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{report}",
        report.len()
    );
    let (head, body) = raw::exchange(address(&server), &request).await;
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(body, br#"{"status":"ok"}"#);
    let device = server.json("/api/devices/beacon-7").await;
    assert_eq!(device["deployments"][0]["state"], "downloaded");
    assert_eq!(device["version"], "1.1.0");

    // The running app's ELF SHA-256 is the proof.
    let url = format!(
        "/firmwares/latest/esp32c3?device_id=beacon-7&elf_sha256={}",
        elf_sha256(&c3("1.1.0"))
    );
    let response = server.bare(Method::GET, &url).send().await.unwrap();
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(
        body["version"], "1.1.0",
        "what it runs, so that it compares equal"
    );
    let device = server.json("/api/devices/beacon-7").await;
    assert_eq!(device["deployments"][0]["state"], "confirmed");
}

#[tokio::test]
async fn seed_004_stage_2_a_device_is_offered_only_what_is_newer_than_its_own() {
    let (server, _) = published().await;
    let version = async |query: &str| {
        let url = format!("/firmwares/latest/esp32c3{query}");
        let response = server.bare(Method::GET, &url).send().await.unwrap();
        match response.status().as_u16() {
            200 => response.json::<serde_json::Value>().await.unwrap()["version"]
                .as_str()
                .unwrap()
                .to_owned(),
            _ => support::refusal(response).await.1,
        }
    };
    assert_eq!(version("").await, "1.1.0");
    assert_eq!(version("?version=1.0.9").await, "1.1.0");
    assert_eq!(version("?version=1.1.0").await, "1.1.0");
    assert_eq!(version("?version=1.1.0%2Bbuild.7").await, "1.1.0");
    assert_eq!(version("?version=1.1.0-rc.1").await, "1.1.0");
    assert_eq!(version("?version=1.1.1-rc.1").await, "no_firmware");
    assert_eq!(version("?device_id=d&version=2.0.0").await, "no_firmware");
    assert_eq!(version("?device_id=e&version=unknown").await, "no_firmware");
    assert_eq!(
        version("?device_id=f&version=1.0.0&chip=esp32c6").await,
        "no_firmware"
    );
    assert_eq!(
        version("?device_id=g&version=1.0.0&chip=ESP32-C3").await,
        "1.1.0"
    );
    assert_eq!(
        version("?device_id=h&version=1.0.0&slot_size=4096").await,
        "no_firmware"
    );
    assert_eq!(
        version("?device_id=i&version=1.0.0&state=pending_verify").await,
        "no_firmware"
    );
    let other = server.get("/firmwares/latest/esp32s3").await;
    assert_eq!(
        support::refusal(other).await,
        (404, "no_firmware".to_owned())
    );
}

#[tokio::test]
async fn the_upload_of_the_document_is_listed_shown_and_deleted() {
    let (server, id) = published().await;
    let list = server.json("/api/firmwares").await;
    assert_eq!(list["releases"][0]["id"], id);
    assert_eq!(
        server.json("/api/firmwares?device_type=esp32s3").await,
        json!({ "releases": [] })
    );
    let shown = server.json(&format!("/api/firmwares/{id}")).await;
    assert_eq!(shown, list["releases"][0]);
    assert_eq!(
        server
            .delete(&format!("/api/firmwares/{id}"))
            .await
            .status(),
        204
    );
    server.assert_nothing_left("deleted").await;
}
