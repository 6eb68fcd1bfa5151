//! What the guard decides at a boot: every combination, and every life of a trial under both kinds of bootloader.

use updraft_agent::guard::{Facts, Step, Trial, bootloader_of, trial_step};
use updraft_flash::otadata::State;
use updraft_flash::slot::AppSlot;
use updraft_protocol::{Bootloader, Digest, ResetReason};

const BUILD: Digest = Digest([7; 32]);
const STATES: [Option<State>; 8] = [
    None,
    Some(State::New),
    Some(State::PendingVerify),
    Some(State::Valid),
    Some(State::Invalid),
    Some(State::Aborted),
    Some(State::Undefined),
    Some(State::Other(9)),
];
const RESETS: [ResetReason; 3] = [
    ResetReason::PowerOn,
    ResetReason::Software,
    ResetReason::Panic,
];

fn trial(slot: u8, elf_sha256: Digest, boots: u8, ended: Option<ResetReason>) -> Trial {
    Trial {
        slot,
        elf_sha256,
        boots,
        tries: 2,
        ended,
    }
}

/// Every trial NVS may hold: none, the running app's, another slot's, another build's.
fn trials() -> Vec<Option<Trial>> {
    let mut all = vec![None];
    for boots in [0, 1, 2, 3, 4, u8::MAX] {
        for ended in [None, Some(ResetReason::Watchdog)] {
            for (slot, build) in [(1, BUILD), (0, BUILD), (1, Digest([8; 32]))] {
                all.push(Some(trial(slot, build, boots, ended)));
            }
        }
    }
    all
}

fn every(mut check: impl FnMut(&Facts, Step)) -> usize {
    let mut count = 0;
    for trial in trials() {
        for state in STATES {
            for running in [AppSlot::Factory, AppSlot::Test, AppSlot::Ota(1)] {
                for boot_attempts in [0, 1, 3, u8::MAX] {
                    for reset in RESETS {
                        let facts = Facts {
                            trial,
                            running,
                            elf_sha256: BUILD,
                            state,
                            boot_attempts,
                            reset,
                        };
                        check(&facts, trial_step(&facts));
                        count += 1;
                    }
                }
            }
        }
    }
    count
}

#[test]
fn every_combination_keeps_to_the_rules() {
    let count = every(|facts, step| {
        let own = facts
            .trial
            .filter(|trial| (trial.slot, trial.elf_sha256) == (1, BUILD));
        let armed = matches!(facts.state, Some(State::New | State::PendingVerify));
        let limit = facts.boot_attempts.max(1);
        let on_trial = facts.running == AppSlot::Ota(1)
            && facts.state != Some(State::Valid)
            && (own.is_some() || armed);
        let had = own.map_or(0, |trial| trial.boots);
        match step {
            Step::Pass => assert!(!on_trial, "{facts:?}"),
            Step::Try { trial, rearm } => {
                assert!(on_trial && had < limit, "{facts:?}");
                assert_eq!(trial.boots, had + 1, "{facts:?}");
                assert_eq!((trial.slot, trial.elf_sha256), (1, BUILD));
                let pending = facts.state == Some(State::PendingVerify);
                assert_eq!(rearm, pending && trial.boots < limit, "{facts:?}");
            }
            Step::Revert { trial } | Step::Stay { trial } => {
                assert!(on_trial && had >= limit, "{facts:?}");
                let first = own.and_then(|trial| trial.ended);
                assert_eq!(trial.ended, first.or(Some(facts.reset)), "{facts:?}");
                // Only a record that names the running app can be changed for another.
                let named = facts.state.is_some();
                assert_eq!(matches!(step, Step::Revert { .. }), named, "{facts:?}");
                // The same again changes nothing: no flash is worn by an app that has to stay.
                let again = Facts {
                    trial: Some(trial),
                    ..*facts
                };
                let (Step::Revert { trial: next } | Step::Stay { trial: next }) =
                    trial_step(&again)
                else {
                    assert_eq!(limit, u8::MAX, "{facts:?}");
                    return;
                };
                assert_eq!(next, trial);
            }
        }
    });
    assert!(count > 10_000, "{count}");
}

#[test]
fn a_build_that_is_tried_again_counts_on() {
    let first = Trial::next(1, BUILD, None);
    assert_eq!((first.boots, first.tries, first.ended), (0, 1, None));
    let ended = Trial {
        boots: 2,
        ended: Some(ResetReason::PowerOn),
        ..first
    };
    let second = Trial::next(0, BUILD, Some(&ended));
    assert_eq!((second.slot, second.boots, second.tries), (0, 0, 2));
    assert_eq!(second.ended, None);
    let other = Trial::next(0, Digest([8; 32]), Some(&second));
    assert_eq!(other.tries, 1);
    let worn = Trial {
        tries: u8::MAX,
        ..first
    };
    assert_eq!(Trial::next(1, BUILD, Some(&worn)).tries, u8::MAX);
}

#[test]
fn the_record_of_a_first_boot_tells_the_bootloader() {
    for state in STATES.into_iter().flatten() {
        let expected = match state {
            State::New => Some(Bootloader::NoRollback),
            State::PendingVerify => Some(Bootloader::Rollback),
            _ => None,
        };
        assert_eq!(bootloader_of(state), expected, "{state}");
    }
}

/// A trial of an app that is never confirmed: how often the app came past its guard, how often it was started, and
/// whether the guard went back. `before_guard` says of each start whether it dies before it is counted.
fn live(rolls_back: bool, attempts: u8, starts: &[bool]) -> (u32, u32, bool) {
    let mut kept = Some(Trial::next(1, BUILD, None));
    let mut record = State::New;
    let (mut started, mut lived) = (0, 0);
    for &dies_before_guard in starts {
        // The bootloader.
        if rolls_back {
            if record == State::PendingVerify {
                return (lived, started, false);
            }
            if record == State::New {
                record = State::PendingVerify;
            }
        }
        started += 1;
        if dies_before_guard {
            continue;
        }
        // The guard.
        let step = trial_step(&Facts {
            trial: kept,
            running: AppSlot::Ota(1),
            elf_sha256: BUILD,
            state: Some(record),
            boot_attempts: attempts,
            reset: ResetReason::Panic,
        });
        match step {
            Step::Try { trial, rearm } => {
                kept = Some(trial);
                if rearm {
                    record = State::New;
                }
                lived += 1;
            }
            Step::Revert { .. } => return (lived, started, true),
            other => panic!("{other:?}"),
        }
    }
    panic!("it is never over: {rolls_back} {attempts} {starts:?}");
}

#[test]
fn no_trial_lives_longer_than_its_boots_and_only_one_of_the_two_ends_it() {
    for attempts in 0..=5_u8 {
        let limit = u32::from(attempts.max(1));
        for early in 0_u32..1 << 6 {
            let mut starts: Vec<bool> = (0..6).map(|start| early & 1 << start != 0).collect();
            starts.extend([false; 8]);
            let (lived, started, reverted) = live(true, attempts, &starts);
            assert!(!reverted, "a bootloader that rolls back is left alone");
            assert!(lived <= limit && started <= limit, "{attempts} {early:b}");
            let (lived, started, reverted) = live(false, attempts, &starts);
            assert!(reverted, "{attempts} {early:b}");
            assert_eq!(lived, limit, "{attempts} {early:b}");
            let uncounted = starts.iter().take(started as usize).filter(|&&dies| dies);
            assert_eq!(started, limit + 1 + uncounted.count() as u32);
        }
    }
}
