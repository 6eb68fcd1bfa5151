//! Payloads, byte for byte.

use proptest::prelude::*;
use updraft_protocol::mqtt::{
    Format, MAX_PAYLOAD, MAX_URL, Order, PayloadError, Presence, StatusMessage, VersionMessage,
};
use updraft_protocol::{Digest, Offer, ReasonCode, UpdateStatus};

#[test]
fn seed_003_s_words_are_understood() {
    for (word, status) in [
        ("SUCCESS", UpdateStatus::Confirmed),
        ("FAILED", UpdateStatus::Failed),
        ("STARTED", UpdateStatus::Downloading),
        ("IN_PROGRESS", UpdateStatus::Downloading),
        ("SUCCESS\n", UpdateStatus::Confirmed),
    ] {
        let message = StatusMessage::read(word.as_bytes()).unwrap();
        assert_eq!(message, StatusMessage::of(status), "{word}");
        let report = message.into_report("1.1.0", Some("r1"));
        assert_eq!(report.firmware_version, "1.1.0");
        assert_eq!(report.firmware_id.as_deref(), Some("r1"));
        assert_eq!(report.elf_sha256, None, "a claim without proof");
    }
}

#[test]
fn a_status_as_json_carries_reason_and_progress() {
    let message = StatusMessage::read(
        br#"{"status":"FAILED","reason":"connection_lost","detail":"at byte 4096","progress":7,"version":"1.2.0"}"#,
    )
    .unwrap();
    assert_eq!(message.status, UpdateStatus::Failed);
    assert_eq!(message.reason, Some(ReasonCode::ConnectionLost));
    assert_eq!(message.progress, Some(7));
    let report = message.into_report("1.1.0", Some("r1"));
    assert_eq!(
        (report.firmware_version.as_str(), report.firmware_id),
        ("1.2.0", None),
        "what the device names is not mixed with what the server supposes"
    );
}

#[test]
fn a_report_survives_as_a_status() {
    let message = StatusMessage {
        elf_sha256: Some(Digest([7; 32])),
        ..StatusMessage::of(UpdateStatus::Confirmed)
    };
    let report = message.into_report("1.1.0", Some("r1"));
    let json = serde_json::to_vec(&StatusMessage::from(report.clone())).unwrap();
    let again = StatusMessage::read(&json).unwrap().into_report("", None);
    assert_eq!(again, report);
}

#[test]
fn a_version_is_plain_or_json() {
    let plain = VersionMessage::read(b"1.0.5").unwrap();
    assert_eq!(
        (plain.version.as_str(), plain.format),
        ("1.0.5", Format::Url)
    );
    let json = VersionMessage::read(
        br#"{"version":"1.0.5","format":"json","device_type":"esp32s3","chip":"esp32s3","later":true}"#,
    )
    .unwrap();
    assert_eq!(json.format, Format::Json);
    assert_eq!(json.device_type.unwrap().as_str(), "esp32s3");
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let long = vec![b'1'; MAX_PAYLOAD + 1];
    for (payload, code) in [
        (&b""[..], "payload_empty"),
        (b" \n", "payload_empty"),
        (b"\xff\xfe", "payload_not_text"),
        (b"1.0\x00", "payload_not_text"),
        (&long, "payload_too_long"),
        (&[b'1'; 65], "payload_too_long"),
        (b"{", "payload_bad_json"),
        (b"{\"version\":3}", "payload_bad_json"),
        (b"{\"version\":\"\"}", "payload_empty"),
        (b"{\"version\":\"1\\u0000\"}", "payload_not_text"),
    ] {
        let error = VersionMessage::read(payload).unwrap_err();
        assert_eq!(error.code(), code, "{payload:?}");
        assert!(!error.to_string().is_empty());
    }
    for (payload, code) in [
        (&b"Success!"[..], "payload_unknown_word"),
        (b"{\"status\":\"DONE\"}", "payload_bad_json"),
        (
            b"{\"status\":\"STARTED\",\"progress\":101}",
            "payload_out_of_range",
        ),
        (
            b"{\"status\":\"STARTED\",\"progress\":-1}",
            "payload_bad_json",
        ),
    ] {
        assert_eq!(StatusMessage::read(payload).unwrap_err().code(), code);
    }
    assert_eq!(Presence::read(b"online"), Ok(Presence::Online));
    assert_eq!(Presence::read(b"offline"), Ok(Presence::Offline));
    assert_eq!(
        Presence::read(b"away").unwrap_err().code(),
        "payload_unknown_word"
    );
}

#[test]
fn an_order_is_a_url_or_an_offer() {
    let url = "http://10.0.0.5:8080/d/beacon-17/AAAA";
    assert_eq!(Order::read(url.as_bytes()), Ok(Order::Url(url.to_owned())));
    let offer = format!(
        r#"{{"firmware_id":"r1","version":"1.1.0","checksum":"{}","size":7,"download_url":"/d/a/AAAA"}}"#,
        Digest([1; 32])
    );
    let offer: Offer = serde_json::from_str(&offer).unwrap();
    let json = serde_json::to_vec(&offer).unwrap();
    assert_eq!(Order::read(&json), Ok(Order::Offer(offer)));
    for bad in [
        "ftp://x/y",
        "http://",
        "http:///x",
        "https://x/y z",
        "update!",
        "HTTP://x",
    ] {
        assert_eq!(
            Order::read(bad.as_bytes()),
            Err(PayloadError::NotAnOrder),
            "{bad}"
        );
    }
    let long = format!("http://x/{}", "y".repeat(MAX_URL));
    assert_eq!(
        Order::read(long.as_bytes()).unwrap_err().code(),
        "payload_too_long"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(message) = VersionMessage::read(&bytes) {
            prop_assert!((1..=64).contains(&message.version.len()));
        }
        if let Ok(message) = StatusMessage::read(&bytes) {
            prop_assert!(message.progress.is_none_or(|percent| percent <= 100));
        }
        if let Ok(Order::Url(url)) = Order::read(&bytes) {
            prop_assert!(url.is_ascii() && url.starts_with("http"));
        }
        let _ = Presence::read(&bytes);
    }

    #[test]
    fn a_plain_version_is_itself(version in "[0-9v][0-9a-zA-Z.+-]{0,63}") {
        prop_assert_eq!(VersionMessage::read(version.as_bytes()), Ok(VersionMessage::of(&version)));
    }

    #[test]
    fn a_version_message_survives_its_json(version in "[0-9.]{1,20}", slot_size: Option<u32>) {
        let message = VersionMessage { slot_size, format: Format::Json, ..VersionMessage::of(&version) };
        let json = serde_json::to_vec(&message).unwrap();
        prop_assert_eq!(VersionMessage::read(&json), Ok(message));
    }
}
