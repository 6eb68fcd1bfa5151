//! Where devices are, what they belong to, and what an operator sets of one.

use reqwest::Method;
use serde_json::{Value, json};
use updraft_server::{Clock, DeviceAuth};

use crate::support::images::c3;
use crate::support::{TestServer, refusal, start, start_open, start_with};

async fn check_in(server: &TestServer, id: &str, mut body: Value) {
    body["device_type"] = json!("esp32c3");
    body["version"] = json!("1.0.0");
    let path = format!("/api/devices/{id}/check-in");
    assert_eq!(server.post(&path, &body).await.status(), 200);
}

async fn set(server: &TestServer, id: &str, change: Value) -> Value {
    let response = server.patch(&format!("/api/devices/{id}"), &change).await;
    assert_eq!(response.status(), 200, "{change}");
    response.json().await.unwrap()
}

#[tokio::test]
async fn what_an_operator_sets_wins_over_what_the_device_says() {
    let server = start().await;
    let says = json!({
        "region": "eu", "site": "Building A", "group": "canary", "tags": ["wall", "battery", "wall"],
        "utc_offset_minutes": 60,
    });
    check_in(&server, "d", says.clone()).await;
    let device = server.json("/api/devices/d").await;
    let said = json!({
        "region": "eu", "site": "Building A", "group": "canary", "tags": ["battery", "wall"],
        "utc_offset_minutes": 60,
    });
    assert_eq!(device["attributes"], said);

    let change = json!({ "site": "Building B", "add_tags": ["north"], "remove_tags": ["wall"] });
    let device = set(&server, "d", change).await;
    let both = json!({
        "region": "eu", "site": "Building B", "group": "canary", "tags": ["battery", "north"],
        "utc_offset_minutes": 60,
    });
    assert_eq!(device["attributes"], both);
    // Nor does its next word, nor a restart, change that.
    check_in(&server, "d", says).await;
    let server = server.restart(|_| {}).await;
    assert_eq!(server.json("/api/devices/d").await["attributes"], both);

    let device = set(
        &server,
        "d",
        json!({ "clear": ["site"], "add_tags": ["wall"] }),
    )
    .await;
    assert_eq!(device["attributes"]["site"], "Building A");
    assert_eq!(
        device["attributes"]["tags"],
        json!(["battery", "north", "wall"])
    );
}

