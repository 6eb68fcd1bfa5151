//! Who may do what at the embedded broker.

use reqwest::Method;
use rumqttc_v4::{ConnectReturnCode, ConnectionError, LastWill, QoS};
use serde_json::json;

use super::scene::{Client, start_embedded};
use crate::support::random_token;

fn refusal(result: Result<Client, ConnectionError>) -> ConnectReturnCode {
    match result.err() {
        Some(ConnectionError::ConnectionRefused(code)) => code,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn nobody_connects_without_a_device_s_own_token() {
    let server = start_embedded(|_| {}).await;
    let broker = server.broker();
    let token = server.enrol("a", "esp32c3").await;
    let other = server.enrol("b", "esp32c3").await;
    let mut anonymous = Client::options(broker, "x", "", "");
    anonymous.set_credentials("", "");
    let logins = [
        ("a", ""),
        ("a", "wrong"),
        ("a", &random_token()),
        // Another device's token, an operator's, the fleet's key.
        ("a", other.as_str()),
        ("b", token.as_str()),
        ("nobody", token.as_str()),
        ("a", server.admin.as_str()),
        ("a", server.key.as_str()),
        ("updraft", server.admin.as_str()),
        ("", token.as_str()),
        ("+", token.as_str()),
    ];
    for (user, password) in logins {
        let options = Client::options(broker, "client", user, password);
        let code = refusal(Client::connect(options).await);
        assert!(
            matches!(
                code,
                ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized
            ),
            "{user}: {code:?}"
        );
    }
    let none = rumqttc_v4::MqttOptions::new("x", (broker.ip().to_string(), broker.port()));
    refusal(Client::connect(none).await);
    refusal(Client::connect(anonymous).await);
    let right = Client::options(broker, "any-name", "a", &token);
    Client::connect(right).await.unwrap();
}

#[tokio::test]
async fn open_device_auth_opens_http_and_not_the_broker() {
    let server = start_embedded(|config| {
        config.device_auth = updraft_server::DeviceAuth::Open;
    })
    .await;
    let options = Client::options(server.broker(), "x", "x", "");
    refusal(Client::connect(options).await);
}

#[tokio::test]
async fn device_a_cannot_read_b_s_topics_and_wildcards_are_refused() {
    let server = start_embedded(|_| {}).await;
    let token = server.enrol("a", "esp32c3").await;
    server.enrol("b", "esp32c3").await;
    for filter in [
        "devices/b/ota",
        "devices/b/ota/status",
        "devices/b/version",
        "devices/+/ota",
        "devices/#",
        "#",
        "+/b/ota",
        "devices/a/#",
        "devices/a/+",
        "$SYS/#",
        "$share/g/devices/b/ota",
        "$share/g/devices/a/ota",
        "$limit/1/devices/b/ota",
    ] {
        let options = Client::options(server.broker(), "a", "a", &token);
        let mut client = Client::connect(options).await.unwrap();
        assert!(!client.subscribe(filter).await, "{filter}");
    }
    let mut client = Client::device(server.broker(), "a", &token).await;
    for own in ["devices/a/ota/status", "devices/a/version", "devices/a/x"] {
        assert!(client.subscribe(own).await, "{own}");
    }
}

#[tokio::test]
async fn device_a_cannot_write_b_s_topics() {
    let server = start_embedded(|_| {}).await;
    let broker = server.broker();
    let a = server.enrol("a", "esp32c3").await;
    let b = server.enrol("b", "esp32c3").await;
    let client = Client::device(broker, "a", &a).await;
    let mut victim = Client::device(broker, "b", &b).await;
    client.say("devices/b/version", "6.6.6").await;
    client.say("devices/b/ota/status", "SUCCESS").await;
    client.say("devices/b/presence", "offline").await;
    client
        .say("devices/b/ota", "http://evil.example/x.bin")
        .await;
    // Not even its own: the order is the server's word.
    client
        .say("devices/a/ota", "http://evil.example/x.bin")
        .await;
    client.say("devices/a/version", "1.0.0").await;
    server
        .device_until("a", |device| device["version"] == "1.0.0")
        .await;
    victim.say("devices/b/version", "1.0.1").await;
    let b = server
        .device_until("b", |device| device["version"] == "1.0.1")
        .await;
    assert!(b["deployments"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(victim.heard(), None, "nothing reached it");
}

#[tokio::test]
async fn a_last_will_may_not_speak_for_another_device() {
    let server = start_embedded(|_| {}).await;
    let token = server.enrol("a", "esp32c3").await;
    server.enrol("b", "esp32c3").await;
    for topic in [
        "devices/b/ota/status",
        "devices/b/presence",
        "devices/a/ota",
        "x",
    ] {
        let mut options = Client::options(server.broker(), "a", "a", &token);
        options.set_last_will(LastWill::new(topic, "FAILED", QoS::AtLeastOnce, false));
        assert_eq!(
            refusal(Client::connect(options).await),
            ConnectReturnCode::NotAuthorized,
            "{topic}"
        );
    }
}

#[tokio::test]
async fn a_client_s_name_in_use_is_not_taken_by_another_device() {
    let server = start_embedded(|_| {}).await;
    let broker = server.broker();
    let a = server.enrol("a", "esp32c3").await;
    let b = server.enrol("b", "esp32c3").await;
    let mut victim = Client::connect(Client::options(broker, "ESP32Client", "b", &b))
        .await
        .unwrap();
    assert!(victim.subscribe("devices/b/ota").await);
    // Whoever takes a client's name takes its session; another device's own name is never free.
    for name in ["ESP32Client", "b"] {
        refusal(Client::connect(Client::options(broker, name, "a", &a)).await);
    }
    let options = Client::options(broker, "ESP32Client", "b", &b);
    Client::connect(options).await.unwrap();
}

#[tokio::test]
async fn a_replaced_token_ends_a_device_s_rights_at_once() {
    let server = start_embedded(|_| {}).await;
    let token = server.enrol("a", "esp32c3").await;
    let mut client = Client::device(server.broker(), "a", &token).await;
    let response = server
        .request(Method::POST, "/api/devices/a/token")
        .json(&json!({ "device_type": "esp32c3" }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    client.say("devices/a/version", "6.6.6").await;
    assert!(!client.subscribe("devices/a/version").await);
    assert_eq!(
        server.json("/api/devices/a").await["version"],
        serde_json::Value::Null
    );
}
