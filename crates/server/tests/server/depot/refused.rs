//! What contradicts itself is not taken, and the report says why.

use serde_json::{Value, json};

use crate::support::images::{c3, image, rebuilt, sha256};
use crate::support::{refusal, start, start_with};

use super::{places, sync};

/// The refusals of a report: path and code.
fn refused(report: &Value) -> Vec<(String, String)> {
    let mut notes: Vec<(String, String)> = report["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| {
            assert!(
                note["message"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty())
            );
            let text = |name: &str| note[name].as_str().unwrap().to_owned();
            (text("path"), text("code"))
        })
        .collect();
    notes.sort();
    notes
}

#[tokio::test]
async fn contradictions_are_refused_each_for_what_it_is() {
    for place in places() {
        let server = place.server().await;
        let base = "esp32c3/releases";
        // The folder is for another version than the image.
        place
            .release(&format!("{base}/v9.9.9"), "9.9.9", &c3("1.0.0"))
            .await;
        // version.txt is about another version.
        place.ci_releases("1.1.0").await;
        place
            .put(&format!("{base}/v1.1.0/version.txt"), "1.2.0")
            .await;
        // metadata.json is about other bytes.
        place.ci_releases("1.2.0").await;
        let other = json!({ "sha256": "0".repeat(64) });
        place
            .put(&format!("{base}/v1.2.0/metadata.json"), other.to_string())
            .await;
        // No image, half an image, an image for another chip.
        place
            .release(&format!("{base}/v1.3.0"), "1.3.0", b"hello")
            .await;
        place
            .release(&format!("{base}/v1.4.0"), "1.4.0", &c3("1.4.0")[..300_000])
            .await;
        place
            .release(&format!("{base}/v1.0.0"), "1.0.0", &image("c6", "1.0.0"))
            .await;
        // A name that is no version.
        place
            .release(&format!("{base}/latest"), "1.5.0", &c3("1.5.0"))
            .await;
        // One that is as it should be.
        place.ci_releases("1.5.0").await;
        let report = sync(&server).await;
        let wanted = [
            ("latest", "version_unknown"),
            ("v1.0.0", "wrong_chip"),
            ("v1.1.0", "version_mismatch"),
            ("v1.2.0", "sha256_mismatch"),
            ("v1.3.0", "text_file"),
            ("v1.4.0", "truncated"),
            ("v9.9.9", "version_mismatch"),
        ];
        let wanted = wanted.map(|(name, code)| (format!("{base}/{name}"), code.to_owned()));
        assert_eq!(refused(&report), wanted, "{}", place.name);
        let list = server.json("/api/releases").await;
        assert_eq!(list["releases"].as_array().unwrap().len(), 1);
        server.wait_for_no_incoming("after the look").await;
        // Put right, it is taken.
        place
            .put(&format!("{base}/v1.1.0/version.txt"), "1.1.0")
            .await;
        let report = sync(&server).await;
        assert_eq!(report["published"][0]["version"], "1.1.0", "{report}");
        assert_eq!(refused(&report).len(), 6);
    }
}

#[tokio::test]
async fn other_bytes_than_the_published_ones_are_refused_and_never_served() {
    for place in places() {
        let server = place.server().await;
        server.publish("esp32c3", &c3("1.0.0")).await;
        sync(&server).await;
        let other = rebuilt(&c3("1.0.0"));
        place
            .release("esp32c3/releases/v1.0.0", "1.0.0", &other)
            .await;
        place.release("esp32c3/production", "1.0.0", &other).await;
        let report = sync(&server).await;
        let wanted = ["production", "releases/v1.0.0"];
        let wanted = wanted.map(|name| (format!("esp32c3/{name}"), "release_differs".to_owned()));
        assert_eq!(refused(&report), wanted, "{}", place.name);
    }
}

/// What cannot be deployed because its file is gone is said, and keeps nothing else back: not the blocks of its own
/// type, and not those of the types that follow.
#[tokio::test]
async fn a_release_whose_file_is_gone_holds_up_no_block() {
    for place in places() {
        let server = place.server().await;
        server.publish("esp32c3", &c3("1.0.0")).await;
        let testing = [("device_type", "esp32c3"), ("status", "testing")];
        server.publish_as(&testing, &c3("1.1.0")).await;
        server.publish("shelf", &c3("1.2.0")).await;
        sync(&server).await;
        // The file is lost on both sides.
        let lost = sha256(&c3("1.1.0"));
        let here = server.artifacts();
        let here = here.iter().find(|file| file.ends_with(&lost)).unwrap();
        std::fs::remove_file(here).unwrap();
        place.remove("esp32c3/releases/v1.1.0/firmware.bin").await;
        let release = super::id(&server, "1.1.0").await;
        let path = format!("/api/releases/{release}/promote");
        let promoted = server.post(&path, &json!({ "channel": "stable" })).await;
        assert_eq!(promoted.status(), 200);
        for (device_type, version) in [("esp32c3", "1.0.0"), ("shelf", "1.2.0")] {
            let file = format!("{device_type}/rollback/blocked_versions.json");
            let blocked = json!({ "blocked_versions": [version], "reason": {} });
            place.put(&file, blocked.to_string()).await;
        }
        let report = sync(&server).await;
        for version in ["1.0.0", "1.2.0"] {
            let id = super::id(&server, version).await;
            let release = server.json(&format!("/api/releases/{id}")).await;
            assert!(release["blocked"].is_string(), "{}: {report}", place.name);
        }
        let wanted = ["production", "releases/v1.1.0"];
        let wanted = wanted.map(|name| (format!("esp32c3/{name}"), "artifact_missing".to_owned()));
        assert_eq!(refused(&report), wanted, "{}", place.name);
        // The file comes back, and so the release is deployed.
        place.ci_releases("1.1.0").await;
        sync(&server).await;
        assert_eq!(place.text("esp32c3/production/version.txt"), "1.1.0\n");
    }
}

#[tokio::test]
async fn a_server_without_a_store_says_so() {
    let server = start().await;
    let response = server.post("/api/artifacts/sync", &json!({})).await;
    assert_eq!(
        refusal(response).await,
        (409, "no_artifact_store".to_owned())
    );
}

#[tokio::test]
async fn a_store_that_is_away_stops_publishing_and_nothing_else() {
    let [_, mut place] = places();
    let server = start_with(|config| place.configure(config)).await;
    server.publish("esp32c3", &c3("1.0.0")).await;
    let release = super::id(&server, "1.0.0").await;
    drop(place.s3.take());
    let fields = [("device_type", "esp32c3")];
    let response = server.upload(&fields, Some(c3("1.1.0"))).await;
    assert_eq!(
        refusal(response).await,
        (502, "artifact_store_failed".to_owned())
    );
    let list = server.json("/api/releases").await;
    assert_eq!(list["releases"].as_array().unwrap().len(), 1);
    server.wait_for_no_incoming("after the refusal").await;
    // What was published is served, and a bad release can be blocked.
    let got = server.get(&format!("/firmwares/{release}/download")).await;
    assert_eq!(got.bytes().await.unwrap(), c3("1.0.0"));
    let body = json!({ "reason": "bad" });
    let blocked = server
        .post(&format!("/api/releases/{release}/block"), &body)
        .await;
    assert_eq!(blocked.status(), 200);
}
