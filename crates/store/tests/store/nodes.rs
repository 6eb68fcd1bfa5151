//! Several nodes over one database and one folder.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use updraft_store::{Changed, DeviceWrite, News, StoreError};

use crate::kept::{actions, device, digest, new_release, publish};
use crate::place::Place;

#[tokio::test]
async fn three_nodes_start_at_once_on_an_empty_database() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let (a, b, c) = tokio::join!(place.node("a"), place.node("b"), place.node("c"));
    for node in [a, b, c] {
        node.unwrap().ready().await.unwrap();
    }
}

#[tokio::test]
async fn of_nodes_that_publish_one_version_with_other_bytes_one_succeeds() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let mut racing = JoinSet::new();
    for (name, bytes) in [("a", "one"), ("b", "two"), ("c", "three")] {
        let node = place.node(name).await.unwrap();
        racing.spawn(async move {
            let new = new_release("1.0.0", bytes.as_bytes());
            (publish(&node, new, bytes.as_bytes()).await, bytes)
        });
    }
    let mut created = Vec::new();
    while let Some(done) = racing.join_next().await {
        match done.unwrap() {
            (Ok(published), bytes) => {
                assert!(published.created);
                created.push(bytes);
            }
            (Err(error), _) => assert_eq!(error.code(), "version_exists"),
        }
    }
    assert_eq!(created.len(), 1);
    let node = place.open().await;
    for bytes in ["one", "two", "three"] {
        let there = node.artifacts().path(digest(bytes.as_bytes())).exists();
        assert_eq!(there, created == [bytes], "{bytes}");
    }
    let published = actions(&node).await;
    assert_eq!(published, ["type.create", "release.publish"]);
}

#[tokio::test]
async fn a_starting_node_leaves_the_unfinished_uploads_of_others() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let node = place.node("a").await.unwrap();
    let mut incoming = node.artifacts().begin().unwrap();
    incoming.write(b"on").unwrap();
    place.node("b").await.unwrap();
    incoming.write(b"e").unwrap();
    let new = new_release("1.0.0", b"one");
    let published = node.publish(incoming, new, "tester").await.unwrap();
    let kept = node.artifacts().path(published.release.sha256);
    assert_eq!(std::fs::read(kept).unwrap(), b"one");
}

#[tokio::test]
async fn an_offered_release_is_never_deleted_by_another_node() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let (a, b) = (
        place.node("a").await.unwrap(),
        place.node("b").await.unwrap(),
    );
    for round in 0..20 {
        let bytes = format!("bytes {round}");
        let new = new_release(&format!("1.0.{round}"), bytes.as_bytes());
        let release = publish(&a, new, bytes.as_bytes()).await.unwrap().release;
        let (offered, deleted) = tokio::join!(
            a.mark_offered(&release.id),
            b.delete_release(&release.id, "tester")
        );
        assert_ne!(offered.unwrap(), deleted.is_ok(), "{round}");
    }
}

/// What must happen once across nodes happens once, with one audit record.
#[tokio::test]
async fn of_three_nodes_that_act_on_one_revision_one_acts() {
    const ROUNDS: i64 = 20;
    let Some(place) = Place::postgres().await else {
        return;
    };
    let mut racing = JoinSet::new();
    for name in ["a", "b", "c"] {
        let node = place.node(name).await.unwrap();
        racing.spawn(async move {
            let mut acted = 0;
            for known in 0..ROUNDS {
                let done = node.compare_and_set("clock", known, name, "clock.tick", name);
                acted += i64::from(done.await.unwrap());
            }
            acted
        });
    }
    let acted: i64 = racing.join_all().await.into_iter().sum();
    let node = place.open().await;
    let clock = node.setting("clock").await.unwrap().unwrap();
    assert_eq!((acted, clock.revision), (ROUNDS, ROUNDS));
    let recorded = i64::try_from(actions(&node).await.len()).unwrap();
    assert_eq!(recorded, ROUNDS);
}

