//! Which versions a device takes.

use updraft_flash::slot::AppSlot;
use updraft_protocol::{CheckInReply, ReasonCode, UpdateStatus};

use crate::device::Device;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::Reply;

/// A device that runs 1.1.0 from `ota_1`.
fn updated() -> Device {
    let mut device = Device::wanting(release("1.1.0"));
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
    device.server().reports.clear();
    device.server().requests.clear();
    device
}

fn refuses(mut device: Device, reason: ReasonCode) -> Device {
    let before = device.untouched();
    let slot = device.otadata().slot().map(AppSlot::Ota).expect("a slot");
    assert_eq!(device.poll(), End::Stopped(slot));
    assert_eq!(device.outcome(), (UpdateStatus::Rejected, Some(reason)));
    assert!(before == device.untouched());
    assert!(device.downloads().is_empty(), "the offer is enough to know");
    device
}

#[test]
fn a_lower_version_is_refused_unless_the_offer_allows_it() {
    let device = updated();
    device.wants(release("1.0.0"));
    device.server().offer.allow_downgrade = false;
    let mut device = refuses(device, ReasonCode::Downgrade);
    device.server().reports.clear();
    device.server().offer.allow_downgrade = true;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    device.assert_confirmed(0, "1.0.0");
}

#[test]
fn the_same_version_is_refused_unless_the_offer_allows_it() {
    let device = updated();
    device.server().insists = true;
    device.server().offer.allow_downgrade = false;
    let mut device = refuses(device, ReasonCode::Downgrade);
    device.server().reports.clear();
    device.server().offer.allow_downgrade = true;
    // Once is enough: who has tried it is offered nothing more.
    let mut tried = false;
    device.intercept(move |request| {
        tried |= request
            .body
            .windows(14)
            .any(|words| words == b"pending_verify");
        (tried && request.is_check_in()).then(|| {
            Reply::json(&CheckInReply {
                offer: None,
                poll_after_seconds: 300,
            })
        })
    });
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    device.assert_confirmed(0, "1.1.0");
}

#[test]
fn an_older_prerelease_is_lower() {
    let device = updated();
    device.server().insists = true;
    device.server().offer.version = "1.1.0-rc.1".into();
    device.server().offer.allow_downgrade = false;
    refuses(device, ReasonCode::Downgrade);
}

#[test]
fn a_secure_version_below_the_efuses_is_refused_even_as_a_downgrade() {
    for offered in [0, 1] {
        let mut device = updated();
        device.wants(release("1.3.0"));
        device.life.secure_version = 2;
        device.server().offer.secure_version = offered;
        device.server().offer.allow_downgrade = true;
        refuses(device, ReasonCode::SecureVersionTooLow);
    }
}

#[test]
fn a_version_that_cannot_be_compared_is_refused() {
    let endless = "9".repeat(3000);
    for version in ["", "latest", "1.2.x", "v", "\u{0}\u{1}", endless.as_str()] {
        for allow_downgrade in [false, true] {
            let device = updated();
            device.wants(release("1.3.0"));
            device.server().offer.version = version.into();
            device.server().offer.allow_downgrade = allow_downgrade;
            refuses(device, ReasonCode::Downgrade);
        }
    }
}

#[test]
fn a_build_that_was_rolled_back_is_refused_even_if_the_server_insists() {
    // With the build named in the offer, and with an offer that names none.
    for named in [true, false] {
        let mut device = Device::wanting(release("1.2.0"));
        if !named {
            device.server().offer.elf_sha256 = None;
        }
        device.server().insists = true;
        let end = device.poll();
        assert_eq!(end, End::Stopped(AppSlot::Ota(0)));
        let outcomes = device.outcomes();
        let reasons: Vec<_> = outcomes.iter().map(|report| report.reason).collect();
        let expected = [
            Some(ReasonCode::RolledBack),
            Some(ReasonCode::RefusedBefore),
        ];
        assert_eq!(reasons, expected, "named: {named}");

        let before = device.untouched();
        device.poll();
        device.poll();
        assert!(before == device.untouched(), "named: {named}");
        let boots = device.life.boots.iter();
        let tried = boots.filter(|slot| **slot == AppSlot::Ota(1)).count();
        assert_eq!(tried, 1, "the bad build was started once; named: {named}");
    }
}

#[test]
fn two_bad_builds_offered_in_turn_are_tried_once_each() {
    let mut device = Device::wanting(release("1.2.0"));
    device.server().insists = true;
    for version in ["1.2.0", "1.4.0", "1.2.0", "1.4.0", "1.2.0"] {
        device.wants(release(version));
        assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    }
    let tried = device
        .life
        .boots
        .iter()
        .filter(|slot| **slot == AppSlot::Ota(1))
        .count();
    assert_eq!(tried, 2);
    // A good build is not refused with them.
    device.wants(release("1.1.0"));
    device.server().insists = false;
    device.server().reports.clear();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
}
