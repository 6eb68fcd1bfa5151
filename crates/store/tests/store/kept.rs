//! What the store keeps, refuses and sweeps.

use updraft_protocol::Digest;
use updraft_protocol::api::{
    Attributes, Deployment, DeploymentState, Device, DeviceChange, DeviceTypeChange, NewToken,
    ReleaseChange, ReleaseStatus, Role, SetAttributes,
};
use updraft_store::{
    DeviceRecord, DeviceWrite, Enrolled, NewRelease, Published, Relayed, Store, StoreError,
    TokenHash, unix_now,
};

use crate::place::Place;

crate::on_both! {
    a_refused_release_leaves_no_row_file_or_record,
    a_file_without_a_row_is_swept_and_one_with_a_row_stays,
    devices_come_back_as_they_were_written,
    writing_a_device_touches_neither_token_nor_channel,
    one_secret_opens_one_door,
    a_change_without_its_object_changes_and_records_nothing,
}

/// A release of these bytes. The store takes the verdict on an image from its caller, so any bytes will do.
pub fn new_release(version: &str, bytes: &[u8]) -> NewRelease {
    NewRelease {
        device_type: "esp32c3".parse().unwrap(),
        version: version.parse().unwrap(),
        status: ReleaseStatus::Stable,
        channel: None,
        required: false,
        from_versions: None,
        stepping_stone: false,
        description: "about it".to_owned(),
        chip: "esp32c3".to_owned(),
        project: "demo".to_owned(),
        size: u32::try_from(bytes.len()).unwrap(),
        sha256: digest(bytes),
        elf_sha256: digest(b"elf"),
        secure_version: 0,
        idf_version: "v6.0".to_owned(),
        compile_time: "now".to_owned(),
    }
}

pub fn digest(bytes: &[u8]) -> Digest {
    Digest(TokenHash::of(std::str::from_utf8(bytes).unwrap()).0)
}

pub async fn publish(
    store: &Store,
    new: NewRelease,
    bytes: &[u8],
) -> updraft_store::Result<Published> {
    let mut incoming = store.artifacts().begin()?;
    incoming.write(bytes)?;
    store.publish(incoming, new, "tester").await
}

pub fn device(id: &str) -> DeviceRecord {
    DeviceRecord {
        device: Device {
            id: id.parse().unwrap(),
            device_type: "esp32c3".parse().unwrap(),
            channel: "stable".to_owned(),
            version: Some("1.0.0".to_owned()),
            elf_sha256: Some(digest(b"elf")),
            slot: Some("ota_0".to_owned()),
            state: Some(updraft_protocol::SlotState::Valid),
            reset_reason: Some(updraft_protocol::ResetReason::PowerOn),
            enrolled: false,
            first_seen: 100,
            last_seen: Some(200),
            poll_seconds: Some(300),
            attributes: Attributes::default(),
            pin: None,
            hold: None,
            deployments: Vec::new(),
        },
        said: Attributes::default(),
        set: SetAttributes::default(),
        chip: Some("esp32c3".to_owned()),
        secure_version: Some(u32::MAX),
        slot_size: Some(1_048_576),
        token_hash: None,
        unmatched_report: None,
        relayed: Relayed::default(),
        revision: 0,
    }
}

pub fn deployment(release_id: &str, state: DeploymentState) -> Deployment {
    Deployment {
        release_id: release_id.to_owned(),
        version: "1.1.0".to_owned(),
        rollout_id: None,
        step: None,
        state,
        reason: Some(updraft_protocol::ReasonCode::ChecksumMismatch),
        detail: Some("why".to_owned()),
        failures: 2,
        started_at: 1,
        updated_at: 2,
    }
}

pub async fn actions(store: &Store) -> Vec<String> {
    let records = store.audit(None, 1000).await.unwrap();
    records.into_iter().map(|record| record.action).collect()
}

