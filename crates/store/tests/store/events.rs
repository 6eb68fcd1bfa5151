//! Events: written with the change, numbered in the order of the commits, read by whoever follows.

use tokio::task::JoinSet;
use updraft_store::{EventRecord, Store};

use crate::kept::{actions, new_release, publish};
use crate::place::Place;

async fn all(store: &Store) -> Vec<EventRecord> {
    store.events(0, u32::MAX).await.unwrap()
}

async fn a_change_and_its_event_are_one(place: Place) {
    let store = place.open().await;
    assert_eq!(store.event_page(0, 10).await.unwrap().oldest, 1);
    publish(&store, new_release("1.0.0", b"one"), b"one")
        .await
        .unwrap();
    let events = all(&store).await;
    let told: Vec<(i64, &str)> = events
        .iter()
        .map(|event| (event.number, event.kind.as_str()))
        .collect();
    assert_eq!(told, [(1, "type.create"), (2, "release.publish")]);
    assert_eq!(events[1].actor, "tester");
    assert_eq!(events[1].detail["version"], "1.0.0");
    // What was refused did not happen.
    let refused = publish(&store, new_release("1.0.0", b"two"), b"two").await;
    assert!(refused.is_err());
    assert_eq!(store.last_event().await.unwrap(), 2);
    assert_eq!(store.events(1, 10).await.unwrap(), events[1..]);
    // Forgotten events leave their numbers behind.
    assert_eq!(store.prune_events(i64::MAX).await.unwrap(), 2);
    let page = store.event_page(0, 10).await.unwrap();
    assert_eq!((page.events.len(), page.oldest, page.last), (0, 3, 2));
    assert_eq!(actions(&store).await.len(), 2, "the audit record stays");
    publish(&store, new_release("1.1.0", b"three"), b"three")
        .await
        .unwrap();
    assert_eq!(all(&store).await[0].number, 3);
}

/// Whoever reads what is new again and again sees every event once and in order, although several write at once: a number
/// that becomes visible late would be passed over.
async fn who_follows_misses_nothing(place: Place) {
    const EACH: i64 = 10;
    let names: &[&str] = if place.is_shared() {
        &["a", "b", "c"]
    } else {
        &["a"]
    };
    let mut writing = JoinSet::new();
    for name in names {
        let store = std::sync::Arc::new(place.node(name).await.unwrap());
        for writer in 0..4 {
            let (store, setting) = (store.clone(), format!("{name}{writer}"));
            writing.spawn(async move {
                for known in 0..EACH {
                    let set = store.compare_and_set(&setting, known, "", "test.set", "tester");
                    assert!(set.await.unwrap());
                }
            });
        }
    }
    let wanted = EACH * 4 * i64::try_from(names.len()).unwrap();
    // One directory of SQLite is one server's: there the writers end first.
    let reader = if place.is_shared() {
        Some(place.open().await)
    } else {
        None
    };
    let mut seen = 0;
    if let Some(reader) = &reader {
        while !writing.is_empty() {
            seen = read_on(reader, seen).await;
            // Others' tests want the database, too.
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            while let Some(done) = writing.try_join_next() {
                done.unwrap();
            }
        }
    }
    while let Some(done) = writing.join_next().await {
        done.unwrap();
    }
    let reader = match reader {
        Some(reader) => reader,
        None => place.node("a").await.unwrap(),
    };
    while seen < reader.last_event().await.unwrap() {
        seen = read_on(&reader, seen).await;
    }
    assert_eq!(seen, wanted);
}

/// Reads some events after this one; the last that was read.
async fn read_on(reader: &Store, mut seen: i64) -> i64 {
    for event in reader.events(seen, 7).await.unwrap() {
        assert_eq!(event.number, seen + 1);
        seen = event.number;
    }
    seen
}

crate::on_both! {
    a_change_and_its_event_are_one,
    who_follows_misses_nothing,
}