#[tokio::test]
async fn each_node_hears_what_another_changed_and_what_it_changed_itself() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let (a, b) = (
        place.node("a").await.unwrap(),
        place.node("b").await.unwrap(),
    );
    let (mut at_a, mut at_b) = (a.changes(), b.changes());
    publish(&a, new_release("1.0.0", b"one"), b"one")
        .await
        .unwrap();
    let write = DeviceWrite {
        record: device("d"),
        forgotten: Vec::new(),
        words: Vec::new(),
        outcomes: Vec::new(),
    };
    a.write_devices(&[write]).await.unwrap();
    for (changes, by_us) in [(&mut at_a, true), (&mut at_b, false)] {
        let devices = Changed::Devices(vec!["d".to_owned()]);
        for changed in [Changed::Releases, Changed::Events, devices] {
            assert_eq!(changes.next().await, Some(News { changed, by_us }));
        }
    }
}

#[tokio::test]
async fn after_a_lost_connection_everything_may_have_changed() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let node = place.open().await;
    let mut changes = node.changes();
    place.cut_connections().await;
    let news = changes.next().await.unwrap();
    assert_eq!(news.changed, Changed::Everything);
    // And it hears again.
    let other = place.node("other").await.unwrap();
    publish(&other, new_release("1.0.0", b"one"), b"one")
        .await
        .unwrap();
    assert_eq!(changes.next().await.unwrap().changed, Changed::Releases);
}

#[tokio::test]
async fn no_node_writes_over_what_it_has_not_read() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let (a, b) = (
        place.node("a").await.unwrap(),
        place.node("b").await.unwrap(),
    );
    let record = device("d");
    let mut write = DeviceWrite {
        record,
        forgotten: Vec::new(),
        words: Vec::new(),
        outcomes: Vec::new(),
    };
    a.write_devices(&[write.clone()]).await.unwrap();
    write.record.device.version = Some("0.9.0".to_owned());
    let refused = b.write_devices(&[write.clone()]).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Outdated { devices } if *devices == [write.record.device.id.clone()]),
        "{refused}"
    );
    let ids = ["d".to_owned(), "nobody".to_owned()];
    let kept = b.devices_by_id(&ids).await.unwrap().remove(0);
    assert_eq!(kept.device.version.as_deref(), Some("1.0.0"));
    write.record.revision = kept.revision;
    b.write_devices(&[write]).await.unwrap();
}

/// Nodes make their rows and the artifact store agree one after the other, and one that is gone holds up nobody.
#[tokio::test]
async fn one_node_at_a_time_has_its_turn_with_the_artifact_store() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let (a, b) = (
        place.node("a").await.unwrap(),
        Arc::new(place.node("b").await.unwrap()),
    );
    let mut turn = a.depot_turn().await.unwrap();
    turn.check().await.unwrap();
    let waiting = b.clone();
    let waiting = tokio::spawn(async move { waiting.depot_turn().await });
    place.until_a_lock_is_waited_for().await;
    assert!(!waiting.is_finished());
    // What is published in the turn does not wait for it.
    publish(&a, new_release("1.0.0", b"one"), b"one")
        .await
        .unwrap();
    turn.check().await.unwrap();
    drop(turn);
    let mut turn = waiting.await.unwrap().unwrap();
    turn.check().await.unwrap();
    // The node hangs, or its network is gone: another is next, and this one can tell.
    place.cut_lock_holders().await;
    a.depot_turn().await.unwrap().check().await.unwrap();
    assert!(turn.check().await.is_err());
}

#[tokio::test]
async fn a_node_that_waits_for_its_turn_can_be_stopped() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let (a, b) = (
        place.node("a").await.unwrap(),
        Arc::new(place.node("b").await.unwrap()),
    );
    let _turn = a.depot_turn().await.unwrap();
    let waiting = b.clone();
    let waiting = tokio::spawn(async move { waiting.depot_turn().await });
    place.until_a_lock_is_waited_for().await;
    let closing = tokio::time::timeout(Duration::from_mins(1), b.close());
    assert!(closing.await.is_ok(), "it waits for the other node");
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test]
async fn a_server_alone_always_has_its_turn() {
    let store = Place::sqlite().open().await;
    let (mut one, mut two) = (
        store.depot_turn().await.unwrap(),
        store.depot_turn().await.unwrap(),
    );
    one.check().await.unwrap();
    two.check().await.unwrap();
}
