//! What a server writes may be long and strange; what is kept of it stays readable.

use std::rc::Rc;

use updraft_flash::slot::AppSlot;
use updraft_protocol::report::MAX_DETAIL;
use updraft_protocol::{ReasonCode, UpdateStatus};

use crate::device::Device;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::{Reply, Then};

/// Texts as long as a check-in's answer takes, in several ways of being long.
fn long_texts() -> [String; 4] {
    [
        "x".repeat(3000),
        // Six bytes each in JSON.
        "\u{1}".repeat(500),
        "\"\\".repeat(700),
        "\u{1F600}".repeat(700),
    ]
}

#[test]
fn a_long_description_does_not_keep_an_app_from_being_confirmed() {
    for text in long_texts() {
        let mut device = Device::wanting(release("1.1.0"));
        device.server().offer.description = text;
        assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
        device.assert_confirmed(1, "1.1.0");
        assert_eq!(device.life.boots, [AppSlot::Ota(0), AppSlot::Ota(1)]);
    }
}

#[test]
fn a_long_description_does_not_keep_a_download_from_going_on() {
    let mut device = Device::wanting(release("1.1.0"));
    device.server().offer.description = "x".repeat(3000);
    device.intercept(|request| {
        request.is_download().then(|| match request.first_byte() {
            0 => Reply::new("200 OK", "", release("1.1.0").bytes).cut_to(200_000),
            _ => Reply::raw("").then(Then::Reset),
        })
    });
    device.poll();
    device.server().intercept = None;
    device.server().requests.clear();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(device.downloads(), [3 * 65_536]);
}

#[test]
fn a_long_id_of_a_release_is_left_out_of_reports() {
    for text in long_texts() {
        let mut device = Device::wanting(release("1.1.0"));
        device.server().offer.firmware_id = text;
        assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
        device.assert_confirmed(1, "1.1.0");
        assert_eq!(device.outcomes()[0].firmware_id, None);
    }
}

#[test]
fn a_servers_long_words_are_reported_in_part_and_stop_nothing() {
    for text in long_texts() {
        let mut device = Device::wanting(release("1.1.0"));
        // The check-ins of the trial are refused in these words, which end up in the rollback's report.
        let words = text.clone();
        device.intercept(move |request| {
            let trial = request
                .body
                .windows(14)
                .any(|words| words == b"pending_verify");
            (request.is_check_in() && trial)
                .then(|| Reply::new("500 Oops", "", words.clone().into_bytes()))
        });
        device.poll();
        assert_eq!(
            device.outcome(),
            (UpdateStatus::RolledBack, Some(ReasonCode::Unhealthy))
        );
        let detail = device.outcomes()[0].detail.clone().expect("words");
        assert!(
            detail.len() <= MAX_DETAIL && detail.contains("answered 500"),
            "{detail}"
        );
    }
}

#[test]
fn an_apps_long_words_are_reported_in_part_and_stop_nothing() {
    for text in long_texts() {
        let mut device = Device::wanting(release("1.1.0"));
        device.life.health = Rc::new(move |_| Err(text.clone()));
        device.poll();
        assert_eq!(
            device.outcome(),
            (UpdateStatus::RolledBack, Some(ReasonCode::Unhealthy))
        );
        let detail = device.outcomes()[0].detail.clone().expect("words");
        assert!(detail.len() <= MAX_DETAIL && detail.len() > 300, "{detail}");
        // The next poll has nothing left to say.
        device.poll();
        assert_eq!(device.outcomes().len(), 1);
        assert!(device.failures().is_empty());
    }
}

#[test]
fn a_note_that_cannot_be_read_is_begun_afresh() {
    use updraft_flash::nvs::Nvs;
    use updraft_flash::region::Region;
    for (what, note) in [
        ("too long", vec![b'x'; 3000]),
        ("not JSON", vec![0xFF; 10]),
        ("empty", Vec::new()),
    ] {
        for key in ["install", "report", "refused", "problem", "token"] {
            let mut device = Device::wanting(release("1.1.0"));
            device.life.settings.enrolment_key = Some("key".to_owned());
            let entry = *device.table.nvs().expect("NVS");
            let region =
                Region::new(&mut device.flash, entry.offset, entry.size).expect("a region");
            let mut nvs = Nvs::mount(region, entry.size).expect("NVS");
            nvs.set_blob("updraft", key, &note).expect("room");
            assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)), "{what} {key}");
            device.assert_confirmed(1, "1.1.0");
        }
    }
}
