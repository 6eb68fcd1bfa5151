//! What relays keep, and what is kept about them.

use updraft_protocol::api::relay::{RelayWord, Said};
use updraft_protocol::{Report, UpdateStatus};
use updraft_store::{DeviceWrite, KeptWord, RelaySettings, Relayed, WaitingWords};

use crate::kept::{device, digest};
use crate::place::Place;

crate::on_both! {
    words_are_kept_with_what_they_change_and_plain_ones_once,
    what_was_taken_of_relays_comes_back,
    the_numbers_of_words_never_come_again,
    a_snapshots_revision_grows_with_what_it_says,
    what_a_relay_keeps_for_good_is_set_once,
}

fn word(id: &str, seq: i64) -> RelayWord {
    let report = Report {
        firmware_version: "1.1.0".to_owned(),
        update_status: UpdateStatus::Downloaded,
        updated_at: None,
        previous_version: None,
        firmware_id: None,
        reason: None,
        detail: None,
        elf_sha256: None,
        slot: None,
        reset_reason: None,
        checks: Vec::new(),
        bytes_written: None,
        duration_seconds: None,
    };
    RelayWord {
        seq,
        at: 1000 + seq,
        device_id: id.parse().unwrap(),
        device_type: "esp32c3".parse().unwrap(),
        said: Said::Reported(report),
    }
}

fn write(id: &str, revision: i64, words: &[(i64, bool)]) -> DeviceWrite {
    let mut record = device(id);
    record.revision = revision;
    let words = words.iter().map(|(seq, plain)| KeptWord {
        word: word(id, *seq),
        plain: *plain,
    });
    DeviceWrite {
        record,
        forgotten: Vec::new(),
        words: words.collect(),
        outcomes: Vec::new(),
    }
}

async fn words_are_kept_with_what_they_change_and_plain_ones_once(place: Place) {
    let store = place.open().await;
    let writes = [
        write("a", 0, &[(1, true), (2, false)]),
        write("b", 0, &[(3, true)]),
    ];
    store.write_devices(&writes).await.unwrap();
    // The next plain word takes the place of the last; what another node wrote since takes the words along.
    store
        .write_devices(&[write("a", 1, &[(4, true)])])
        .await
        .unwrap();
    assert!(
        store
            .write_devices(&[write("a", 0, &[(5, false)])])
            .await
            .is_err()
    );
    let seqs = async || -> Vec<i64> {
        let words = store.relay_words(10).await.unwrap();
        words.iter().map(|word| word.seq).collect()
    };
    assert_eq!(seqs().await, [2, 3, 4]);
    assert_eq!(store.relay_words(1).await.unwrap(), [word("a", 2)]);
    let waiting = store.waiting_relay_words().await.unwrap();
    assert_eq!(waiting, WaitingWords { count: 3, last: 4 });
    let mut devices = store.devices_with_relay_words().await.unwrap();
    devices.sort();
    assert_eq!(
        devices,
        [("a".parse().unwrap(), 4), ("b".parse().unwrap(), 3)]
    );
    store.forget_relay_words(&[2, 4]).await.unwrap();
    assert_eq!(seqs().await, [3]);
}

async fn what_was_taken_of_relays_comes_back(place: Place) {
    let store = place.open().await;
    let mut relayed = Relayed::default();
    for relay in 0..20 {
        relayed.take(&format!("r{relay:02}"), relay);
    }
    assert_eq!(relayed.told.len(), updraft_store::MAX_RELAYS);
    assert!(!relayed.is_news("r19", 19) && relayed.is_news("r19", 20) && relayed.is_news("r00", 0));
    let mut one = write("a", 0, &[]);
    one.record.relayed = relayed.clone();
    store.write_devices(&[one]).await.unwrap();
    assert_eq!(store.devices().await.unwrap()[0].relayed, relayed);
}

async fn a_snapshots_revision_grows_with_what_it_says(place: Place) {
    let store = place.open().await;
    let (one, two) = (digest(b"one"), digest(b"two"));
    let issue = async |site: Option<&str>, body, now| {
        let issued = store.issue_snapshot(site, body, now, 100).await.unwrap();
        (issued.revision, issued.at)
    };
    assert_eq!(issue(None, one, 1000).await, (1, 1000));
    // The same again is the same, until it is due for another.
    assert_eq!(issue(None, one, 1099).await, (1, 1000));
    assert_eq!(issue(None, one, 1100).await, (2, 1100));
    assert_eq!(issue(None, two, 1101).await, (3, 1101));
    // Each site has its own, of one count; a name may be anything.
    assert_eq!(issue(Some("null"), two, 1102).await, (4, 1102));
    assert_eq!(issue(Some("\0"), two, 1103).await, (5, 1103));
    assert_eq!(issue(Some("null"), two, 1104).await, (4, 1102));
    assert_eq!(issue(None, two, 1105).await, (3, 1101));
}

async fn the_numbers_of_words_never_come_again(place: Place) {
    let store = place.open().await;
    let last = async || store.waiting_relay_words().await.unwrap();
    assert_eq!(last().await, WaitingWords { count: 0, last: 0 });
    store
        .write_devices(&[write("a", 0, &[(7, false), (8, false), (9, false)])])
        .await
        .unwrap();
    store.forget_relay_words(&[8, 7]).await.unwrap();
    assert_eq!(last().await, WaitingWords { count: 1, last: 9 });
    store.forget_relay_words(&[9]).await.unwrap();
    assert_eq!(last().await, WaitingWords { count: 0, last: 9 });
    // Nothing told, or told late, takes nothing back.
    store.forget_relay_words(&[]).await.unwrap();
    store.forget_relay_words(&[3]).await.unwrap();
    assert_eq!(last().await, WaitingWords { count: 0, last: 9 });
}

async fn what_a_relay_keeps_for_good_is_set_once(place: Place) {
    let store = place.open().await;
    let named = store
        .relay_setting(RelaySettings::Name, "one".to_owned())
        .await
        .unwrap();
    let again = store
        .relay_setting(RelaySettings::Name, "two".to_owned())
        .await
        .unwrap();
    assert_eq!((named.as_str(), again.as_str()), ("one", "one"));
}