async fn a_refused_release_leaves_no_row_file_or_record(place: Place) {
    let store = place.open().await;
    publish(&store, new_release("1.0.0", b"one"), b"one")
        .await
        .unwrap();
    let before = actions(&store).await;
    let other_chip = NewRelease {
        chip: "esp32s3".to_owned(),
        ..new_release("1.1.0", b"two")
    };
    let big = NewRelease {
        size: 2 * 1024 * 1024 + 1,
        ..new_release("1.1.0", b"two")
    };
    let same_precedence = new_release("1.0.0+build.2", b"two");
    for (new, code) in [
        (other_chip, "wrong_chip"),
        (big, "too_big"),
        (same_precedence, "version_exists"),
    ] {
        let error = publish(&store, new, b"two").await.unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!store.artifacts().path(digest(b"two")).exists(), "{code}");
        assert_eq!(store.releases().await.unwrap().len(), 1);
        assert_eq!(actions(&store).await, before, "{code}");
    }
    let incoming = place.path().join("artifacts/incoming");
    assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0);
}

async fn a_file_without_a_row_is_swept_and_one_with_a_row_stays(place: Place) {
    let store = place.open().await;
    publish(&store, new_release("1.0.0", b"one"), b"one")
        .await
        .unwrap();
    // What a kill between the rename and the row leaves, and one in the middle of a write.
    let mut orphan = store.artifacts().begin().unwrap();
    orphan.write(b"orphan").unwrap();
    store.artifacts().keep(orphan, digest(b"orphan")).unwrap();
    let mut unfinished = store.artifacts().begin().unwrap();
    unfinished.write(b"half").unwrap();
    std::mem::forget(unfinished);
    let stranger = place.path().join("artifacts/README");
    std::fs::write(&stranger, "an operator's note").unwrap();
    store.close().await;
    drop(store);

    let store = place.open().await;
    assert!(!store.artifacts().path(digest(b"orphan")).exists());
    assert_eq!(
        std::fs::read(store.artifacts().path(digest(b"one"))).unwrap(),
        b"one"
    );
    let incoming = place.path().join("artifacts/incoming");
    let left = std::fs::read_dir(incoming).unwrap().count();
    // Another node may be writing it still: only a day without a word tells.
    assert_eq!(left, usize::from(place.is_shared()));
    assert!(stranger.exists());
}

async fn devices_come_back_as_they_were_written(place: Place) {
    let store = place.open().await;
    let release = publish(&store, new_release("1.1.0", b"one"), b"one")
        .await
        .unwrap()
        .release;
    for state in DeploymentState::ALL {
        let mut record = device(&format!("d-{}", state.as_str()));
        record.device.deployments = vec![deployment(&release.id, *state)];
        store
            .write_devices(&[DeviceWrite {
                record: record.clone(),
                forgotten: Vec::new(),
                words: Vec::new(),
                outcomes: Vec::new(),
            }])
            .await
            .unwrap();
        let kept = store.devices().await.unwrap();
        let found = kept
            .iter()
            .find(|kept| kept.device.id == record.device.id)
            .unwrap();
        assert_eq!(found.device, record.device);
        assert_eq!(found.secure_version, record.secure_version);
    }
    // A deployment at a release that is gone was never made.
    let mut record = device("late");
    record.device.deployments = vec![deployment("gone", DeploymentState::Offered)];
    store
        .write_devices(&[DeviceWrite {
            record,
            forgotten: Vec::new(),
            words: Vec::new(),
            outcomes: Vec::new(),
        }])
        .await
        .unwrap();
    let kept = store.devices().await.unwrap();
    let late = kept
        .iter()
        .find(|kept| kept.device.id.as_str() == "late")
        .unwrap();
    assert_eq!(late.device.deployments, []);
    // And what has a deployment cannot be deleted, offered or not.
    let error = store
        .delete_release(&release.id, "tester")
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::WasOffered { .. }), "{error}");
}

