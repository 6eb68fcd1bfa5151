//! Who a device is, and what is known of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::images::{c3, elf_sha256};
use crate::support::{TestServer, random_token, refusal, start, start_open, start_with};

fn enrolment(server: &TestServer, id: &str, token: &str) -> Value {
    json!({ "device_id": id, "device_type": "esp32c3", "enrolment_key": server.key, "token": token })
}

async fn enrol(server: &TestServer, body: &Value) -> reqwest::Response {
    let request = server.bare(Method::POST, "/api/devices/enrol").json(body);
    request.send().await.unwrap()
}

#[tokio::test]
async fn enrolling_again_with_the_same_token_costs_nothing() {
    let server = start().await;
    let token = random_token();
    let first = enrol(&server, &enrolment(&server, "d", &token)).await;
    assert_eq!(first.status(), 201);
    assert_eq!(first.text().await.unwrap(), r#"{"status":"ok"}"#);
    let again = enrol(&server, &enrolment(&server, "d", &token)).await;
    assert_eq!(again.status(), 200);
    let other = enrol(&server, &enrolment(&server, "d", &random_token())).await;
    assert_eq!(refusal(other).await, (409, "already_enrolled".to_owned()));
    let stolen = enrol(&server, &enrolment(&server, "e", &token)).await;
    assert_eq!(refusal(stolen).await, (409, "token_in_use".to_owned()));
    for weak in [
        "",
        "1234",
        &"x".repeat(42),
        &"!".repeat(43),
        &"z".repeat(64),
    ] {
        let refused = enrol(&server, &enrolment(&server, "f", weak)).await;
        assert_eq!(
            refusal(refused).await,
            (400, "bad_device_token".to_owned()),
            "{weak}"
        );
    }
    let mut wrong = enrolment(&server, "g", &random_token());
    wrong["enrolment_key"] = json!("not the key at all");
    assert_eq!(
        refusal(enrol(&server, &wrong).await).await,
        (401, "bad_enrolment_key".to_owned())
    );

    // The token outlives the server.
    let server = server.restart(|_| {}).await;
    let own = server
        .bare(Method::GET, "/firmwares/latest/esp32c3")
        .bearer_auth(&token);
    assert_eq!(own.send().await.unwrap().status(), 404);
    assert_eq!(server.json("/api/devices/d").await["enrolled"], true);
}

#[tokio::test]
async fn an_operator_replaces_a_devices_token() {
    let server = start().await;
    let old = server.enrol("d", "esp32c3").await;
    let issued = server
        .post("/api/devices/d/token", &json!({ "device_type": "esp32c3" }))
        .await;
    let new = issued.json::<Value>().await.unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let status = async |token: &str| {
        let request = server
            .bare(Method::GET, "/firmwares/latest/esp32c3")
            .bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((status(&old).await, status(&new).await), (401, 404));
}

#[tokio::test]
async fn a_token_speaks_for_its_own_device_only() {
    let server = start().await;
    server.publish("esp32c3", &c3("1.0.0")).await;
    let token = server.enrol("mine", "esp32c3").await;
    let ask = async |url: &str| {
        let request = server.bare(Method::GET, url).bearer_auth(&token);
        request.send().await.unwrap()
    };
    for url in [
        "/firmwares/latest/esp32c3?device_id=yours",
        "/api/v1/firmware/latest?device_id=yours",
        "/api/v1/firmware/download?device_id=yours",
    ] {
        assert_eq!(
            refusal(ask(url).await).await,
            (403, "not_your_device".to_owned()),
            "{url}"
        );
    }
    // The token names the device when nothing else does.
    assert_eq!(
        ask("/firmwares/latest/esp32c3?version=0.1.0")
            .await
            .status(),
        200
    );
    let device = server.json("/api/devices/mine").await;
    assert_eq!(device["version"], "0.1.0");
    assert_eq!(device["deployments"][0]["state"], "offered");
}

#[tokio::test]
async fn with_open_devices_the_enrolled_still_need_their_token() {
    let server = start_open().await;
    let token = server.enrol("enrolled", "esp32c3").await;
    let check_in = json!({ "device_type": "esp32c3", "version": "1.0.0" });
    let send = async |id: &str, token: Option<&str>| {
        let mut request = server
            .bare(Method::POST, &format!("/api/devices/{id}/check-in"))
            .json(&check_in);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request.send().await.unwrap()
    };
    assert_eq!(send("anybody", None).await.status(), 200);
    assert_eq!(
        refusal(send("enrolled", None).await).await,
        (401, "token_required".to_owned())
    );
    assert_eq!(send("enrolled", Some(&token)).await.status(), 200);
    // A wrong token is wrong, open or not.
    let wrong = random_token();
    assert_eq!(
        refusal(send("anybody", Some(&wrong)).await).await,
        (401, "unknown_token".to_owned())
    );
}

#[tokio::test]
async fn there_is_an_end_to_new_devices() {
    let server = start_with(|config| {
        config.device_auth = updraft_server::DeviceAuth::Open;
        config.limits.max_devices = 2;
    })
    .await;
    let status = async |id: &str| {
        let url = format!("/firmwares/latest/esp32c3?device_id={id}");
        let request = server.bare(Method::GET, &url);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((status("a").await, status("b").await), (404, 404));
    assert_eq!((status("c").await, status("a").await), (503, 404));
    let refused = enrol(&server, &enrolment(&server, "d", &random_token())).await;
    assert_eq!(refusal(refused).await, (503, "too_many_devices".to_owned()));
    let report = json!({ "firmware_version": "1.0.0", "update_status": "failed" });
    let refused = server.post("/api/devices/e/reports", &report).await;
    assert_eq!(refusal(refused).await, (503, "too_many_devices".to_owned()));
}

#[tokio::test]
async fn what_a_device_says_is_kept() {
    let server = start().await;
    let elf = elf_sha256(&c3("1.0.0"));
    let body = json!({
        "device_type": "esp32c3", "version": "1.0.0", "elf_sha256": elf, "slot": "ota_1", "state": "valid",
        "reset_reason": "brownout", "chip": "esp32c3", "secure_version": 0, "slot_size": 1_048_576,
        "uptime_seconds": 400, "a_field_of_tomorrow": true,
    });
    assert_eq!(
        server.post("/api/devices/d/check-in", &body).await.status(),
        200
    );
    let device = server.json("/api/devices/d").await;
    for (name, value) in [
        ("device_type", json!("esp32c3")),
        ("version", json!("1.0.0")),
        ("elf_sha256", json!(elf)),
        ("slot", json!("ota_1")),
        ("state", json!("valid")),
        ("reset_reason", json!("brownout")),
        ("channel", json!("stable")),
        ("enrolled", json!(false)),
    ] {
        assert_eq!(device[name], value, "{name}");
    }
    let server = server.restart(|_| {}).await;
    assert_eq!(server.json("/api/devices/d").await, device);
    // Another version without an ELF SHA-256 makes the old one untrue.
    server
        .get("/firmwares/latest/esp32c3?device_id=d&version=1.0.1")
        .await;
    let device = server.json("/api/devices/d").await;
    assert_eq!(
        (&device["version"], device.get("elf_sha256")),
        (&json!("1.0.1"), None)
    );
}

#[tokio::test]
async fn devices_are_listed_a_page_at_a_time() {
    let server = start().await;
    server.publish("esp32c3", &c3("1.0.0")).await;
    for index in 0..7 {
        let kind = if index % 2 == 0 { "esp32c3" } else { "other" };
        let body = json!({ "device_type": kind, "version": format!("0.{index}.0") });
        server
            .post(&format!("/api/devices/d{index}/check-in"), &body)
            .await;
    }
    let ids = |list: &Value| -> Vec<String> {
        let devices = list["devices"].as_array().unwrap().iter();
        devices
            .map(|device| device["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = server.json("/api/devices?limit=3").await;
    assert_eq!(ids(&page), ["d0", "d1", "d2"]);
    assert_eq!(page["next"], "d2");
    let page = server.json("/api/devices?limit=3&after=d5").await;
    assert_eq!(ids(&page), ["d6"]);
    assert_eq!(page.get("next"), None);
    assert_eq!(
        ids(&server.json("/api/devices?device_type=other").await),
        ["d1", "d3", "d5"]
    );
    assert_eq!(
        ids(&server.json("/api/devices?version=0.4.0").await),
        ["d4"]
    );
    assert_eq!(
        ids(&server.json("/api/devices?state=offered").await),
        ["d0", "d2", "d4", "d6"]
    );
    for path in ["/api/devices/nobody", "/api/devices/nobody/why"] {
        assert_eq!(
            refusal(server.get(path).await).await,
            (404, "device_not_found".to_owned())
        );
    }
    let refused = server
        .patch("/api/devices/nobody", &json!({ "channel": "beta" }))
        .await;
    assert_eq!(refusal(refused).await, (404, "device_not_found".to_owned()));
    let refused = server.get("/api/devices?state=odd").await;
    assert_eq!(refusal(refused).await, (400, "bad_query".to_owned()));
}

#[tokio::test]
async fn words_have_a_length() {
    let server = start().await;
    let long = "1".repeat(65);
    let body = json!({ "device_type": "esp32c3", "version": long });
    let refused = server.post("/api/devices/d/check-in", &body).await;
    assert_eq!(refusal(refused).await, (400, "word_too_long".to_owned()));
    let refused = server
        .get(&format!("/firmwares/latest/esp32c3?slot={long}"))
        .await;
    assert_eq!(refusal(refused).await, (400, "word_too_long".to_owned()));
    let refused = server
        .get("/firmwares/latest/esp32c3?device_id=a%20b")
        .await;
    assert_eq!(refusal(refused).await, (400, "bad_query".to_owned()));
    let refused = server.get("/firmwares/latest/a%20b").await;
    assert_eq!(refusal(refused).await, (400, "bad_device_type".to_owned()));
    let request = server
        .request(Method::GET, "/firmwares/latest/esp32c3")
        .header("X-Device-Id", "a b");
    assert_eq!(
        refusal(request.send().await.unwrap()).await,
        (400, "bad_device_id".to_owned())
    );
}
