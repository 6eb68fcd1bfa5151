//! Status, channels, blocks, deletion: what an operator changes, and what devices then get.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::images::c3;
use crate::support::{TestServer, refusal, start};

/// What a device that runs 0.9.0 and follows a channel is offered.
async fn offered(server: &TestServer, device: &str) -> Option<String> {
    let body = json!({ "device_type": "esp32c3", "version": "0.9.0" });
    let reply: Value = server
        .post(&format!("/api/devices/{device}/check-in"), &body)
        .await
        .json()
        .await
        .unwrap();
    reply["offer"]["version"].as_str().map(str::to_owned)
}

async fn publish(server: &TestServer, version: &str, status: &str) -> String {
    let fields = [("device_type", "esp32c3"), ("status", status)];
    let release = server.publish_as(&fields, &c3(version)).await;
    release["id"].as_str().unwrap().to_owned()
}

async fn change(server: &TestServer, id: &str, action: &str, body: Value) -> Value {
    let path = format!("/api/releases/{id}/{action}");
    let response = server.post(&path, &body).await;
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

#[tokio::test]
async fn a_device_gets_the_highest_stable_unblocked_version() {
    let server = start().await;
    assert_eq!(offered(&server, "d").await, None);
    let newest = publish(&server, "1.3.0", "stable").await;
    // An older line's patch comes later and takes nothing away.
    let older = publish(&server, "1.1.0", "stable").await;
    assert_eq!(offered(&server, "d").await.as_deref(), Some("1.3.0"));
    let blocked = change(&server, &newest, "block", json!({ "reason": "no Wi-Fi" })).await;
    assert_eq!(blocked["blocked"], "no Wi-Fi");
    assert_eq!(offered(&server, "d").await.as_deref(), Some("1.1.0"));
    change(&server, &newest, "unblock", json!({})).await;
    assert_eq!(offered(&server, "d").await.as_deref(), Some("1.3.0"));
    for (id, status) in [(&newest, "deprecated"), (&older, "testing")] {
        let response = server
            .patch(&format!("/api/releases/{id}"), &json!({ "status": status }))
            .await;
        assert_eq!(response.json::<Value>().await.unwrap()["status"], status);
    }
    assert_eq!(offered(&server, "d").await, None);
}

#[tokio::test]
async fn testing_releases_reach_only_their_channel() {
    let server = start().await;
    publish(&server, "1.0.0", "stable").await;
    let testing = publish(&server, "1.1.0", "testing").await;
    assert_eq!(offered(&server, "tester").await.as_deref(), Some("1.0.0"));
    let response = server
        .patch("/api/devices/tester", &json!({ "channel": "beta" }))
        .await;
    assert_eq!(response.json::<Value>().await.unwrap()["channel"], "beta");
    assert_eq!(offered(&server, "tester").await.as_deref(), Some("1.0.0"));
    change(&server, &testing, "promote", json!({ "channel": "beta" })).await;
    assert_eq!(offered(&server, "tester").await.as_deref(), Some("1.1.0"));
    assert_eq!(offered(&server, "other").await.as_deref(), Some("1.0.0"));

    let promoted = change(&server, &testing, "promote", json!({ "channel": "stable" })).await;
    assert_eq!(promoted["status"], "stable");
    assert_eq!(offered(&server, "other").await.as_deref(), Some("1.1.0"));

    let server = server.restart(|_| {}).await;
    assert_eq!(server.json("/api/devices/tester").await["channel"], "beta");
}

#[tokio::test]
async fn the_stable_channel_moves_forward_and_knows_where_it_was() {
    let server = start().await;
    let stable = async || server.json("/api/channels").await[0].clone();
    publish(&server, "1.1.0", "stable").await;
    assert_eq!(stable().await["version"], "1.1.0");
    assert_eq!(stable().await["previous_version"], Value::Null);
    publish(&server, "1.3.0", "stable").await;
    assert_eq!(stable().await["version"], "1.3.0");
    assert_eq!(stable().await["previous_version"], "1.1.0");
    publish(&server, "1.0.0", "stable").await;
    publish(&server, "1.4.0", "testing").await;
    assert_eq!(
        stable().await["version"],
        "1.3.0",
        "neither back nor to a test"
    );
    let none = server.json("/api/channels?device_type=esp32s3").await;
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn an_upload_may_name_its_channel() {
    let server = start().await;
    let fields = [
        ("device_type", "esp32c3"),
        ("status", "testing"),
        ("channel", "beta"),
        ("required", "true"),
    ];
    let release = server.publish_as(&fields, &c3("1.0.0")).await;
    assert_eq!(release["status"], "testing");
    assert_eq!(release["required"], true);
    let channels = server.json("/api/channels").await;
    assert_eq!(
        channels,
        json!([{
            "device_type": "esp32c3", "name": "beta", "release_id": release["id"], "version": "1.0.0",
        }])
    );
}

#[tokio::test]
async fn only_a_release_that_nobody_was_offered_can_be_deleted() {
    let server = start().await;
    let first = publish(&server, "1.0.0", "stable").await;
    let second = publish(&server, "1.1.0", "stable").await;
    assert_eq!(offered(&server, "d").await.as_deref(), Some("1.1.0"));
    let refused = server.delete(&format!("/api/releases/{second}")).await;
    assert_eq!(refusal(refused).await, (409, "was_offered".to_owned()));
    assert_eq!(
        server.json(&format!("/api/releases/{second}")).await["offered"],
        true
    );
    assert_eq!(
        server
            .delete(&format!("/api/releases/{first}"))
            .await
            .status(),
        204
    );
    assert_eq!(server.artifacts().len(), 1);
    let gone = server.get(&format!("/api/releases/{first}")).await;
    assert_eq!(refusal(gone).await, (404, "release_not_found".to_owned()));
    let again = server.delete(&format!("/api/releases/{first}")).await;
    assert_eq!(refusal(again).await, (404, "not_found".to_owned()));
    let channels = server.json("/api/channels").await;
    assert_eq!(channels[0]["previous_version"], Value::Null);
    // That it was offered is kept.
    let server = server.restart(|_| {}).await;
    let refused = server.delete(&format!("/api/releases/{second}")).await;
    assert_eq!(refusal(refused).await, (409, "was_offered".to_owned()));
}

#[tokio::test]
async fn deleting_what_a_channel_points_at_sends_it_back() {
    let server = start().await;
    publish(&server, "1.0.0", "stable").await;
    let newest = publish(&server, "1.1.0", "stable").await;
    server.delete(&format!("/api/releases/{newest}")).await;
    let channels = server.json("/api/channels").await;
    assert_eq!(channels[0]["version"], "1.0.0");
    assert_eq!(channels[0]["previous_version"], Value::Null);
}

#[tokio::test]
async fn what_an_operator_may_not_say() {
    let server = start().await;
    let id = publish(&server, "1.0.0", "stable").await;
    let path = |action: &str| format!("/api/releases/{id}/{action}");
    let long = "x".repeat(513);
    for (action, body, wanted) in [
        ("block", json!({ "reason": " " }), (400, "bad_reason")),
        ("block", json!({ "reason": long }), (400, "bad_reason")),
        ("block", json!({}), (400, "bad_json")),
        ("promote", json!({ "channel": "" }), (400, "bad_channel")),
        (
            "promote",
            json!({ "channel": "beta", "force": true }),
            (400, "bad_json"),
        ),
    ] {
        let (status, code) = refusal(server.post(&path(action), &body).await).await;
        assert_eq!((status, code.as_str()), wanted, "{action} {body}");
    }
    let release = format!("/api/releases/{id}");
    for (body, wanted) in [
        (json!({ "version": "2.0.0" }), (400, "bad_json")),
        (json!({ "status": "blessed" }), (400, "bad_json")),
        (
            json!({ "description": "x".repeat(5000) }),
            (413, "field_too_long"),
        ),
        (
            json!({ "description": "x".repeat(70_000) }),
            (413, "body_too_large"),
        ),
    ] {
        let (status, code) = refusal(server.patch(&release, &body).await).await;
        assert_eq!((status, code.as_str()), wanted);
    }
    for action in ["block", "unblock", "promote"] {
        let body = json!({ "reason": "r", "channel": "beta" });
        let body = match action {
            "block" => json!({ "reason": body["reason"] }),
            _ => json!({ "channel": body["channel"] }),
        };
        let response = server
            .post(&format!("/api/releases/nothing/{action}"), &body)
            .await;
        assert_eq!(
            refusal(response).await,
            (404, "not_found".to_owned()),
            "{action}"
        );
    }
    assert_eq!(server.json(&release).await["status"], "stable");
}

#[tokio::test]
async fn releases_are_listed_newest_first() {
    let server = start().await;
    for version in ["1.1.0", "1.3.0", "1.0.0"] {
        publish(&server, version, "stable").await;
    }
    let list = server.json("/api/releases").await;
    let versions: Vec<&str> = list["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|release| release["version"].as_str().unwrap())
        .collect();
    assert_eq!(versions, ["1.3.0", "1.1.0", "1.0.0"]);
    let other = server
        .request(Method::GET, "/api/releases?device_type=x")
        .send()
        .await
        .unwrap();
    assert_eq!(
        other.json::<Value>().await.unwrap(),
        json!({ "releases": [] })
    );
}
