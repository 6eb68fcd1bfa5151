//! The first boot of a new app: confirmed, rolled back, or interrupted.

use std::rc::Rc;

use updraft_flash::otadata::{Change, OtaDataPartition, Record, Sector, State};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, ResetReason, SlotState, UpdateStatus};

use crate::device::Device;
use crate::support::flash::Moment;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::{Reply, Then};
use crate::support::seen::Seen;
use crate::support::server::Request;

fn confirmed(seen: &[(u64, Seen)]) -> bool {
    seen.iter().any(|(_, seen)| *seen == Seen::Confirmed)
}

fn on_trial(seen: &[(u64, Seen)]) -> bool {
    seen.iter()
        .any(|(_, seen)| matches!(seen, Seen::Started { on_trial: true, .. }))
}

/// When the last boot's app was confirmed, in milliseconds.
fn confirmed_at(device: &Device) -> u64 {
    let seen = device.life.seen.borrow();
    let mut times = seen
        .iter()
        .filter(|(_, seen)| *seen == Seen::Confirmed)
        .map(|(at, _)| *at);
    let first = times.next().expect("confirmed");
    assert_eq!(times.next(), None, "confirmed once");
    first
}

#[test]
fn an_app_that_is_well_is_confirmed_once_after_the_stability_window() {
    let mut device = Device::wanting(release("1.1.0"));
    assert_eq!(device.polls(2), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(confirmed_at(&device), 30_000);
    assert_eq!(device.outcome(), (UpdateStatus::Confirmed, None));
    let report = device.outcomes().remove(0);
    assert_eq!(report.previous_version.as_deref(), Some("1.0.0"));
    assert_eq!(report.firmware_id.as_deref(), Some("release-1.1.0"));
    assert_eq!(report.slot.as_deref(), Some("ota_1"));
    assert_eq!(report.reset_reason, Some(ResetReason::Software));
    let server = device.server();
    let states: Vec<_> = server
        .check_ins
        .iter()
        .map(|check_in| check_in.state)
        .collect();
    let valid = Some(SlotState::Valid);
    assert_eq!(
        states,
        [valid, Some(SlotState::PendingVerify), valid, valid]
    );
    drop(server);
    // Nor is it confirmed again after a reset.
    device.poll();
    assert!(!confirmed(&device.life.seen.borrow()));
    assert_eq!(device.outcomes().len(), 1);
}

#[test]
fn an_unwell_moment_begins_the_window_anew() {
    let mut device = Device::wanting(release("1.1.0"));
    // Only the new app is watched: the old one is not asked.
    device.life.health = Rc::new(|ms| match ms {
        20_000..25_000 => Err("sensor not found".to_owned()),
        _ => Ok(()),
    });
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(confirmed_at(&device), 25_000 + 30_000);
    assert!(
        device
            .seen()
            .contains(&Seen::Unwell("wifi: sensor not found".to_owned()))
    );
    assert_eq!(device.outcome(), (UpdateStatus::Confirmed, None));
}

#[test]
fn an_app_that_is_well_before_the_limit_may_finish_its_window_after_it() {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.health = Rc::new(|ms| match ms {
        ..170_000 => Err("starting".to_owned()),
        _ => Ok(()),
    });
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(confirmed_at(&device), 200_000);
}

#[test]
fn an_app_that_never_gets_well_is_rolled_back_with_its_own_words() {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.health = Rc::new(|_| Err("the valve does not answer".to_owned()));
    let end = device.poll();
    let expected = (UpdateStatus::RolledBack, Some(ReasonCode::Unhealthy));
    assert_eq!(device.outcome(), expected);
    let report = device.outcomes().remove(0);
    let detail = report.detail.expect("words");
    assert!(detail.contains("the valve does not answer"), "{detail}");
    assert_eq!(report.firmware_version, "1.1.0");
    device.assert_as_it_was(&end);
    // For good: it is not tried again.
    device.server().insists = true;
    device.poll();
    assert_eq!(device.outcomes()[1].reason, Some(ReasonCode::RefusedBefore));
    let trials = device
        .life
        .boots
        .iter()
        .filter(|slot| **slot == AppSlot::Ota(1))
        .count();
    assert_eq!(trials, 1);
}

#[test]
fn the_trial_ends_at_its_limit() {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.health = Rc::new(|_| Err("unwell".to_owned()));
    let rebooting = |seen: &[(u64, Seen)]| {
        on_trial(seen)
            && seen.iter().any(|(_, seen)| matches!(seen, Seen::Unwell(_)))
            && seen.last().is_some_and(|(at, _)| *at >= 179_000)
    };
    device.lives_until(&rebooting);
    assert_eq!(device.life.boots.last(), Some(&AppSlot::Ota(1)));
    device.life.boots.clear();
    device.life.reset_reason = ResetReason::Software;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
}

#[test]
fn what_the_images_do_is_told_apart() {
    for (version, reason, words) in [
        ("1.2.0", ReasonCode::RolledBack, "panicked"),
        ("1.3.0", ReasonCode::RolledBack, "panicked"),
        ("1.4.0", ReasonCode::RolledBack, "watchdog"),
        ("1.5.0", ReasonCode::Unhealthy, "Wi-Fi not connected"),
    ] {
        let mut device = Device::wanting(release(version));
        let end = device.poll();
        assert_eq!(
            device.outcome(),
            (UpdateStatus::RolledBack, Some(reason)),
            "{version}"
        );
        let detail = device.outcomes().remove(0).detail.expect("words");
        assert!(detail.contains(words), "{version}: {detail}");
        device.assert_as_it_was(&end);
    }
}

#[test]
fn a_server_that_is_away_during_the_trial_counts_against_the_app_only_at_the_limit() {
    // Away for two minutes, then back.
    let mut device = Device::wanting(release("1.1.0"));
    device.intercept(|request| {
        let trial = request
            .body
            .windows(14)
            .any(|words| words == b"pending_verify");
        (request.is_check_in() && trial && request.at_ms < 120_000)
            .then(|| Reply::raw("").then(Then::Reset))
    });
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    // Asked after 1, 2, 4, 8, 8, … seconds: once it is back, it is found within eight, and the window begins.
    assert_eq!(confirmed_at(&device), 157_000);
    let asked = |request: &&Request| request.is_check_in() && request.at_ms < 120_000;
    let asked = device.server().requests.iter().filter(asked).count();
    assert!(asked <= 20, "a server that is away was asked {asked} times");

    // Away for good as far as the new app can tell.
    for silent in [false, true] {
        let mut device = Device::wanting(release("1.1.0"));
        device.intercept(move |request| {
            let trial = request
                .body
                .windows(14)
                .any(|words| words == b"pending_verify");
            let then = if silent { Then::Silence } else { Then::Reset };
            (request.is_check_in() && trial).then(|| Reply::raw("").then(then))
        });
        let end = device.poll();
        let expected = (UpdateStatus::RolledBack, Some(ReasonCode::Unhealthy));
        assert_eq!(device.outcome(), expected);
        let detail = device.outcomes().remove(0).detail.expect("words");
        assert!(detail.contains("server: not reached"), "{detail}");
        device.assert_as_it_was(&end);
    }
}

#[test]
fn a_server_reached_once_may_fail_later_in_the_trial() {
    let mut device = Device::wanting(release("1.1.0"));
    let mut reached = false;
    device.intercept(move |request| {
        let trial = request
            .body
            .windows(14)
            .any(|words| words == b"pending_verify");
        (trial && std::mem::replace(&mut reached, true)).then(|| Reply::raw(""))
    });
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(confirmed_at(&device), 30_000);
}

#[test]
fn a_lost_power_during_the_trial_is_not_the_apps_fault() {
    for cause in [
        ResetReason::PowerOn,
        ResetReason::Brownout,
        ResetReason::External,
    ] {
        let mut device = Device::wanting(release("1.1.0"));
        assert_eq!(device.lives_until(&on_trial), End::Stopped(AppSlot::Ota(1)));
        device.life.reset_reason = cause;
        device.server().requests.clear();
        assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)), "{cause:?}");
        let outcomes: Vec<_> = device
            .outcomes()
            .iter()
            .map(|report| (report.update_status, report.reason))
            .collect();
        let interrupted = (UpdateStatus::RolledBack, Some(ReasonCode::TrialInterrupted));
        assert_eq!(
            outcomes,
            [interrupted, (UpdateStatus::Confirmed, None)],
            "{cause:?}"
        );
        assert!(device.downloads().is_empty(), "the image was still there");
        device.assert_confirmed(1, "1.1.0");
    }
}

