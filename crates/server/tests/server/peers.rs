//! What the seeds' own projects get wrong, one test each: ours gets it right.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::images::{c3, rebuilt};
use crate::support::{TestServer, raw, refusal, start, start_open, start_with};

async fn upload_v1(server: &TestServer, version: &str, body: Vec<u8>) -> reqwest::Response {
    let url = format!("/api/v1/firmware/upload?version={version}");
    server
        .request(Method::POST, &url)
        .body(body)
        .send()
        .await
        .unwrap()
}

async fn latest_v1(server: &TestServer, query: &str) -> Value {
    server
        .json(&format!("/api/v1/firmware/latest{query}"))
        .await
}

// 002, RuView.

#[tokio::test]
async fn an_upload_needs_a_token() {
    let server = start_open().await;
    let url = "/api/v1/firmware/upload?version=1.0.0";
    let request = server.bare(Method::POST, url).body(c3("1.0.0"));
    assert_eq!(
        refusal(request.send().await.unwrap()).await,
        (401, "token_required".to_owned())
    );
}

#[tokio::test]
async fn text_is_not_firmware() {
    let server = start().await;
    let text = b"hello!".repeat(60_000);
    let refused = upload_v1(&server, "1.0.0", text).await;
    assert_eq!(refusal(refused).await, (422, "text_file".to_owned()));
}

#[tokio::test]
async fn a_version_is_never_overwritten() {
    let server = start().await;
    assert_eq!(upload_v1(&server, "1.0.0", c3("1.0.0")).await.status(), 200);
    assert_eq!(
        upload_v1(&server, "1.0.0", c3("1.0.0")).await.status(),
        200,
        "the same bytes"
    );
    let other = upload_v1(&server, "1.0.0", rebuilt(&c3("1.0.0"))).await;
    assert_eq!(refusal(other).await, (409, "version_exists".to_owned()));
}

#[tokio::test]
async fn a_lower_version_published_later_is_not_the_latest() {
    let server = start().await;
    upload_v1(&server, "1.1.0", c3("1.1.0")).await;
    assert_eq!(upload_v1(&server, "1.0.0", c3("1.0.0")).await.status(), 200);
    assert_eq!(latest_v1(&server, "").await["version"], "1.1.0");
    assert_eq!(
        latest_v1(&server, "?version=1.1.0").await["available"],
        false
    );
}

#[tokio::test]
async fn a_refused_version_leaves_no_file() {
    let server = start().await;
    let refused = upload_v1(&server, "nodots-at-all", c3("1.0.0")).await;
    assert_eq!(refusal(refused).await.0, 400);
    server.assert_nothing_left("no version").await;
}

#[tokio::test]
async fn a_stale_sidecar_cannot_lie_about_the_version() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("node-1.0.0.bin"), c3("1.0.0")).unwrap();
    let sidecar = folder.path().join("node-1.0.0.bin.manifest.json");
    std::fs::write(sidecar, r#"{"version":"9.9.9"}"#).unwrap();
    let path = folder.path().to_owned();
    let server = start_with(|config| config.firmware_dir = Some(path)).await;
    server.assert_nothing_left("a stale sidecar").await;
}

