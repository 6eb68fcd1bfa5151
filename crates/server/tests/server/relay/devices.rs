//! Who a device is at a relay.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use updraft_server::DeviceAuth;

use super::link::Way;
use super::{Site, until};
use crate::support::images::{c3, elf_sha256};
use crate::support::{TestServer, random_token, refusal};

async fn ask_with(server: &TestServer, id: &str, token: &str) -> StatusCode {
    let body = json!({
        "device_type": "esp32c3", "version": "1.0.0", "elf_sha256": elf_sha256(&c3("1.0.0")), "state": "valid",
    });
    let request = server.bare(Method::POST, &format!("/api/devices/{id}/check-in"));
    request
        .bearer_auth(token)
        .json(&body)
        .send()
        .await
        .unwrap()
        .status()
}

#[tokio::test]
async fn a_devices_token_opens_the_relay_too_until_it_is_replaced() {
    let site = Site::start().await;
    let config = site.config();
    let site = site
        .restart_relay(config, |config| config.device_auth = DeviceAuth::Required)
        .await;
    let token = site.primary.enrol("d", "esp32c3").await;
    assert_eq!(ask_with(&site.relay, "d", &random_token()).await, 401);
    until("the token", async || {
        ask_with(&site.relay, "d", &token).await == 200
    })
    .await;
    assert_eq!(ask_with(&site.relay, "other", &token).await, 403);
    // Without the primary, too.
    site.link.set(Way::Cut);
    assert_eq!(ask_with(&site.relay, "d", &token).await, 200);
    site.link.set(Way::Clear);
    let replaced = site
        .primary
        .post("/api/devices/d/token", &json!({ "device_type": "esp32c3" }))
        .await;
    assert!(replaced.status().is_success());
    until("the refusal", async || {
        ask_with(&site.relay, "d", &token).await == 401
    })
    .await;
}

#[tokio::test]
async fn a_device_enrols_through_the_relay_if_the_primary_agrees() {
    let site = Site::start().await;
    let token = random_token();
    let enrol = async |key: &str| {
        let body = json!({
            "device_id": "new", "device_type": "esp32c3", "enrolment_key": key, "token": token,
        });
        let request = site
            .relay
            .bare(Method::POST, "/api/devices/enrol")
            .json(&body);
        request.send().await.unwrap()
    };
    let wrong = refusal(enrol("not the fleet's key at all").await).await;
    assert_eq!(wrong, (401, "bad_enrolment_key".to_owned()));
    let own = refusal(enrol(&site.relay.key).await).await;
    assert_eq!(
        own,
        (401, "bad_enrolment_key".to_owned()),
        "a relay's own key opens nothing"
    );
    assert_eq!(enrol(&site.primary.key).await.status(), 201);
    assert_eq!(ask_with(&site.relay, "new", &token).await, 200);
    assert_eq!(ask_with(&site.primary, "new", &token).await, 200);
    site.caught_up().await;
    assert_eq!(ask_with(&site.relay, "new", &token).await, 200);
    site.link.set(Way::Cut);
    let away = refusal(enrol(&site.primary.key).await).await;
    assert_eq!(away, (503, "upstream_unreachable".to_owned()));
}

#[tokio::test]
async fn a_relay_of_one_site_knows_its_devices_only_and_their_pins_and_holds() {
    let site = Site::start().await;
    for (id, place) in [("here", "A"), ("there", "B")] {
        let body = json!({ "device_type": "esp32c3", "version": "1.0.0", "site": place });
        let path = format!("/api/devices/{id}/check-in");
        assert_eq!(site.primary.post(&path, &body).await.status(), 200);
    }
    let held = json!({ "hold": { "reason": "on the bench" } });
    assert_eq!(
        site.primary
            .patch("/api/devices/here", &held)
            .await
            .status(),
        200
    );
    let snapshot = async |query: &str| -> Value {
        let path = format!("/api/relay/snapshot{query}");
        let text = site.primary.get(&path).await.text().await.unwrap();
        serde_json::from_str(text.split_once('\n').unwrap().1).unwrap()
    };
    let ids = |snapshot: &Value| -> Vec<String> {
        let devices = snapshot["body"]["devices"].as_array().unwrap();
        devices
            .iter()
            .map(|device| device["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&snapshot("").await), ["here", "there"]);
    assert_eq!(ids(&snapshot("?site=A").await), ["here"]);
    site.caught_up().await;
    let why = super::why(&site.relay, "here").await;
    assert!(why.contains("on the bench"), "{why}");
}