#[test]
fn an_app_that_panics_on_trial_is_not_tried_again() {
    let mut device = Device::wanting(release("1.1.0"));
    device.lives_until(&on_trial);
    device.life.reset_reason = ResetReason::Panic;
    let end = device.poll();
    let expected = (UpdateStatus::RolledBack, Some(ReasonCode::RolledBack));
    assert_eq!(device.outcome(), expected);
    device.assert_as_it_was(&end);
}

#[test]
fn what_one_app_died_of_is_not_said_of_the_next() {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.health = Rc::new(|_| Err("no valve".to_owned()));
    device.poll();
    device.life.health = Rc::new(|_| Ok(()));
    device.server().reports.clear();
    device.wants(release("1.4.0"));
    device.poll();
    let report = device.outcomes().remove(0);
    assert_eq!(report.reason, Some(ReasonCode::RolledBack));
    assert!(!report.detail.expect("words").contains("valve"));
}

#[test]
fn nothing_is_installed_over_the_way_back() {
    // The server has a newer release for the app on trial.
    let mut device = Device::wanting(release("1.1.0"));
    let slot = *device.table.ota(0).expect("ota_0");
    let old = device.read(&slot);
    let offer = updraft_protocol::CheckInReply {
        offer: Some(device.server().offer.clone()),
        poll_after_seconds: 300,
    };
    device.intercept(move |request| {
        let trial = request
            .body
            .windows(14)
            .any(|words| words == b"pending_verify");
        (trial && request.is_check_in()).then(|| Reply::json(&offer))
    });
    device.life.health = Rc::new(|ms| match ms {
        ..100_000 => Ok(()),
        _ => Err("too late".to_owned()),
    });
    device.life.settings.stability_seconds = 120;
    let unwell =
        |seen: &[(u64, Seen)]| seen.iter().any(|(_, seen)| matches!(seen, Seen::Unwell(_)));
    assert_eq!(device.lives_until(&unwell), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(device.downloads(), [0], "the first one");
    assert!(old == device.read(&slot));
}

#[test]
fn a_fallback_is_said_and_confirms_nothing() {
    // The record of ota_1 says "valid", but what is there does not boot.
    let mut device = Device::wanting(release("1.0.0"));
    let slot = *device.table.ota(1).expect("ota_1");
    device
        .flash
        .preload(slot.offset, &[0xFF; 4096])
        .expect("there");
    let entry = *device.table.otadata().expect("otadata");
    let first = *device.otadata().record(Sector::First);
    let region = Region::new(&mut device.flash, entry.offset, entry.size).expect("a region");
    let mut records = OtaDataPartition::new(region).expect("records");
    let record = Record::new(first.sequence + 1, State::Valid);
    records
        .apply(&Change {
            sector: Sector::Second,
            record: Some(record),
        })
        .expect("written");
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    let before = device.otadata();
    device.poll();
    assert_eq!(before, device.otadata());
    let server = device.server();
    assert!(
        server
            .check_ins
            .iter()
            .all(|check_in| check_in.state == Some(SlotState::Fallback)),
        "{:?}",
        server.check_ins
    );
    assert!(server.reports.is_empty());
    drop(server);
    assert!(!device.all_seen().contains(&Seen::Confirmed));
    // And the way out of it is an update.
    device.wants(release("1.1.0"));
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn a_new_app_that_does_not_even_load_is_reported_as_a_fallback() {
    for rollback in [true, false] {
        does_not_load(rollback);
    }
}

fn does_not_load(rollback: bool) {
    let mut device = Device::wanting(release("1.1.0"));
    let otadata = *device.table.otadata().expect("otadata");
    let (_, moments) = device.poll_recorded();
    // The moment the boot record stands: the last change of the records before the confirmation's.
    let records = |moment: &&Moment| {
        let offset = u64::from(moment.call.offset());
        (u64::from(otadata.offset)..otadata.end()).contains(&offset)
    };
    let slot = *device.table.ota(1).expect("ota_1");
    let activated = moments.iter().filter(records).find_map(|moment| {
        let mut flash = moment.flash.clone();
        moment.call.make(&mut flash).expect("it has power");
        let mut candidate = Device::wanting(release("1.1.0"));
        candidate.flash = flash;
        (candidate.otadata().slot() == Some(1)).then_some(candidate)
    });
    let mut device = activated.expect("it was activated");
    device.life.rollback = rollback;
    device.server().insists = true;
    // Bytes rot between the reset and the boot.
    device
        .flash
        .preload(slot.offset + 0x2_0000, &[0; 64])
        .expect("there");
    assert_eq!(
        device.lives_until(&|seen| crate::device::waits(seen) >= 1),
        End::Stopped(AppSlot::Ota(0))
    );
    let outcome = device.outcomes().remove(0);
    let expected = (UpdateStatus::RolledBack, Some(ReasonCode::Fallback));
    assert_eq!((outcome.update_status, outcome.reason), expected);
    // It is not tried again, and the next one is.
    device.poll();
    let again = device.outcomes().pop().and_then(|report| report.reason);
    assert_eq!(again, Some(ReasonCode::RefusedBefore));
    device.server().insists = false;
    device.server().reports.clear();
    device.wants(release("1.4.0"));
    device.poll();
    assert_eq!(device.outcome().1, Some(ReasonCode::RolledBack));
}
