//! The data folder's copy is a cache: missing or damaged, it is fetched again.

use crate::support::images::c3;
use crate::support::{artifacts, start_in};

use super::{id, places, sync};

#[tokio::test]
async fn a_file_that_is_missing_here_is_fetched_and_verified() {
    for place in places() {
        let server = place.server().await;
        server.publish("esp32c3", &c3("1.0.0")).await;
        sync(&server).await;
        let release = id(&server, "1.0.0").await;
        let dir = server.dir;
        assert!(server.running.unwrap().shutdown().await);
        let [file] = artifacts(&dir.path().join("data")).try_into().unwrap();
        std::fs::remove_file(&file).unwrap();

        let server = start_in(dir, |config| place.configure(config)).await;
        let path = format!("/firmwares/{release}/download");
        // Many at once, one fetch: the file is whole for each.
        let all = futures_util::future::join_all((0..20).map(|_| server.get(&path)));
        for got in all.await {
            assert_eq!(got.status(), 200, "{}", place.name);
            assert_eq!(got.bytes().await.unwrap(), c3("1.0.0"));
        }
        assert_eq!(std::fs::read(&file).unwrap(), c3("1.0.0"));
    }
}

#[tokio::test]
async fn a_file_that_is_damaged_here_is_fetched_again() {
    for place in places() {
        let server = place.server().await;
        server.publish("esp32c3", &c3("1.0.0")).await;
        sync(&server).await;
        let release = id(&server, "1.0.0").await;
        let [file] = server.artifacts().try_into().unwrap();
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[5000] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let got = server.get(&format!("/firmwares/{release}/download")).await;
        assert_eq!(got.status(), 200, "{}", place.name);
        assert_eq!(got.bytes().await.unwrap(), c3("1.0.0"));
    }
}

#[tokio::test]
async fn damage_there_is_never_served() {
    for place in places() {
        let server = place.server().await;
        server.publish("esp32c3", &c3("1.0.0")).await;
        sync(&server).await;
        let release = id(&server, "1.0.0").await;
        let [file] = server.artifacts().try_into().unwrap();
        std::fs::remove_file(&file).unwrap();
        let mut bytes = c3("1.0.0");
        bytes[5000] ^= 1;
        place
            .put("esp32c3/releases/v1.0.0/firmware.bin", bytes)
            .await;
        let got = server.get(&format!("/firmwares/{release}/download")).await;
        let refused = crate::support::refusal(got).await;
        assert_eq!(
            refused,
            (502, "artifact_damaged".to_owned()),
            "{}",
            place.name
        );
        assert!(!file.exists());
    }
}
