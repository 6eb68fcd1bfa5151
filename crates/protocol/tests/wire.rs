//! The JSON that devices of the seeds send and search, and ours beside it.

use proptest::prelude::*;
use updraft_protocol::check_in::Enrolment;
use updraft_protocol::{
    CheckIn, CheckInReply, DeviceId, DeviceTypeName, Digest, Offer, ReasonCode, Report,
    ResetReason, SlotState, UpdateStatus,
};

#[test]
fn an_offer_has_the_seed_s_fields_in_the_seed_s_order() {
    let offer = Offer {
        firmware_id: "507f1f77bcf86cd799439011".to_owned(),
        version: "1.2.3".to_owned(),
        checksum: Digest([0xA1; 32]),
        size: 1_048_576,
        download_url: "/firmwares/507f1f77bcf86cd799439011/download".to_owned(),
        required: false,
        description: "Fix nonce expiration bug".to_owned(),
        elf_sha256: None,
        secure_version: 0,
        allow_downgrade: false,
        activate_after_seconds: 0,
        activate_within_seconds: None,
    };
    let json = serde_json::to_string(&offer).unwrap();
    let expected = format!(
        "{{\"firmware_id\":\"507f1f77bcf86cd799439011\",\"version\":\"1.2.3\",\"checksum\":\"{}\",\
         \"size\":1048576,\"download_url\":\"/firmwares/507f1f77bcf86cd799439011/download\",\
         \"required\":false,\"description\":\"Fix nonce expiration bug\",\"secure_version\":0}}",
        "a1".repeat(32)
    );
    assert_eq!(json, expected);
    assert_eq!(serde_json::from_str::<Offer>(&json).unwrap(), offer);
}

#[test]
fn the_seed_s_report_is_understood() {
    let report: Report = serde_json::from_str(
        r#"{"firmware_version":"1.2.3","update_status":"success","updated_at":1735689085,"previous_version":"1.2.2"}"#,
    )
    .unwrap();
    assert_eq!(report.update_status, UpdateStatus::Confirmed);
    assert_eq!(report.updated_at, Some(1_735_689_085));
    assert_eq!(report.previous_version.as_deref(), Some("1.2.2"));
    assert_eq!(report.elf_sha256, None, "a claim without proof");
}

#[test]
fn every_documented_status_word_is_understood() {
    for (word, status) in [
        ("SUCCESS", UpdateStatus::Confirmed),
        ("FAILED", UpdateStatus::Failed),
        ("STARTED", UpdateStatus::Downloading),
        ("IN_PROGRESS", UpdateStatus::Downloading),
        ("failed", UpdateStatus::Failed),
        ("rolled_back", UpdateStatus::RolledBack),
        ("rejected", UpdateStatus::Rejected),
    ] {
        let json = format!("\"{word}\"");
        assert_eq!(
            serde_json::from_str::<UpdateStatus>(&json).unwrap(),
            status,
            "{word}"
        );
    }
}

#[test]
fn reason_codes_are_words_that_never_change_meaning() {
    for &code in ReasonCode::ALL {
        let json = serde_json::to_string(&code).unwrap();
        assert_eq!(json, format!("\"{code}\""));
        assert_eq!(serde_json::from_str::<ReasonCode>(&json).unwrap(), code);
        assert_eq!(code.as_str().parse(), Ok(code));
        assert!(code.meaning().ends_with('.'), "{code}: {}", code.meaning());
    }
}

#[test]
fn words_of_a_newer_device_are_taken_as_unknown() {
    assert_eq!(
        serde_json::from_str::<ReasonCode>("\"gremlins\"").unwrap(),
        ReasonCode::Other
    );
    assert_eq!(
        serde_json::from_str::<SlotState>("\"quantum\"").unwrap(),
        SlotState::Unknown
    );
    assert_eq!(
        serde_json::from_str::<ResetReason>("\"lightning\"").unwrap(),
        ResetReason::Unknown
    );
    let reply: CheckInReply =
        serde_json::from_str(r#"{"poll_after_seconds":300,"weather":"fine"}"#).unwrap();
    assert_eq!(reply.offer, None);
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let enrolment = Enrolment {
        device_id: "a".parse().unwrap(),
        device_type: "esp32c3".parse().unwrap(),
        enrolment_key: "the-key".to_owned(),
        token: "the-token".to_owned(),
    };
    let shown = format!("{enrolment:?}");
    assert!(
        !shown.contains("the-key") && !shown.contains("the-token"),
        "{shown}"
    );
}

#[test]
fn names_that_would_be_paths_topics_or_markup_are_refused() {
    let long = "a".repeat(65);
    for bad in [
        "", "../x", "a/b", "a b", "+", "#", ".hidden", "-x", "<b>", "ä", "a\0", &long,
    ] {
        let error = bad.parse::<DeviceId>().expect_err(bad).to_string();
        assert!(error.contains("is not a device id"), "{error}");
        assert!(bad.parse::<DeviceTypeName>().is_err());
    }
    for good in [
        "a",
        "24:6f:28:aa:bb:cc",
        "esp32c3-beacon",
        "node_7.lab",
        &"a".repeat(64),
    ] {
        assert_eq!(good.parse::<DeviceId>().unwrap().as_str(), good);
    }
}

proptest! {
    #[test]
    fn a_digest_reads_what_it_writes(bytes: [u8; 32]) {
        let digest = Digest(bytes);
        prop_assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        prop_assert_eq!(digest.to_string().to_uppercase().parse::<Digest>(), Ok(digest));
    }

    #[test]
    fn no_other_text_is_a_digest(text in ".{0,70}") {
        let hex = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        prop_assert_eq!(text.parse::<Digest>().is_ok(), hex);
    }

    #[test]
    fn a_check_in_survives_its_json(version in "[0-9.]{1,20}", uptime: Option<u32>, slot in proptest::option::of("ota_[01]")) {
        let check_in = CheckIn {
            device_type: "esp32c3".parse().unwrap(),
            version,
            elf_sha256: Some(Digest([7; 32])),
            slot,
            state: Some(SlotState::Valid),
            reset_reason: Some(ResetReason::PowerOn),
            chip: None,
            secure_version: Some(0),
            slot_size: None,
            uptime_seconds: uptime,
            poll_seconds: uptime,
            region: Some("eu".to_owned()),
            site: None,
            group: Some("canary".to_owned()),
            tags: vec!["x".repeat(64); 16],
            utc_offset_minutes: Some(-720),
        };
        let json = serde_json::to_vec(&check_in).unwrap();
        prop_assert!(json.len() < updraft_protocol::check_in::MAX_BODY);
        prop_assert_eq!(serde_json::from_slice::<CheckIn>(&json).unwrap(), check_in);
    }
}
