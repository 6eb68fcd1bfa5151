//! The documentation's section 2, sentence by sentence, with the plain eyes of another program.

use serde_json::Value;

use crate::scene::{digest, esp32s3, firmware, places, promote, put, version};

#[tokio::test]
async fn seed_003_section_2_1_production_contains_only_the_currently_deployed_firmware() {
    for place in places() {
        for text in ["1.0.0", "1.1.0"] {
            put(&place.depot, text).await.unwrap();
            promote(&place.depot, text).await.unwrap();
        }
        let found = std::fs::read(place.file("esp32s3/production/firmware.bin")).unwrap();
        assert_eq!(found, firmware("1.1.0"), "{}", place.name);
        assert_eq!(place.text("esp32s3/production/version.txt"), "1.1.0\n");
        let metadata: Value =
            serde_json::from_str(&place.text("esp32s3/production/metadata.json")).unwrap();
        assert_eq!(metadata["version"], "1.1.0");
        assert_eq!(metadata["sha256"], digest(&found).to_string());
        let names = std::fs::read_dir(place.file("esp32s3/production")).unwrap();
        assert_eq!(names.count(), 3, "{}: three files and no more", place.name);
        let production = place.depot.production(&esp32s3()).await.unwrap().unwrap();
        assert_eq!(production.version, "1.1.0");
        assert_eq!(production.sha256, digest(&found));
    }
}

#[tokio::test]
async fn seed_003_section_2_2_each_version_folder_contains_firmware_version_and_metadata() {
    for place in places() {
        for text in ["1.0.0", "1.1.0", "1.2.0"] {
            put(&place.depot, text).await.unwrap();
            let folder = format!("esp32s3/releases/v{text}");
            let found = std::fs::read(place.file(&format!("{folder}/firmware.bin"))).unwrap();
            assert_eq!(found, firmware(text), "{}", place.name);
            assert_eq!(
                place.text(&format!("{folder}/version.txt")),
                format!("{text}\n")
            );
            let metadata: Value =
                serde_json::from_str(&place.text(&format!("{folder}/metadata.json"))).unwrap();
            assert_eq!(metadata["sha256"], digest(&found).to_string());
        }
        let survey = place.depot.survey().await.unwrap();
        let releases = &survey.types[&esp32s3()].releases;
        assert!(
            releases
                .values()
                .all(updraft_store::depot::Files::are_complete)
        );
        let versions: Vec<String> = releases.keys().map(ToString::to_string).collect();
        assert_eq!(versions, ["1.0.0", "1.1.0", "1.2.0"], "{}", place.name);
    }
}

#[tokio::test]
async fn seed_003_section_2_2_releases_are_never_deleted_whatever_is_promoted() {
    for place in places() {
        put(&place.depot, "1.0.0").await.unwrap();
        put(&place.depot, "1.1.0").await.unwrap();
        for text in ["1.0.0", "1.1.0", "1.0.0"] {
            promote(&place.depot, text).await.unwrap();
        }
        // Somebody overwrites the deployed file in place, as `cp` does.
        std::fs::write(place.file("esp32s3/production/firmware.bin"), b"changed").unwrap();
        for text in ["1.0.0", "1.1.0"] {
            let bytes = firmware(text);
            let fetched = place
                .depot
                .fetch(&esp32s3(), &version(text), digest(&bytes))
                .await;
            assert_eq!(fetched.unwrap(), bytes, "{}: {text} stays", place.name);
        }
    }
}

#[tokio::test]
async fn seed_003_section_2_3_blocked_versions_have_the_documented_shape() {
    for place in places() {
        place
            .depot
            .change_blocked(&esp32s3(), |blocked| {
                blocked.block("1.1.0", "Boot loop after OTA");
            })
            .await
            .unwrap();
        let found: Value =
            serde_json::from_str(&place.text("esp32s3/rollback/blocked_versions.json")).unwrap();
        let documented = serde_json::json!({
            "blocked_versions": ["1.1.0"],
            "reason": { "1.1.0": "Boot loop after OTA" },
        });
        assert_eq!(found, documented, "{}", place.name);
    }
}

#[tokio::test]
async fn what_is_not_of_the_layout_is_passed_over() {
    for place in places() {
        put(&place.depot, "1.0.0").await.unwrap();
        place.put("README.md", "hello").await;
        place.put("esp32s3/releases/latest/firmware.bin", "x").await;
        place.put("esp32s3/releases/1.0.0/firmware.bin", "x").await;
        place.put("esp32s3/releases/v1.0.0/firmware.elf", "x").await;
        place.put("esp32s3/logs/v1.0.0/firmware.bin", "x").await;
        place.put("-what/releases/v1.0.0/firmware.bin", "x").await;
        let survey = place.depot.survey().await.unwrap();
        assert_eq!(survey.types.len(), 1, "{}", place.name);
        let found = &survey.types[&esp32s3()];
        assert_eq!(found.releases.len(), 1);
        let mut strange = found.strange.clone();
        strange.sort();
        assert_eq!(strange, ["1.0.0", "latest"]);
    }
}
