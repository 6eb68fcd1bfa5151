//! When devices are told to come: each at a moment of its own, later under load.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use updraft_server::DeviceAuth;

use crate::support::images::{c3, elf_sha256};
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

/// A server that answers one device at a time turns the others away and tells each when to come back; those it lets in get
/// what there is for them, and nothing that anybody proves is lost.
#[tokio::test]
async fn too_many_at_once_are_told_when_to_come_back_and_the_rest_get_their_offers() {
    let server = start_with(|config| {
        config.device_auth = DeviceAuth::Open;
        config.limits.max_check_ins = 1;
    })
    .await;
    let image = c3("1.1.0");
    server.publish("esp32c3", &image).await;
    let ids: Vec<String> = (0..100).map(|number| format!("d{number}")).collect();
    for id in &ids {
        assert_eq!(check_in(&server, id).await["offer"]["version"], "1.1.0");
    }
    // All prove the new app at once, which waits for the disk.
    let proof = json!({
        "device_type": "esp32c3", "version": "1.1.0", "elf_sha256": elf_sha256(&image), "state": "valid",
    });
    let prove = async |id: &String| {
        let path = format!("/api/devices/{id}/check-in");
        let response = server.post(&path, &proof).await;
        let status = response.status().as_u16();
        let back = response.headers().get("retry-after").cloned();
        let body: Value = response.json().await.unwrap();
        (status, back, body)
    };
    let answers = join_all(ids.iter().map(prove)).await;
    let mut moments = BTreeSet::new();
    let mut turned_away = Vec::new();
    for (id, (status, back, body)) in ids.iter().zip(&answers) {
        if *status == 200 {
            continue;
        }
        assert_eq!(
            (*status, &body["code"]),
            (503, &json!("too_many_check_ins"))
        );
        let back: u32 = back.as_ref().unwrap().to_str().unwrap().parse().unwrap();
        assert!((30..120).contains(&back), "{back}");
        moments.insert(back);
        turned_away.push(id);
    }
    assert!(turned_away.len() < ids.len(), "somebody is let in");
    assert!(moments.len() > 1, "{moments:?}");
    assert_eq!(
        server.metric("check_ins_turned_away_total").await,
        turned_away.len() as u64
    );
    // They come back, each at its moment.
    for id in turned_away {
        assert_eq!(prove(id).await.0, 200);
    }
    let fleet = server.json("/api/fleet/esp32c3").await;
    assert_eq!(
        fleet["deployments"]["1.1.0"],
        json!({ "confirmed": ids.len() }),
        "{fleet}"
    );
}