async fn writing_a_device_touches_neither_token_nor_channel(place: Place) {
    let store = place.open().await;
    let record = device("d");
    let (id, device_type) = (record.device.id.clone(), record.device.device_type.clone());
    let hash = TokenHash::of("secret");
    let enrol = async |hash| store.enrol(&id, &device_type, hash, unix_now()).await;
    assert_eq!(enrol(hash).await.unwrap(), Enrolled::New);
    let beta = DeviceChange {
        channel: Some("beta".to_owned()),
        ..DeviceChange::default()
    };
    store.change_device(&id, &beta, "tester").await.unwrap();
    store
        .write_devices(&[DeviceWrite {
            record,
            forgotten: Vec::new(),
            words: Vec::new(),
            outcomes: Vec::new(),
        }])
        .await
        .unwrap();
    let kept = store.devices().await.unwrap().remove(0);
    assert_eq!(kept.token_hash, Some(hash));
    assert_eq!(kept.device.channel, "beta");
    assert_eq!(enrol(hash).await.unwrap(), Enrolled::Again);
    let error = enrol(TokenHash::of("another")).await.unwrap_err();
    assert_eq!(error.code(), "already_enrolled");
}

async fn one_secret_opens_one_door(place: Place) {
    let store = place.open().await;
    let hash = TokenHash::of("secret");
    let new = NewToken {
        name: "ci".to_owned(),
        role: Role::Publisher,
    };
    store.add_token(&new, hash, "tester").await.unwrap();
    assert_eq!(
        store
            .add_token(&new, hash, "tester")
            .await
            .unwrap_err()
            .code(),
        "token_in_use"
    );
    let (id, device_type) = ("d".parse().unwrap(), "esp32c3".parse().unwrap());
    let error = store.enrol(&id, &device_type, hash, 0).await.unwrap_err();
    assert_eq!(error.code(), "token_in_use");
    assert!(store.devices().await.unwrap().is_empty());
}

async fn a_change_without_its_object_changes_and_records_nothing(place: Place) {
    let store = place.open().await;
    let id = "d".parse().unwrap();
    let device_type = "esp32c3".parse().unwrap();
    let change = DeviceTypeChange {
        slot_size: Some(4096),
    };
    let errors = [
        store
            .change_release("x", &ReleaseChange::default(), "t")
            .await
            .unwrap_err(),
        store.block_release("x", Some("r"), "t").await.unwrap_err(),
        store.promote_release("x", "beta", "t").await.unwrap_err(),
        store.delete_release("x", "t").await.unwrap_err(),
        store.delete_token("x", "t").await.unwrap_err(),
        store
            .change_device(&id, &DeviceChange::default(), "t")
            .await
            .unwrap_err(),
        store
            .change_device_type(&device_type, &change, "t")
            .await
            .unwrap_err(),
        store.release("x").await.unwrap_err(),
        store.device_type("x").await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.code(), "not_found", "{error}");
    }
    assert!(!store.mark_offered("x").await.unwrap());
    assert_eq!(actions(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_acknowledged_survives_without_closing() {
    let dir = tempfile::TempDir::new().unwrap();
    let copy = tempfile::TempDir::new().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    let release = publish(&store, new_release("1.0.0", b"one"), b"one")
        .await
        .unwrap()
        .release;
    assert!(store.mark_offered(&release.id).await.unwrap());
    // A copy of the files at this moment is what a killed process leaves.
    for name in ["updraft.db", "updraft.db-wal"] {
        std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    let found = Store::open(copy.path()).await.unwrap();
    assert!(found.release(&release.id).await.unwrap().offered);
}

#[tokio::test]
async fn the_schema_uses_types_that_postgresql_has_too() {
    let text = include_str!("../../migrations/0001_first.sql");
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .collect();
    for word in [
        "AUTOINCREMENT",
        "INTEGER",
        "BLOB",
        "WITHOUT ROWID",
        "PRAGMA",
        "STRICT",
        "REPLACE",
    ] {
        assert!(!code.contains(word), "{word}");
    }
}
