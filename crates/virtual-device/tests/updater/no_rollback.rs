//! A bootloader that does not roll back: the app itself ends a trial that was not confirmed, and the server hears the
//! same as if the bootloader had.

use std::rc::Rc;
use std::sync::Arc;

use updraft_agent::guard::MAX_INTERRUPTED_TRIALS;
use updraft_agent::guard_boot;
use updraft_flash::otadata::{Change, OtaDataPartition, Record, Sector, State};
use updraft_flash::partition::{Table, layout};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::{ReasonCode, Report, ResetReason, UpdateStatus};
use updraft_virtual_device::host::HostSystem;

use crate::device::Device;
use crate::support::app::Act;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::seen::Seen;

const OLD: AppSlot = AppSlot::Ota(0);
const NEW: AppSlot = AppSlot::Ota(1);

/// Builds that never get as far as being confirmed: at once, later, by the watchdog, without network.
const BAD: [&str; 4] = ["1.2.0", "1.3.0", "1.4.0", "1.5.0"];

fn device(version: &str, rollback: bool) -> Device {
    let mut device = Device::wanting(release(version));
    device.life.rollback = rollback;
    device
}

/// How often the app in this slot was started.
fn starts(device: &Device, slot: AppSlot) -> usize {
    device
        .life
        .boots
        .iter()
        .filter(|&&booted| booted == slot)
        .count()
}

fn on_trial(seen: &[(u64, Seen)]) -> bool {
    seen.iter()
        .any(|(_, seen)| matches!(seen, Seen::Started { on_trial: true, .. }))
}

fn confirmed(seen: &[(u64, Seen)]) -> bool {
    seen.iter().any(|(_, seen)| *seen == Seen::Confirmed)
}

/// Makes a record of the device's otadata say this.
fn write_record(device: &mut Device, sector: Sector, record: Record) {
    let entry = *device.table.otadata().expect("otadata");
    let region = Region::new(&mut device.flash, entry.offset, entry.size).expect("a region");
    let mut partition = OtaDataPartition::new(region).expect("otadata");
    let record = Some(record);
    partition
        .apply(&Change { sector, record })
        .expect("written");
}

#[test]
fn the_server_hears_the_same_whoever_takes_a_bad_app_back() {
    for version in BAD {
        for table in [layout::two_slots_4mb(), layout::factory_4mb()] {
            let reported = [true, false].map(|rollback| {
                let mut device = Device::with_table(&table, release(version));
                device.life.rollback = rollback;
                let end = device.poll();
                assert_eq!(end, End::Stopped(device.life.boots[0]), "{version}");
                let new = device.life.boots[1];
                assert_eq!(
                    starts(&device, new),
                    1 + usize::from(!rollback),
                    "{version}"
                );
                let failed = device
                    .otadata()
                    .failed_trial()
                    .expect("its record is ruled out");
                assert_eq!(AppSlot::Ota(failed.0), new);
                let how = if rollback {
                    State::Aborted
                } else {
                    State::Invalid
                };
                assert_eq!(failed.1, how, "{version}");
                // A device that was rolled back takes the next release as any other does.
                let outcomes = device.outcomes();
                device.server().reports.clear();
                device.wants(release("1.1.0"));
                device.poll();
                assert_eq!(
                    device.outcome(),
                    (UpdateStatus::Confirmed, None),
                    "{version}"
                );
                outcomes
            });
            let [by_bootloader, by_app] = reported;
            assert_eq!(by_bootloader, by_app, "{version}");
            assert_eq!(by_app.len(), 1, "{version}");
            assert_eq!(by_app[0].update_status, UpdateStatus::RolledBack);
        }
    }
}

#[test]
fn a_good_app_is_confirmed_and_never_looked_at_again() {
    for rollback in [true, false] {
        let mut device = device("1.1.0", rollback);
        assert_eq!(device.polls(2), End::Stopped(NEW));
        assert_eq!(device.outcome(), (UpdateStatus::Confirmed, None));
        device.assert_confirmed(1, "1.1.0");
        for reset in [
            ResetReason::Panic,
            ResetReason::Watchdog,
            ResetReason::PowerOn,
        ] {
            device.life.reset_reason = reset;
            assert_eq!(device.poll(), End::Stopped(NEW), "{reset:?}");
        }
        assert_eq!(device.outcomes().len(), 1);
    }
}

