//! Written once, never changed; half of anything counts for nothing.

use updraft_store::depot::{DepotError, Put};

use crate::scene::{digest, esp32s3, firmware, metadata, places, promote, put, version};

#[tokio::test]
async fn the_same_bytes_again_are_success_and_other_bytes_are_refused() {
    for place in places() {
        assert_eq!(put(&place.depot, "1.0.0").await.unwrap(), Put::New);
        assert_eq!(put(&place.depot, "1.0.0").await.unwrap(), Put::Same);
        let other = firmware("another build");
        let refused = place
            .depot
            .put_release(
                &esp32s3(),
                &version("1.0.0"),
                &other,
                &metadata("1.0.0", &other),
            )
            .await
            .unwrap_err();
        let DepotError::OtherBytes { found, .. } = &refused else {
            panic!("{}: {refused}", place.name);
        };
        assert_eq!(*found, digest(&firmware("1.0.0")));
        assert_eq!(refused.code(), "artifact_exists");
        let kept = std::fs::read(place.file("esp32s3/releases/v1.0.0/firmware.bin")).unwrap();
        assert_eq!(kept, firmware("1.0.0"), "{}", place.name);
    }
}

#[tokio::test]
async fn metadata_that_somebody_wrote_stays_unless_it_is_about_other_bytes() {
    for place in places() {
        let bytes = firmware("1.0.0");
        place
            .put("esp32s3/releases/v1.0.0/firmware.bin", bytes.clone())
            .await;
        place
            .put("esp32s3/releases/v1.0.0/version.txt", "v1.0.0")
            .await;
        let theirs = r#"{"commit":"abc","built_by":{"name":"CI"}}"#;
        place
            .put("esp32s3/releases/v1.0.0/metadata.json", theirs)
            .await;
        assert_eq!(put(&place.depot, "1.0.0").await.unwrap(), Put::Same);
        assert_eq!(place.text("esp32s3/releases/v1.0.0/metadata.json"), theirs);
        let read = place
            .depot
            .release_metadata(&esp32s3(), &version("1.0.0"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(read.sha256, None);
        assert_eq!(read.other["built_by"]["name"], "CI");

        let wrong = format!(r#"{{"sha256":"{}"}}"#, "0".repeat(64));
        place
            .put("esp32s3/releases/v1.0.0/metadata.json", wrong)
            .await;
        let refused = put(&place.depot, "1.0.0").await.unwrap_err();
        assert_eq!(refused.code(), "artifact_exists", "{}", place.name);
    }
}

#[tokio::test]
async fn a_half_done_promotion_is_told_from_a_whole_one() {
    for place in places() {
        let name = place.name;
        assert_eq!(place.depot.production(&esp32s3()).await.unwrap(), None);
        promote(&place.depot, "1.0.0").await.unwrap();
        // Somebody's CI promotes 1.1.0, file by file, in the documented order.
        let bytes = firmware("1.1.0");
        place
            .put("esp32s3/production/firmware.bin", bytes.clone())
            .await;
        assert_eq!(
            place.depot.production(&esp32s3()).await.unwrap(),
            None,
            "{name}"
        );
        place.put("esp32s3/production/version.txt", "v1.1.0").await;
        assert_eq!(
            place.depot.production(&esp32s3()).await.unwrap(),
            None,
            "{name}"
        );
        let last = format!(r#"{{"checksum":"{}"}}"#, digest(&bytes));
        place.put("esp32s3/production/metadata.json", last).await;
        let production = place.depot.production(&esp32s3()).await.unwrap().unwrap();
        assert_eq!(production.version, "v1.1.0", "{name}");
        assert_eq!(production.sha256, digest(&bytes));
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_with_its_name() {
    for place in places() {
        place
            .put("esp32s3/releases/v1.0.0/metadata.json", "{")
            .await;
        let refused = put(&place.depot, "1.0.0").await.unwrap_err();
        assert_eq!(refused.code(), "artifact_unreadable", "{}", place.name);
        assert!(
            refused.to_string().contains("v1.0.0/metadata.json"),
            "{refused}"
        );
        let huge = "x".repeat(70_000);
        place
            .put("esp32s3/releases/v1.0.0/metadata.json", huge)
            .await;
        let refused = place
            .depot
            .release_metadata(&esp32s3(), &version("1.0.0"))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), "artifact_too_large");
    }
}

#[tokio::test]
async fn damage_is_found_when_a_firmware_is_fetched() {
    for place in places() {
        put(&place.depot, "1.0.0").await.unwrap();
        let expected = digest(&firmware("1.0.0"));
        let mut bytes = firmware("1.0.0").to_vec();
        bytes[1000] ^= 1;
        place
            .put("esp32s3/releases/v1.0.0/firmware.bin", bytes)
            .await;
        let fetched = place
            .depot
            .fetch(&esp32s3(), &version("1.0.0"), expected)
            .await;
        assert_eq!(
            fetched.unwrap_err().code(),
            "artifact_damaged",
            "{}",
            place.name
        );
    }
}
