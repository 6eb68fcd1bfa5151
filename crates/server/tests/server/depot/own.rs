//! What is published and promoted here is written there.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::images::{c3, rebuilt, sha256};
use crate::support::{refusal, start_with};

use super::{id, offered, places, sync, versions, wait_for};

#[tokio::test]
async fn an_upload_lies_in_the_layout_and_in_production_once_it_is_deployed() {
    for place in places() {
        let server = place.server().await;
        let testing = [
            ("device_type", "esp32c3"),
            ("status", "testing"),
            ("description", "notes"),
        ];
        server.publish_as(&testing, &c3("1.0.0")).await;
        // Before the answer: the store is where the file is.
        let metadata = place.json("esp32c3/releases/v1.0.0/metadata.json");
        assert_eq!(metadata["sha256"], sha256(&c3("1.0.0")), "{}", place.name);
        assert_eq!(metadata["description"], "notes");
        assert_eq!(metadata["chip"], "esp32c3");
        assert_eq!(place.text("esp32c3/releases/v1.0.0/version.txt"), "1.0.0\n");
        sync(&server).await;
        assert!(
            !place.file("esp32c3/production").exists(),
            "it is not deployed"
        );

        let release = id(&server, "1.0.0").await;
        let path = format!("/api/releases/{release}/promote");
        let promoted = server.post(&path, &json!({ "channel": "stable" })).await;
        assert_eq!(promoted.status(), StatusCode::OK);
        let file = place.file("esp32c3/production/metadata.json");
        wait_for("production is written", async || file.exists()).await;
        assert_eq!(
            place.json("esp32c3/production/metadata.json")["version"],
            "1.0.0"
        );
        let deployed = std::fs::read(place.file("esp32c3/production/firmware.bin")).unwrap();
        assert_eq!(deployed, c3("1.0.0"));
        // A stable release moves the channel by itself.
        server.publish("esp32c3", &c3("1.1.0")).await;
        wait_for("production follows", async || {
            place.json("esp32c3/production/metadata.json")["version"] == "1.1.0"
        })
        .await;
        // And what is written is not taken for somebody else's.
        let report = sync(&server).await;
        assert_eq!(versions(&report, "promoted"), Vec::<String>::new());
    }
}

#[tokio::test]
async fn other_bytes_under_a_version_that_is_there_are_refused() {
    for place in places() {
        let server = place.server().await;
        place.ci_releases("1.0.0").await;
        let fields = [("device_type", "esp32c3")];
        let other = rebuilt(&c3("1.0.0"));
        // Before this server knows of it ...
        let response = server.upload(&fields, Some(other.clone())).await;
        assert_eq!(refusal(response).await, (409, "artifact_exists".to_owned()));
        sync(&server).await;
        // ... and when it does.
        let response = server.upload(&fields, Some(other)).await;
        assert_eq!(refusal(response).await, (409, "version_exists".to_owned()));
        let same = server.upload(&fields, Some(c3("1.0.0"))).await;
        assert_eq!(same.status(), StatusCode::OK, "{}", place.name);
    }
}

#[tokio::test]
async fn seed_003_section_2_2_releases_are_never_deleted() {
    for place in places() {
        let server = place.server().await;
        let release = server.publish("esp32c3", &c3("1.0.0")).await;
        let path = format!("/api/releases/{}", release["id"].as_str().unwrap());
        let refused = refusal(server.delete(&path).await).await;
        assert_eq!(refused, (409, "kept_for_ever".to_owned()), "{}", place.name);
    }
}

#[tokio::test]
async fn a_data_folder_of_before_goes_on_with_a_store() {
    for place in places() {
        let server =
            start_with(|config| config.device_auth = updraft_server::DeviceAuth::Open).await;
        server.publish("esp32c3", &c3("1.0.0")).await;
        server.publish("esp32c3", &c3("1.1.0")).await;
        let bad = id(&server, "1.0.0").await;
        let body = json!({ "reason": "bad" });
        server
            .post(&format!("/api/releases/{bad}/block"), &body)
            .await;
        let server = server.restart(|config| place.configure(config)).await;
        sync(&server).await;
        for version in ["1.0.0", "1.1.0"] {
            let file = format!("esp32c3/releases/v{version}/metadata.json");
            assert_eq!(
                place.json(&file)["sha256"],
                sha256(&c3(version)),
                "{}",
                place.name
            );
        }
        assert_eq!(place.text("esp32c3/production/version.txt"), "1.1.0\n");
        let file = place.json("esp32c3/rollback/blocked_versions.json");
        assert_eq!(
            file,
            json!({ "blocked_versions": ["1.0.0"], "reason": { "1.0.0": "bad" } })
        );
        assert_eq!(
            offered(&server, "one", "0.9.0").await.as_deref(),
            Some("1.1.0")
        );
    }
}

#[tokio::test]
async fn a_promotion_that_was_cut_off_is_finished() {
    for place in places() {
        let server = place.server().await;
        server.publish("esp32c3", &c3("1.0.0")).await;
        wait_for("production is written", async || {
            place.file("esp32c3/production/metadata.json").exists()
        })
        .await;
        sync(&server).await;
        let data = server.dir;
        assert!(server.running.unwrap().shutdown().await);
        // The server was killed after the first of three files, and before it could note anything.
        place
            .put("esp32c3/production/firmware.bin", c3("1.1.0"))
            .await;
        place.ci_releases("1.1.0").await;
        let server = crate::support::start_in(data, |config| place.configure(config)).await;
        let report = sync(&server).await;
        assert_eq!(
            report["waiting"][0]["path"], "esp32c3/production",
            "{report}"
        );
        let next = id(&server, "1.1.0").await;
        let path = format!("/api/releases/{next}/promote");
        server.post(&path, &json!({ "channel": "stable" })).await;
        wait_for("production is whole", async || {
            place.json("esp32c3/production/metadata.json")["version"] == "1.1.0"
        })
        .await;
        assert_eq!(sync(&server).await["waiting"], json!([]), "{}", place.name);
    }
}