#[tokio::test]
async fn one_limit_and_its_own_words() {
    // A type's slot of 2 MiB is the limit of every way in, and what exceeds it is told so by us.
    let server = start().await;
    let fits = [c3("1.0.0"), vec![0xff; 2 * 1024 * 1024]].concat();
    let refused = refusal(upload_v1(&server, "1.0.0", fits).await).await;
    assert!(
        matches!(refused.1.as_str(), "trailing_bytes" | "too_large"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_range_gives_a_range_and_an_etag() {
    let server = start().await;
    upload_v1(&server, "1.0.0", c3("1.0.0")).await;
    let request = server
        .request(Method::GET, "/api/v1/firmware/download")
        .header("range", "bytes=100-");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 206);
    assert!(response.headers().contains_key("etag"));
    assert_eq!(response.headers()["accept-ranges"], "bytes");
    assert_eq!(response.bytes().await.unwrap(), c3("1.0.0")[100..]);
}

#[tokio::test]
async fn newer_means_newer_and_a_suffix_counts() {
    let server = start().await;
    upload_v1(&server, "1.0.0", c3("1.0.0")).await;
    for (running, available) in [
        ("1.0.0", false),
        ("1.0.0-rc1", true),
        ("1.0.1-rc1", false),
        ("0.9.9", true),
        ("2.0.0", false),
        ("v1.0", false),
    ] {
        let query = format!("?version={running}");
        assert_eq!(
            latest_v1(&server, &query).await["available"],
            available,
            "{running}"
        );
    }
}

#[tokio::test]
async fn the_digest_is_always_there_and_the_json_compact() {
    let server = start_open().await;
    upload_v1(&server, "1.0.0", c3("1.0.0")).await;
    let address = server.running.as_ref().unwrap().local_addr;
    let request =
        "GET /api/v1/firmware/latest HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let (head, body) = raw::exchange(address, request).await;
    let text = String::from_utf8(body).unwrap();
    // The client searches this very text, and refuses an answer without a length.
    assert!(text.contains(r#""available":true"#), "{text}");
    assert!(!text.contains(": ") && !text.contains('\n'), "{text}");
    assert!(
        head.to_lowercase()
            .contains(&format!("content-length: {}", text.len())),
        "{head}"
    );
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["sha256"].as_str().unwrap().len(), 64);
}

// 003, the S3 and MQTT backend.

#[tokio::test]
async fn a_blocked_version_is_enforced() {
    let server = start().await;
    let release = server.publish("esp32c3", &c3("1.1.0")).await;
    let id = release["id"].as_str().unwrap();
    server
        .post(
            &format!("/api/releases/{id}/block"),
            &json!({ "reason": "bad" }),
        )
        .await;
    let refused = server
        .get("/firmwares/latest/esp32c3?device_id=d&version=1.0.0")
        .await;
    assert_eq!(refusal(refused).await, (404, "no_firmware".to_owned()));
    let refused = server.get(&format!("/firmwares/{id}/download")).await;
    assert_eq!(refusal(refused).await, (410, "release_blocked".to_owned()));
}

#[tokio::test]
async fn nobody_is_offered_the_same_or_a_lower_version() {
    let server = start().await;
    server.publish("esp32c3", &c3("1.0.0")).await;
    for version in ["1.0.0", "1.0.1", "1.0.0+other"] {
        let body = json!({ "device_type": "esp32c3", "version": version });
        let reply: Value = server
            .post("/api/devices/d/check-in", &body)
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(reply.get("offer"), None, "{version}");
    }
}

#[tokio::test]
async fn the_version_has_one_source() {
    let server = start().await;
    let fields = [("device_type", "esp32c3"), ("version", "1.0.5")];
    let refused = server.upload(&fields, Some(c3("1.0.0"))).await;
    assert_eq!(refusal(refused).await, (422, "version_mismatch".to_owned()));
    let release = server.publish("esp32c3", &c3("1.0.0")).await;
    assert_eq!(release["version"], "1.0.0", "the image's own");
}

#[tokio::test]
async fn an_offline_device_catches_up_when_it_asks() {
    let server = start().await;
    let body = json!({ "device_type": "esp32c3", "version": "1.0.0" });
    server.post("/api/devices/d/check-in", &body).await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    let server = server.restart(|_| {}).await;
    let reply: Value = server
        .post("/api/devices/d/check-in", &body)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(reply["offer"]["version"], "1.1.0");
}

// 004, the orchestrator: its router was never built by a test, and its server does not start.

#[tokio::test]
async fn the_server_starts_and_every_documented_path_is_there() {
    let server = start_open().await;
    let release = server.publish("esp32c3", &c3("1.0.0")).await;
    let id = release["id"].as_str().unwrap();
    for path in [
        "/firmwares/latest/esp32c3".to_owned(),
        format!("/firmwares/{id}/download"),
        "/api/firmwares".to_owned(),
        format!("/api/firmwares/{id}"),
        "/api/v1/firmware/latest?device_type=esp32c3".to_owned(),
        "/api/v1/firmware/download?device_type=esp32c3".to_owned(),
        "/healthz".to_owned(),
    ] {
        let response = server.get(&path).await;
        assert_eq!(response.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn success_before_the_reboot_is_not_confirmed() {
    let server = start_open().await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    server
        .get("/firmwares/latest/esp32c3?device_id=b&version=1.0.0")
        .await;
    let report = json!({ "firmware_version": "1.1.0", "update_status": "success" });
    server.post("/api/beacons/b/ota_status", &report).await;
    let device = server.json("/api/devices/b").await;
    assert_eq!(device["deployments"][0]["state"], "downloaded");
}
