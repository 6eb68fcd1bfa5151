//! Clients that go away in the middle: what was committed takes effect all the same.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::images::c3;
use crate::support::{TestServer, raw, start, start_with};

/// Enough that some clients go away between a change's commit and what follows it.
const CLIENTS: u16 = 150;

/// Sends a request and resets the connection up to five milliseconds later.
async fn send_and_go(server: &TestServer, number: u16, head: &str, body: &str) {
    let request = format!(
        "{head} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        server.admin,
        body.len()
    );
    let address = server.running.as_ref().unwrap().local_addr;
    let stream = raw::send(address, request.as_bytes()).await;
    // Not to wait for anything: the moment of going is what varies.
    tokio::time::sleep(Duration::from_micros(u64::from(number % 100) * 50)).await;
    stream.set_zero_linger().unwrap();
}

/// Changes take effect one after the other: those that were committed before this one have done so when it is
/// answered. An enrolment itself reads neither releases nor tokens again.
async fn wait_for_committed(server: &TestServer, id: &str) {
    server.enrol(id, "esp32c3").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_in_the_database_is_in_effect() {
    let server = start().await;
    let release = server.publish("esp32c3", &c3("1.0.0")).await;
    let id = release["id"].as_str().unwrap();
    let mut seen = 0;
    for number in 0..CLIENTS {
        let head = format!("POST /api/releases/{id}/block");
        send_and_go(&server, number, &head, r#"{"reason":"it fails"}"#).await;
        let audit = server.json("/api/audit?limit=1000").await;
        let latest = audit.as_array().unwrap().last().unwrap();
        if latest["action"] != "release.block" {
            continue;
        }
        seen += 1;
        wait_for_committed(&server, &format!("block-{number}")).await;
        let shown = server.json(&format!("/api/releases/{id}")).await;
        assert_eq!(shown["blocked"], "it fails", "client {number}");
        let latest = server.get("/firmwares/latest/esp32c3").await;
        assert_eq!(latest.status(), 404, "client {number}");
        let unblocked = server
            .post(&format!("/api/releases/{id}/unblock"), &json!({}))
            .await;
        assert_eq!(unblocked.status(), 200);
    }
    assert!(seen > 0, "no client stayed long enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_revoked_in_the_database_opens_nothing() {
    // Every revoked token is tried, all from one address.
    let server = start_with(|config| config.limits.max_auth_failures = u32::MAX).await;
    let mut seen = 0;
    for number in 0..CLIENTS {
        let new = json!({ "name": format!("viewer {number}"), "role": "viewer" });
        let issued: Value = server.post("/api/tokens", &new).await.json().await.unwrap();
        let id = issued["token"]["id"].as_str().unwrap();
        let head = format!("DELETE /api/tokens/{id}");
        send_and_go(&server, number, &head, "").await;
        let tokens = server.json("/api/tokens").await;
        if tokens.to_string().contains(id) {
            continue;
        }
        seen += 1;
        wait_for_committed(&server, &format!("revoke-{number}")).await;
        let secret = issued["secret"].as_str().unwrap();
        let request = server
            .bare(Method::GET, "/api/releases")
            .bearer_auth(secret);
        assert_eq!(request.send().await.unwrap().status(), 401, "{number}");
    }
    assert!(seen > 0, "no client stayed long enough");
}
