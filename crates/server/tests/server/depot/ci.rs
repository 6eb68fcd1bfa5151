//! A bucket that somebody's CI fills: the documentation's section 8, step by step.

use std::time::Duration;

use crate::support::images::{c3, sha256};
use crate::support::start_with;

use super::{offered, places, sync, versions, wait_for};

#[tokio::test]
async fn seed_003_section_8_firmware_is_uploaded_promoted_detected_and_then_available() {
    for place in places() {
        let server = start_with(|config| {
            place.configure(config);
            config.artifacts_poll = Duration::from_millis(200);
        })
        .await;
        // "Firmware uploaded to: releases/vX.Y.Z/"
        place.ci_releases("1.0.0").await;
        place.ci_releases("1.1.0").await;
        wait_for("both are published", async || {
            let list = server.json("/api/releases").await;
            list["releases"].as_array().unwrap().len() == 2
        })
        .await;
        // Uploaded is not deployed.
        assert_eq!(
            offered(&server, "one", "0.9.0").await,
            None,
            "{}",
            place.name
        );
        // "Firmware promoted to: production/", "Backend detects new version", "OTA becomes available"
        place.ci_promotes("1.0.0").await;
        wait_for("1.0.0 is offered", async || {
            offered(&server, "one", "0.9.0").await.as_deref() == Some("1.0.0")
        })
        .await;
        place.ci_promotes("1.1.0").await;
        wait_for("1.1.0 is offered", async || {
            offered(&server, "one", "0.9.0").await.as_deref() == Some("1.1.0")
        })
        .await;
        let image = server
            .get("/firmwares/latest/esp32c3?device_id=one&version=0.9.0")
            .await;
        let offer: serde_json::Value = image.json().await.unwrap();
        let got = server.get(offer["download_url"].as_str().unwrap()).await;
        assert_eq!(got.bytes().await.unwrap(), c3("1.1.0"), "{}", place.name);
    }
}

#[tokio::test]
async fn a_promotion_half_done_is_left_alone_until_it_is_whole() {
    for place in places() {
        let server = place.server().await;
        place.ci_releases("1.0.0").await;
        place.ci_releases("1.1.0").await;
        place.ci_promotes("1.0.0").await;
        assert_eq!(versions(&sync(&server).await, "promoted"), ["1.0.0"]);
        let before = place.text("esp32c3/production/metadata.json");
        place
            .put("esp32c3/production/firmware.bin", c3("1.1.0"))
            .await;
        for _ in 0..2 {
            let report = sync(&server).await;
            assert_eq!(
                report["waiting"][0]["path"], "esp32c3/production",
                "{report}"
            );
            assert_eq!(
                offered(&server, "one", "0.9.0").await.as_deref(),
                Some("1.0.0")
            );
        }
        place.put("esp32c3/production/version.txt", "1.1.0").await;
        let report = sync(&server).await;
        assert_eq!(report["waiting"][0]["code"], "half_done", "{report}");
        assert_eq!(place.text("esp32c3/production/metadata.json"), before);
        place.ci_promotes("1.1.0").await;
        let report = sync(&server).await;
        assert_eq!(versions(&report, "promoted"), ["1.1.0"], "{}", place.name);
        assert_eq!(
            offered(&server, "one", "0.9.0").await.as_deref(),
            Some("1.1.0")
        );
    }
}

#[tokio::test]
async fn a_release_half_uploaded_is_left_alone_until_it_is_whole() {
    for place in places() {
        let server = place.server().await;
        place
            .put("esp32c3/releases/v1.0.0/firmware.bin", c3("1.0.0"))
            .await;
        let report = sync(&server).await;
        assert_eq!(report["waiting"][0]["path"], "esp32c3/releases/v1.0.0");
        assert_eq!(report["published"], serde_json::json!([]));
        place.ci_releases("1.0.0").await;
        let report = sync(&server).await;
        assert_eq!(versions(&report, "published"), ["1.0.0"], "{}", place.name);
    }
}

#[tokio::test]
async fn seed_003_section_2_1_only_what_is_deployed_is_offered_also_after_going_back() {
    for place in places() {
        let server = place.server().await;
        for version in ["1.0.0", "1.1.0"] {
            place.ci_releases(version).await;
            place.ci_promotes(version).await;
            sync(&server).await;
        }
        assert_eq!(
            offered(&server, "one", "0.9.0").await.as_deref(),
            Some("1.1.0")
        );
        place.ci_promotes("1.0.0").await;
        let report = sync(&server).await;
        assert_eq!(versions(&report, "promoted"), ["1.0.0"]);
        assert_eq!(versions(&report, "withdrawn"), ["1.1.0"]);
        assert_eq!(
            offered(&server, "one", "0.9.0").await.as_deref(),
            Some("1.0.0")
        );
        // Nobody is sent back by that.
        assert_eq!(
            offered(&server, "two", "1.1.0").await,
            None,
            "{}",
            place.name
        );
    }
}

#[tokio::test]
async fn a_second_look_changes_nothing_here_and_nothing_there() {
    for place in places() {
        let server = place.server().await;
        place.ci_releases("1.0.0").await;
        place.ci_promotes("1.0.0").await;
        let blocked = r#"{"blocked_versions":["1.0.0"],"reason":{"1.0.0":"Boot loop after OTA"}}"#;
        place
            .put("esp32c3/rollback/blocked_versions.json", blocked)
            .await;
        sync(&server).await;
        let audit = server.json("/api/audit?limit=1000").await;
        let report = sync(&server).await;
        for list in [
            "published",
            "promoted",
            "withdrawn",
            "blocked",
            "unblocked",
            "written",
            "waiting",
            "refused",
        ] {
            assert_eq!(
                report[list],
                serde_json::json!([]),
                "{}: {report}",
                place.name
            );
        }
        assert_eq!(report["device_types"], 1);
        assert_eq!(server.json("/api/audit?limit=1000").await, audit);
        // Nor does another start.
        let server = server.restart(|config| place.configure(config)).await;
        sync(&server).await;
        assert_eq!(
            server.json("/api/audit?limit=1000").await,
            audit,
            "{}",
            place.name
        );
        assert_eq!(
            place.text("esp32c3/rollback/blocked_versions.json"),
            blocked
        );
    }
}

#[tokio::test]
async fn what_is_only_in_production_becomes_a_release() {
    for place in places() {
        let server = place.server().await;
        place.ci_promotes("1.0.0").await;
        let report = sync(&server).await;
        assert_eq!(versions(&report, "published"), ["1.0.0"], "{report}");
        assert_eq!(versions(&report, "promoted"), ["1.0.0"]);
        let metadata = place.json("esp32c3/releases/v1.0.0/metadata.json");
        assert_eq!(metadata["sha256"], sha256(&c3("1.0.0")), "{}", place.name);
    }
}
