//! What rollouts make of each other and of channels is written with them, or not at all.

use updraft_protocol::api::rollout::{RolloutPlan, RolloutState};
use updraft_store::{
    Changed, DeviceWrite, NewRollout, News, Promotion, RolloutRecord, RolloutWrite, Store,
    StoreError,
};

use crate::kept::{actions, device, new_release, publish};
use crate::place::Place;

crate::on_both! {
    a_rollout_promotes_and_makes_another_with_its_own_change_or_not_at_all,
}

fn rollout(id: &str, release_id: &str) -> RolloutRecord {
    RolloutRecord {
        id: id.to_owned(),
        device_type: "esp32c3".parse().unwrap(),
        release_id: release_id.to_owned(),
        version: "1.0.0".to_owned(),
        name: None,
        state: RolloutState::Draft,
        plan: RolloutPlan::default(),
        machine: "{}".to_owned(),
        revision: 0,
        created_at: 1,
        created_by: "tester".to_owned(),
        started_at: None,
        started_by: None,
        ended_at: None,
    }
}

fn write(release_id: &str, was: u64) -> RolloutWrite {
    RolloutWrite {
        id: "one".to_owned(),
        was,
        state: RolloutState::Completed,
        machine: "{}".to_owned(),
        started_at: Some(1),
        started_by: Some("tester".to_owned()),
        ended_at: Some(2),
        promotes: Some(Promotion {
            release_id: release_id.to_owned(),
            channel: "beta".to_owned(),
            actor: "server".to_owned(),
        }),
        audit: Vec::new(),
    }
}

async fn ids(store: &Store) -> Vec<String> {
    let rollouts = store.rollouts().await.unwrap().into_iter();
    rollouts.map(|rollout| rollout.id).collect()
}

async fn a_rollout_promotes_and_makes_another_with_its_own_change_or_not_at_all(place: Place) {
    let store = place.open().await;
    let release = publish(&store, new_release("1.0.0", b"one"), b"one")
        .await
        .unwrap()
        .release;
    let one = rollout("one", &release.id);
    store.create_rollout(&one, "tester").await.unwrap();
    let new = NewRollout {
        record: rollout("two", &release.id),
        audit: Vec::new(),
    };
    let before = actions(&store).await;
    // Somebody was faster.
    let stale = store
        .write_moves(&[], &[write(&release.id, 7)], Some(&new))
        .await
        .unwrap_err();
    assert!(matches!(&stale, StoreError::Stale { rollout } if rollout == "one"));
    let beta = async || {
        let channels = store.channels().await.unwrap().into_iter();
        let mut beta = channels.filter(|channel| channel.name == "beta");
        beta.next().map(|channel| channel.release_id)
    };
    assert_eq!(beta().await, None);
    assert_eq!(ids(&store).await, ["one"]);
    assert_eq!(actions(&store).await, before);

    store
        .write_moves(&[], &[write(&release.id, 0)], Some(&new))
        .await
        .unwrap();
    assert_eq!(beta().await.as_ref(), Some(&release.id));
    assert_eq!(ids(&store).await, ["one", "two"]);
    let after = actions(&store).await;
    assert_eq!(
        after[before.len()..],
        ["release.promote", "rollout.create"].map(str::to_owned)
    );
    // What it points at already is not pointed there again.
    store
        .write_moves(&[], &[write(&release.id, 1)], None)
        .await
        .unwrap();
    assert_eq!(actions(&store).await, after);
    // Nothing at all is written without asking the database.
    store.close().await;
    store.write_moves(&[], &[], None).await.unwrap();
}

/// A connection that breaks in the middle of a commit leaves it open whether the change was made: the node reads it anew.
#[tokio::test]
async fn what_a_failed_commit_may_have_changed_is_told_as_if_another_had() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let store = place.open().await;
    place.fail_commits_of_devices().await;
    let mut changes = store.changes();
    let write = DeviceWrite {
        record: device("d"),
        forgotten: Vec::new(),
        words: Vec::new(),
        outcomes: Vec::new(),
    };
    store.write_devices(&[write]).await.unwrap_err();
    let told = changes.next().await.unwrap();
    let expected = News {
        changed: Changed::Devices(vec!["d".to_owned()]),
        by_us: false,
    };
    assert_eq!(told, expected);
}