#[test]
fn the_kind_of_bootloader_is_said_at_the_first_boot_of_a_trial() {
    for (rollback, words) in [
        (true, "the bootloader rolls back"),
        (false, "the bootloader does not roll back"),
    ] {
        let mut device = device("1.1.0", rollback);
        assert_eq!(device.lives_until(&on_trial), End::Stopped(NEW));
        let said = device.seen().into_iter().find_map(|seen| match seen {
            Seen::Guarded { words, .. } => Some(words),
            _ => None,
        });
        let said = said.expect("the guard's words");
        assert!(
            said.contains("boot 1 of 1") && said.contains(words),
            "{said}"
        );
    }
}

#[test]
fn an_app_gets_as_many_boots_as_were_asked_for() {
    for attempts in [0, 1, 2, 3, 5] {
        for version in BAD {
            let mut device = device(version, false);
            device.life.settings.boot_attempts = attempts;
            let end = device.poll();
            let boots = usize::from(attempts.max(1));
            // The last start is the one that goes back.
            assert_eq!(starts(&device, NEW), boots + 1, "{attempts} {version}");
            let outcome = device.outcome();
            assert_eq!(outcome.0, UpdateStatus::RolledBack, "{attempts} {version}");
            device.assert_as_it_was(&end);
        }
    }
}

#[test]
fn an_interrupted_trial_is_taken_up_again() {
    for cause in [
        ResetReason::PowerOn,
        ResetReason::Brownout,
        ResetReason::External,
    ] {
        let mut device = device("1.1.0", false);
        assert_eq!(device.lives_until(&on_trial), End::Stopped(NEW));
        device.life.reset_reason = cause;
        device.server().requests.clear();
        assert_eq!(device.poll(), End::Stopped(NEW), "{cause:?}");
        let outcomes: Vec<_> = device
            .outcomes()
            .iter()
            .map(|report| (report.update_status, report.reason))
            .collect();
        let interrupted = (UpdateStatus::RolledBack, Some(ReasonCode::TrialInterrupted));
        let confirmed = (UpdateStatus::Confirmed, None);
        assert_eq!(outcomes, [interrupted, confirmed], "{cause:?}");
        assert!(device.downloads().is_empty(), "the image was still there");
        device.assert_confirmed(1, "1.1.0");
    }
}

/// The outcomes of a bad build on a chip that takes every reset for a loss of power.
fn outcomes_on_a_forgetful_chip(version: &str, rollback: bool, guarded: bool) -> Vec<Report> {
    let mut device = device(version, rollback);
    device.life.always_says = Some(ResetReason::PowerOn);
    device.life.guarded = guarded;
    device.server().insists = true;
    let end = device.polls(3);
    device.assert_as_it_was(&end);
    let tried = usize::from(MAX_INTERRUPTED_TRIALS) * (1 + usize::from(!rollback));
    assert_eq!(starts(&device, NEW), tried, "{version}");
    device.outcomes()
}

#[test]
fn a_chip_that_always_says_power_on_does_not_try_a_crashing_app_for_ever() {
    let mut cases = vec![("1.2.0", true, false)];
    for rollback in [true, false] {
        cases.extend(["1.2.0", "1.3.0", "1.4.0"].map(|version| (version, rollback, true)));
    }
    for (version, rollback, guarded) in cases {
        let outcomes = outcomes_on_a_forgetful_chip(version, rollback, guarded);
        let reasons: Vec<_> = outcomes.iter().filter_map(|report| report.reason).collect();
        let (interrupted, refused) = (ReasonCode::TrialInterrupted, ReasonCode::RefusedBefore);
        let mut expected = vec![interrupted; usize::from(MAX_INTERRUPTED_TRIALS) - 1];
        expected.push(ReasonCode::RolledBack);
        let (tried, after) = reasons.split_at(expected.len());
        assert_eq!(tried, expected, "{version} {rollback}");
        assert!(!after.is_empty() && after.iter().all(|&reason| reason == refused));
        let detail = outcomes[expected.len() - 1].detail.clone().expect("words");
        assert!(detail.contains("3 trials"), "{detail}");
    }
}

