//! The rollback file, both ways.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::refusal;

use super::{id, offered, places, sync, versions, wait_for};

const FILE: &str = "esp32c3/rollback/blocked_versions.json";

#[tokio::test]
async fn seed_003_bad_firmware_is_blocked_via_the_rollback_file() {
    for place in places() {
        let server = place.server().await;
        for version in ["1.0.0", "1.1.0"] {
            place.ci_releases(version).await;
            place.ci_promotes(version).await;
            sync(&server).await;
        }
        assert_eq!(
            offered(&server, "one", "1.0.0").await.as_deref(),
            Some("1.1.0")
        );
        // Section 2.3's example, word for word.
        let example = json!({
            "blocked_versions": ["1.1.0"],
            "reason": { "1.1.0": "Boot loop after OTA" },
        });
        place.put(FILE, example.to_string()).await;
        let report = sync(&server).await;
        assert_eq!(versions(&report, "blocked"), ["1.1.0"], "{report}");
        assert_eq!(
            offered(&server, "one", "1.0.0").await,
            None,
            "{}",
            place.name
        );
        let bad = id(&server, "1.1.0").await;
        let release: Value = server.json(&format!("/api/releases/{bad}")).await;
        assert_eq!(release["blocked"], "Boot loop after OTA");
        let download = server.get(&format!("/firmwares/{bad}/download")).await;
        assert_eq!(refusal(download).await, (410, "release_blocked".to_owned()));

        // It vanishes from the file, and so does the block.
        place
            .put(
                FILE,
                json!({ "blocked_versions": [], "reason": {} }).to_string(),
            )
            .await;
        let report = sync(&server).await;
        assert_eq!(versions(&report, "unblocked"), ["1.1.0"], "{report}");
        assert_eq!(
            offered(&server, "one", "1.0.0").await.as_deref(),
            Some("1.1.0")
        );
    }
}

#[tokio::test]
async fn seed_003_section_3_the_backend_checks_blocked_versions_before_it_offers() {
    for place in places() {
        // Blocked before it was ever there.
        place
            .put(FILE, json!({ "blocked_versions": ["v1.0.0"] }).to_string())
            .await;
        let server = place.server().await;
        assert_eq!(sync(&server).await["blocked"], json!([]));
        place.ci_releases("1.0.0").await;
        place.ci_promotes("1.0.0").await;
        let report = sync(&server).await;
        assert_eq!(versions(&report, "blocked"), ["1.0.0"], "{report}");
        assert_eq!(
            offered(&server, "one", "0.9.0").await,
            None,
            "{}",
            place.name
        );
    }
}

#[tokio::test]
async fn a_lost_file_unblocks_nothing_and_comes_back() {
    for place in places() {
        let server = place.server().await;
        place.ci_releases("1.0.0").await;
        let bad = json!({ "blocked_versions": ["1.0.0"], "reason": { "1.0.0": "bad" } });
        place.put(FILE, bad.to_string()).await;
        sync(&server).await;
        place.remove(FILE).await;
        let report = sync(&server).await;
        assert_eq!(report["unblocked"], json!([]), "{}", place.name);
        assert_eq!(place.json(FILE), bad);
        // Nor does one that cannot be read.
        place.put(FILE, "{").await;
        let report = sync(&server).await;
        assert_eq!(report["refused"][0]["code"], "artifact_unreadable");
        assert_eq!(report["refused"][0]["path"], FILE);
        assert_eq!(report["unblocked"], json!([]));
    }
}

#[tokio::test]
async fn blocked_and_unblocked_here_is_written_there_and_others_words_stay() {
    for place in places() {
        let server = place.server().await;
        place.ci_releases("1.0.0").await;
        place.ci_releases("1.1.0").await;
        let theirs = json!({ "blocked_versions": ["0.1.0"], "reason": {}, "owner": "ops" });
        place.put(FILE, theirs.to_string()).await;
        sync(&server).await;
        let bad = id(&server, "1.1.0").await;
        let body = json!({ "reason": "no Wi-Fi after OTA" });
        let blocked = server
            .post(&format!("/api/releases/{bad}/block"), &body)
            .await;
        assert_eq!(blocked.status(), StatusCode::OK);
        wait_for("the file names it", async || {
            place.json(FILE)["reason"]["1.1.0"] == "no Wi-Fi after OTA"
        })
        .await;
        let file = place.json(FILE);
        assert_eq!(file["owner"], "ops", "{}", place.name);
        assert_eq!(file["blocked_versions"], json!(["0.1.0", "1.1.0"]));
        let lifted = server
            .post(&format!("/api/releases/{bad}/unblock"), &json!({}))
            .await;
        assert_eq!(lifted.status(), StatusCode::OK);
        wait_for("the file names it no longer", async || {
            place.json(FILE)["blocked_versions"] == json!(["0.1.0"])
        })
        .await;
        assert_eq!(place.json(FILE)["owner"], "ops");
    }
}
