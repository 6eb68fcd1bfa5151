//! `blocked_versions.json`: others' words kept, nobody's change lost.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::scene::{esp32s3, places};

const FILE: &str = "esp32s3/rollback/blocked_versions.json";

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(version, reason)| ((*version).to_owned(), (*reason).to_owned()))
        .collect()
}

#[tokio::test]
async fn what_others_wrote_is_read_and_kept() {
    for place in places() {
        assert_eq!(place.depot.blocked(&esp32s3()).await.unwrap(), None);
        let theirs = json!({
            "blocked_versions": ["1.1.0", "v1.3.0"],
            "reason": { "1.1.0": "Boot loop after OTA" },
            "updated_by": "ops",
        });
        place.put(FILE, theirs.to_string()).await;
        let read = place.depot.blocked(&esp32s3()).await.unwrap().unwrap();
        assert_eq!(
            read.versions(),
            map(&[("1.1.0", "Boot loop after OTA"), ("1.3.0", "")])
        );
        place
            .depot
            .change_blocked(&esp32s3(), |blocked| {
                blocked.block("1.2.0", "no Wi-Fi");
                blocked.unblock("1.3.0");
            })
            .await
            .unwrap();
        let now: Value = serde_json::from_str(&place.text(FILE)).unwrap();
        assert_eq!(now["updated_by"], "ops", "{}", place.name);
        assert_eq!(now["blocked_versions"], json!(["1.1.0", "1.2.0"]));
        assert_eq!(
            now["reason"],
            json!({ "1.1.0": "Boot loop after OTA", "1.2.0": "no Wi-Fi" })
        );
    }
}

#[tokio::test]
async fn a_change_that_changes_nothing_writes_nothing() {
    for place in places() {
        let theirs = r#"{"reason":{"1.1.0":"x"},   "blocked_versions":["1.1.0"]}"#;
        place.put(FILE, theirs).await;
        place
            .depot
            .change_blocked(&esp32s3(), |blocked| blocked.block("1.1.0", "x"))
            .await
            .unwrap();
        assert_eq!(place.text(FILE), theirs, "{}", place.name);
    }
}

#[tokio::test]
async fn a_change_is_made_anew_when_somebody_was_faster() {
    for place in places() {
        place.put(FILE, r#"{"blocked_versions":["1.0.0"]}"#).await;
        let mut calls = 0;
        let (asked, told) = (
            place.file(FILE),
            r#"{"blocked_versions":["1.0.0","2.0.0"]}"#,
        );
        place
            .depot
            .change_blocked(&esp32s3(), |blocked| {
                calls += 1;
                if calls == 1 {
                    // Past the depot, between its reading and its writing.
                    std::thread::scope(|scope| {
                        let write = || {
                            let runtime = tokio::runtime::Builder::new_current_thread()
                                .enable_all()
                                .build()
                                .unwrap();
                            runtime.block_on(place.put(FILE, told));
                        };
                        scope.spawn(write).join().unwrap();
                    });
                    assert_eq!(std::fs::read_to_string(&asked).unwrap(), told);
                }
                blocked.block("3.0.0", "late");
            })
            .await
            .unwrap();
        assert_eq!(calls, 2, "{}", place.name);
        let now = place.depot.blocked(&esp32s3()).await.unwrap().unwrap();
        let versions: Vec<String> = now.versions().into_keys().collect();
        assert_eq!(versions, ["1.0.0", "2.0.0", "3.0.0"], "{}", place.name);
    }
}

#[tokio::test]
async fn a_file_of_another_shape_is_left_alone() {
    for place in places() {
        for theirs in ["[]", "{", r#"{"blocked_versions":"1.0.0"}"#] {
            place.put(FILE, theirs).await;
            let refused = place
                .depot
                .change_blocked(&esp32s3(), |blocked| blocked.block("1.0.0", "x"))
                .await
                .unwrap_err();
            assert_eq!(refused.code(), "artifact_unreadable", "{}", place.name);
            assert_eq!(place.text(FILE), theirs);
        }
    }
}