#[test]
fn a_confirmation_ends_the_count_of_interrupted_trials() {
    let mut device = device("1.1.0", false);
    for round in 0..usize::from(MAX_INTERRUPTED_TRIALS) + 2 {
        assert_eq!(device.lives_until(&on_trial), End::Stopped(NEW), "{round}");
        device.life.reset_reason = ResetReason::PowerOn;
        // The trial is interrupted, begun again, and succeeds.
        assert_eq!(device.poll(), End::Stopped(NEW), "{round}");
        device.assert_confirmed(1, "1.1.0");
        device.wants(release("1.0.0"));
        assert_eq!(device.poll(), End::Stopped(OLD), "{round}");
        device.wants(release("1.1.0"));
        device.life.boots.clear();
    }
    let refused = |report: &Report| report.reason == Some(ReasonCode::RolledBack);
    assert!(!device.outcomes().iter().any(refused));
}

#[test]
fn an_app_without_a_way_back_resets_once_and_is_let_work() {
    let mut device = device("1.1.0", false);
    let unwell = |ms| match ms {
        ..1_000_000 => Err("no valve".to_owned()),
        _ => Ok(()),
    };
    device.life.health = Rc::new(unwell);
    assert_eq!(device.lives_until(&on_trial), End::Stopped(NEW));
    let old = *device.table.ota(0).expect("ota_0");
    device
        .flash
        .preload(old.offset + 0x2_0000, &[0; 16])
        .expect("there");
    let records = device.otadata();
    device.life.boots.clear();
    device.life.reset_reason = ResetReason::Software;
    assert_eq!(device.lives_until(&confirmed), End::Stopped(NEW));
    // Broken apps are not gone back to; one reset tried whether it helps, and it did not.
    assert_eq!(device.life.boots, [NEW, NEW]);
    let said = device.failures();
    assert_eq!(
        said.first(),
        Some(&ReasonCode::ImageInvalid),
        "why it stays"
    );
    device.life.health = Rc::new(|_| Ok(()));
    device.poll();
    device.assert_confirmed(1, "1.1.0");
    assert_eq!(records.slot(), Some(1));
}

#[test]
fn a_trial_sent_back_by_hand_is_reported_so() {
    let mut device = device("1.1.0", false);
    device.life.hand = Some((NEW, 10_000, Act::RollBack));
    assert_eq!(device.poll(), End::Stopped(OLD));
    let expected = (UpdateStatus::RolledBack, Some(ReasonCode::Cancelled));
    assert_eq!(device.outcome(), expected);
    assert_eq!(device.life.boots, [OLD, NEW, OLD]);
}

#[test]
fn a_confirmed_app_goes_back_by_hand() {
    for table in [layout::two_slots_4mb(), layout::factory_4mb()] {
        let mut device = Device::with_table(&table, release("1.1.0"));
        device.life.rollback = false;
        let end = device.poll();
        let (old, new) = (device.life.boots[0], device.life.boots[1]);
        assert_eq!(end, End::Stopped(new));
        device.life.hand = Some((new, 1000, Act::RollBack));
        assert_eq!(device.polls(2), End::Stopped(old));
        assert_eq!(*device.life.by_hand.borrow(), Some(Ok(())));
    }
}

#[test]
fn a_pushed_app_that_panics_is_taken_back() {
    for rollback in [true, false] {
        let mut device = device("1.0.0", rollback);
        device.life.hand = Some((OLD, 1000, Act::Push(release("1.2.0").bytes)));
        device.life.settings.min_uptime_seconds = 2;
        assert_eq!(device.polls(2), End::Stopped(OLD), "{rollback}");
        assert_eq!(starts(&device, NEW), 1 + usize::from(!rollback));
        let said = device.all_seen().into_iter().find_map(|seen| match seen {
            Seen::RolledBack(failure) => Some(failure),
            _ => None,
        });
        let failure = said.expect("it says so");
        assert_eq!(failure.reason, ReasonCode::RolledBack);
        assert_eq!(failure.detail, "the new app panicked");
        // Whoever pushed it may push it again.
        device.life.boots.clear();
        device.life.hand = Some((OLD, 1000, Act::Push(release("1.1.0").bytes)));
        assert_eq!(device.polls(2), End::Stopped(NEW), "{rollback}");
    }
}

