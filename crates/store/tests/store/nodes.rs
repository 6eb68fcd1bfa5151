//! Several nodes over one database and one folder.

use tokio::task::JoinSet;

use crate::kept::{actions, digest, new_release, publish};
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
