//! When devices are told to come: each at a moment of its own, before its window, later under load.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use updraft_server::DeviceAuth;

use crate::support::images::c3;
use crate::support::{TestServer, start_with};

async fn check_in(server: &TestServer, id: &str) -> Value {
    let path = format!("/api/devices/{id}/check-in");
    let body = json!({ "device_type": "esp32c3", "version": "1.0.0" });
    let response = server.post(&path, &body).await;
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

#[tokio::test]
async fn devices_switched_on_together_are_spread_after_one_poll_under_both_interfaces() {
    let server = start_with(|config| config.device_auth = DeviceAuth::Open).await;
    server.publish("esp32c3", &c3("1.0.0")).await;
    let ids: Vec<String> = (0..50).map(|number| format!("d{number}")).collect();
    let told = join_all(ids.iter().map(async |id| {
        let reply = check_in(&server, id).await;
        reply["poll_after_seconds"].as_u64().unwrap()
    }))
    .await;
    let different: BTreeSet<u64> = told.iter().copied().collect();
    assert!(different.len() > 30, "{told:?}");
    assert!(
        told.iter().all(|seconds| (150..=450).contains(seconds)),
        "half an interval to one and a half: {told:?}"
    );
    // The seeds' endpoints say the same in a header, whatever they answer.
    for path in [
        "/firmwares/latest/esp32c3?device_id=d1&version=1.0.0",
        "/firmwares/latest/esp32s3?device_id=d2",
        "/api/v1/firmware/latest?device_id=d3&device_type=esp32c3",
    ] {
        let response = server.bare(Method::GET, path).send().await.unwrap();
        let told = response.headers()["x-poll-after"].to_str().unwrap();
        let told: u64 = told.parse().unwrap();
        assert!((150..=450).contains(&told), "{path}: {told}");
    }
}

/// A server that can answer one device at a time turns the others away, tells each when to come back, and offers what
/// there is to the one it lets in.
#[tokio::test]
async fn too_many_at_once_are_told_when_to_come_back_and_the_rest_get_their_offers() {
    let server = start_with(|config| {
        config.device_auth = DeviceAuth::Open;
        config.limits.max_check_ins = 1;
    })
    .await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    let ids: Vec<String> = (0..200).map(|number| format!("d{number}")).collect();
    let answers = join_all(ids.iter().map(async |id| {
        let path = format!("/api/devices/{id}/check-in");
        let body = json!({ "device_type": "esp32c3", "version": "1.0.0" });
        let response = server.post(&path, &body).await;
        let status = response.status().as_u16();
        let back = response.headers().get("retry-after").cloned();
        let body: Value = response.json().await.unwrap();
        (status, back, body)
    }))
    .await;
    let mut moments = BTreeSet::new();
    let mut served = 0;
    for (status, back, body) in &answers {
        if *status == 200 {
            assert_eq!(body["offer"]["version"], "1.1.0", "{body}");
            served += 1;
            continue;
        }
        assert_eq!(
            (*status, &body["code"]),
            (503, &json!("too_many_check_ins"))
        );
        let back: u32 = back.as_ref().unwrap().to_str().unwrap().parse().unwrap();
        assert!((30..120).contains(&back), "{back}");
        moments.insert(back);
    }
    assert!(served > 0);
    // Those who were turned away come back one by one, and none is lost.
    let turned_away = answers.len() - served;
    assert_eq!(
        server.metric("check_ins_turned_away_total").await,
        turned_away as u64
    );
    assert!(turned_away > 0, "all came one after the other");
    assert!(turned_away < 5 || moments.len() > 1, "{moments:?}");
    for id in &ids {
        assert_eq!(check_in(&server, id).await["offer"]["version"], "1.1.0");
    }
}