#[test]
fn a_trial_begun_by_something_else_is_guarded_too() {
    // The image is put there and its record written by a tool, or by an agent that kept no trial; NVS is blank.
    for (version, boots) in [
        ("1.1.0", &[NEW][..]),
        ("1.2.0", &[NEW, NEW, OLD]),
        ("1.3.0", &[NEW, NEW, OLD]),
    ] {
        // The server wants what runs in the end, and so has nothing to say.
        let stays = if boots.len() == 1 { version } else { "1.0.0" };
        let mut device = device(stays, false);
        let slot = *device.table.ota(1).expect("ota_1");
        device
            .flash
            .preload(slot.offset, release(version).bytes)
            .expect("it fits");
        let nvs = *device.table.nvs().expect("NVS");
        let blank = vec![0xFF; nvs.size as usize];
        device.flash.preload(nvs.offset, &blank).expect("there");
        write_record(&mut device, Sector::Second, Record::new(2, State::New));
        let last = *boots.last().expect("a boot");
        assert_eq!(device.poll(), End::Stopped(last), "{version}");
        assert_eq!(device.life.boots, boots, "{version}");
    }
}

#[test]
fn an_app_nobody_put_on_trial_may_crash_as_often_as_it_likes() {
    for state in [State::Undefined, State::Valid, State::Other(77)] {
        let mut device = device("1.1.0", false);
        assert_eq!(device.poll(), End::Stopped(NEW));
        let active = device.otadata().active().expect("a record");
        let sequence = device.otadata().record(active).sequence;
        write_record(&mut device, active, Record::new(sequence, state));
        let records = device.otadata();
        for _ in 0..4 {
            device.life.reset_reason = ResetReason::Panic;
            assert_eq!(device.poll(), End::Stopped(NEW), "{state}");
        }
        assert_eq!(device.otadata(), records, "{state}");
    }
}

/// Guards a boot of this device's `running` slot, and says how many flash operations that took.
fn guard(device: &mut Device, running: AppSlot) -> (String, u64) {
    let system = HostSystem {
        chip: Chip::Esp32c3,
        running,
        reset_reason: ResetReason::PowerOn,
        secure_version: 0,
        reset: Arc::default(),
    };
    let before = device.flash.operations();
    let boot = guard_boot(&mut device.flash, &system, 1);
    (boot.to_string(), device.flash.operations() - before)
}

#[test]
fn a_boot_without_a_trial_writes_nothing() {
    let tables: [Table; 2] = [layout::two_slots_4mb(), layout::factory_4mb()];
    for table in tables {
        let mut device = Device::with_table(&table, release("1.1.0"));
        let first = device.life.boots.first().copied();
        let running = first.unwrap_or(if table.factory().is_some() {
            AppSlot::Factory
        } else {
            OLD
        });
        let quiet = ("no app is on trial".to_owned(), 0);
        assert_eq!(guard(&mut device, running), quiet, "as it was made");
        let End::Stopped(new) = device.poll() else {
            panic!("it was to update")
        };
        assert_eq!(guard(&mut device, new), quiet, "once it is confirmed");
    }
}

#[test]
fn a_flash_that_cannot_be_read_does_not_keep_the_app_from_running() {
    let mut device = device("1.1.0", false);
    let table = updraft_flash::partition::TABLE_OFFSET;
    device.flash.preload(table + 2, &[0; 8]).expect("there");
    let (words, operations) = guard(&mut device, OLD);
    assert!(words.starts_with("no app is on trial; "), "{words}");
    assert_eq!(operations, 0);
}