#[tokio::test]
async fn devices_without_json_say_it_by_query_or_header() {
    let server = start_open().await;
    let url = "/firmwares/latest/esp32c3?device_id=q&region=eu&site=A&group=g&tags=a,b&utc_offset_minutes=-300";
    server.bare(Method::GET, url).send().await.unwrap();
    let headers = [
        ("x-device-id", "h"),
        ("x-device-region", "eu"),
        ("x-device-site", "A"),
        ("x-device-group", "g"),
        ("x-device-tags", " b , a,"),
    ];
    let mut request = server.bare(
        Method::GET,
        "/api/v1/firmware/latest?utc_offset_minutes=-300",
    );
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await.unwrap();
    let wanted = json!({
        "region": "eu", "site": "A", "group": "g", "tags": ["a", "b"], "utc_offset_minutes": -300,
    });
    for id in ["q", "h"] {
        let device = server.json(&format!("/api/devices/{id}")).await;
        assert_eq!(device["attributes"], wanted, "{id}");
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_and_changes_nothing() {
    let server = start().await;
    check_in(&server, "d", json!({ "region": "eu" })).await;
    for (change, code) in [
        (json!({ "region": "" }), "bad_label"),
        (json!({ "site": "a,b" }), "bad_label"),
        (json!({ "group": " a" }), "bad_label"),
        (json!({ "add_tags": ["a=b"] }), "bad_label"),
        (json!({ "region": "x".repeat(65) }), "bad_label"),
        (
            json!({ "add_tags": (0..17).map(|n| n.to_string()).collect::<Vec<_>>() }),
            "too_many_tags",
        ),
        (json!({ "utc_offset_minutes": 841 }), "bad_utc_offset"),
        (json!({ "pin": "newest" }), "bad_version"),
        (json!({ "hold": { "reason": " " } }), "bad_reason"),
        (json!({ "regoin": "eu" }), "bad_json"),
        (json!({ "clear": ["everything"] }), "bad_json"),
    ] {
        let refused = server.patch("/api/devices/d", &change).await;
        assert_eq!(refusal(refused).await, (400, code.to_owned()), "{change}");
    }
    let many: Vec<String> = (0..16).map(|n| n.to_string()).collect();
    set(&server, "d", json!({ "add_tags": many })).await;
    let refused = server
        .patch("/api/devices/d", &json!({ "add_tags": ["one more"] }))
        .await;
    assert_eq!(refusal(refused).await, (400, "too_many_tags".to_owned()));
    let said = json!({ "device_type": "esp32c3", "version": "1.0.0", "region": "a\nb" });
    let refused = server.post("/api/devices/d/check-in", &said).await;
    assert_eq!(refusal(refused).await, (400, "bad_label".to_owned()));
    assert_eq!(
        server.json("/api/devices/d").await["attributes"]["region"],
        "eu"
    );
    let unknown = server
        .patch("/api/devices/nobody", &json!({ "region": "eu" }))
        .await;
    assert_eq!(refusal(unknown).await, (404, "device_not_found".to_owned()));
}

#[tokio::test]
async fn every_change_of_a_device_is_recorded_with_what_was_before() {
    let server = start().await;
    check_in(&server, "d", json!({})).await;
    set(&server, "d", json!({ "region": "eu", "pin": "v1.1" })).await;
    let held = json!({ "region": "us", "hold": { "reason": "on the bench", "until": 9 } });
    let device = set(&server, "d", held.clone()).await;
    assert_eq!(device["pin"], "1.1.0");
    assert_eq!(device["hold"], held["hold"]);
    // What is so already is no change.
    set(&server, "d", held).await;
    let audit = server.json("/api/audit").await;
    let changes: Vec<&Value> = audit
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["action"] == "device.change")
        .collect();
    assert_eq!(changes.len(), 2, "{audit}");
    assert_eq!(changes[1]["subject"], "d");
    assert_eq!(changes[1]["detail"]["was"]["attributes"]["region"], "eu");
    assert_eq!(changes[1]["detail"]["to"]["attributes"]["region"], "us");
    assert_eq!(changes[1]["detail"]["was"]["hold"], Value::Null);
    assert_eq!(changes[1]["detail"]["to"]["hold"]["reason"], "on the bench");
    let device = set(&server, "d", json!({ "clear": ["pin", "hold"] })).await;
    assert_eq!((device.get("pin"), device.get("hold")), (None, None));
}

#[tokio::test]
async fn devices_are_found_by_where_they_are_and_when_they_were_seen() {
    let clock = Clock::manual(1_000_000);
    let turned = clock.clone();
    let server = start_with(move |config| config.clock = clock).await;
    check_in(&server, "a", json!({ "region": "eu", "site": "A" })).await;
    check_in(
        &server,
        "b",
        json!({ "region": "eu", "site": "B", "tags": ["x"] }),
    )
    .await;
    turned.advance(3600);
    check_in(
        &server,
        "c",
        json!({ "region": "us", "group": "canary", "tags": ["x"] }),
    )
    .await;
    for (query, wanted) in [
        ("region=eu", vec!["a", "b"]),
        ("region=eu&site=B", vec!["b"]),
        ("tag=x", vec!["b", "c"]),
        ("group=canary", vec!["c"]),
        ("site=nowhere", vec![]),
        ("not_seen_since=1000001", vec!["a", "b"]),
        ("not_seen_since=1000000", vec![]),
        ("region=eu&tag=x&not_seen_since=2000000", vec!["b"]),
    ] {
        let list = server.json(&format!("/api/devices?{query}")).await;
        let found: Vec<&str> = list["devices"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|device| device["id"].as_str())
            .collect();
        assert_eq!(found, wanted, "{query}");
    }
}

#[tokio::test]
async fn how_often_a_device_asks_is_observed_and_outlives_the_server() {
    let clock = Clock::manual(1_000_000);
    let turned = clock.clone();
    let server = start_with(|config| config.clock = clock.clone()).await;
    check_in(&server, "d", json!({ "poll_seconds": 60 })).await;
    let seconds =
        async |server: &TestServer| server.json("/api/devices/d").await["poll_seconds"].clone();
    assert_eq!(
        seconds(&server).await,
        60,
        "its own word, before there is more"
    );
    for gap in [600, 601, 2, 604_800, 600] {
        turned.advance(gap);
        check_in(&server, "d", json!({ "poll_seconds": 60 })).await;
    }
    assert_eq!(seconds(&server).await, 600);
    let server = server.restart(|config| config.clock = clock.clone()).await;
    assert_eq!(seconds(&server).await, 600);
}

#[tokio::test]
async fn a_release_says_what_it_can_be_installed_over() {
    let server = start_with(|config| config.device_auth = DeviceAuth::Open).await;
    let fields = [
        ("device_type", "esp32c3"),
        ("from_versions", ">=1.0, <2"),
        ("stepping_stone", "true"),
    ];
    let release = server.publish_as(&fields, &c3("1.1.0")).await;
    assert_eq!(release["from_versions"], ">=1.0, <2");
    assert_eq!(release["stepping_stone"], true);
    let path = format!("/api/releases/{}", release["id"].as_str().unwrap());
    let bad = server
        .patch(&path, &json!({ "from_versions": "new" }))
        .await;
    assert_eq!(refusal(bad).await, (400, "bad_requirement".to_owned()));
    let any = json!({ "from_versions": "", "stepping_stone": false });
    let changed: Value = server.patch(&path, &any).await.json().await.unwrap();
    assert_eq!(
        (changed.get("from_versions"), changed.get("stepping_stone")),
        (None, None)
    );
    let audit = server.json("/api/audit").await;
    let record = audit.as_array().unwrap().last().unwrap();
    assert_eq!(record["detail"]["was"]["from_versions"], ">=1.0, <2");
    let fields = [("device_type", "esp32c3"), ("from_versions", "new")];
    let refused = server.upload(&fields, Some(c3("1.2.0"))).await;
    assert_eq!(refusal(refused).await, (400, "bad_requirement".to_owned()));
}
