//! Routes without a token.

use reqwest::Method;
use serde_json::json;

use crate::support::images::c3;
use crate::support::{refusal, start, start_open, start_with};

#[tokio::test]
async fn health_says_whether_devices_need_tokens() {
    let server = start().await;
    let health = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "device_auth": "required", "mqtt": "off" });
    assert_eq!(server.json("/healthz").await, health);
    let server = start_open().await;
    assert_eq!(server.json("/healthz").await["device_auth"], "open");
}

#[tokio::test]
async fn ready_while_files_can_be_written() {
    let server = start().await;
    assert_eq!(server.json("/readyz").await, json!({ "status": "ok" }));
    let server = start().await;
    std::fs::remove_dir(server.data().join("artifacts/incoming")).unwrap();
    let response = server.bare(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(refusal(response).await, (503, "not_ready".to_owned()));
}

#[tokio::test]
async fn metrics_count() {
    let server = start().await;
    let image = c3("1.0.0");
    let release = server.publish("esp32c3", &image).await;
    server
        .get("/firmwares/latest/esp32c3?device_id=d1&version=0.9.0")
        .await;
    let url = release["download_url"].as_str().unwrap();
    server.get(url).await.bytes().await.unwrap();
    let failed = json!({
        "firmware_version": "1.0.0", "update_status": "failed", "reason": "checksum_mismatch",
    });
    server.post("/api/devices/d1/reports", &failed).await;
    server.get("/no/such/route").await;

    let response = server.bare(Method::GET, "/metrics").send().await.unwrap();
    let text = response.text().await.unwrap();
    for line in [
        "updraft_requests_total{group=\"device\",status=\"200\"} 3",
        "updraft_requests_total{group=\"publisher\",status=\"201\"} 1",
        "updraft_requests_total{group=\"unknown\",status=\"404\"} 1",
        "updraft_deployments_total{state=\"failed\"} 1",
        "updraft_failures_total{stage=\"offered\",reason=\"checksum_mismatch\"} 1",
        "updraft_downloads_total 1",
        "updraft_check_ins_total 1",
        "updraft_offers_total 1",
        "updraft_uploads_total 1",
        "# TYPE updraft_connections gauge",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no {line} in\n{text}"
        );
    }
    assert!(server.metric("sent_bytes_total").await > image.len() as u64);
}

#[tokio::test]
async fn metrics_need_a_viewer_unless_open() {
    let server = start_with(|config| config.metrics_open = Some(false)).await;
    let response = server.bare(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(refusal(response).await.0, 401);
    let viewer = server.token("viewer").await;
    let request = server.bare(Method::GET, "/metrics").bearer_auth(viewer);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_same_form() {
    let server = start().await;
    let response = server.get("/no/such/route").await;
    assert_eq!(refusal(response).await, (404, "no_such_route".to_owned()));
    let response = server.delete("/api/types").await;
    assert_eq!(
        refusal(response).await,
        (405, "method_not_allowed".to_owned())
    );
}
