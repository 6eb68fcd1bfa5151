//! otadata: rolling back by hand, what a bootloader writes first, anti-rollback.

use std::convert::Infallible;

use proptest::prelude::*;
use updraft_flash::otadata::{
    FuseError, OtaData, PlanError, Record, Sector, SecureVersionFuse, State, secure_version_bits,
};
use updraft_flash::slot::AppSlot;

const STATES: [State; 7] = [
    State::New,
    State::PendingVerify,
    State::Valid,
    State::Invalid,
    State::Aborted,
    State::Undefined,
    State::Other(77),
];

fn records() -> impl Strategy<Value = Record> {
    let sequences = prop_oneof![8 => 0..12_u32, 1 => Just(u32::MAX), 1 => any::<u32>()];
    let states = prop::sample::select(STATES.to_vec());
    prop_oneof![
        1 => Just(Record::ERASED),
        1 => any::<[u8; 32]>().prop_map(|bytes| Record::from_bytes(&bytes)),
        8 => (sequences, states).prop_map(|(sequence, state)| Record::new(sequence, state)),
    ]
}

fn data() -> impl Strategy<Value = OtaData> {
    ([records(), records()], 1..=4_u8).prop_map(|(records, slots)| OtaData::new(records, slots))
}

/// What the bootloader makes of the records at a reset, with rollback.
fn after_reset(mut data: OtaData) -> OtaData {
    for record in &mut data.records {
        if record.state == State::PendingVerify {
            record.state = State::Aborted;
        }
    }
    data
}

proptest! {
    #[test]
    fn rolling_back_leaves_the_running_app_for_another(
        data in data(), running in 0..4_u8, factory: bool, good in any::<[bool; 4]>(),
    ) {
        let slot = AppSlot::Ota(running);
        let possible = data.idf_rollback_possible(false, |slot| match slot {
            AppSlot::Factory => factory,
            AppSlot::Ota(index) => good[usize::from(index)],
            AppSlot::Test => false,
        });
        match data.plan_roll_back(slot, possible) {
            Ok(change) => {
                prop_assert_eq!(data.slot(), Some(running));
                prop_assert_eq!(data.active(), Some(change.sector));
                let record = change.record.unwrap_or(Record::ERASED);
                prop_assert!(record == Record::ERASED || record.state == State::Invalid);
                // With the record as written, and with power lost just after the erase.
                for at in [record, Record::ERASED] {
                    let mut records = data.records;
                    records[change.sector.index()] = at;
                    let next = after_reset(OtaData::new(records, data.slots));
                    let other = next.slot();
                    prop_assert_ne!(other, Some(running));
                    match other {
                        // The other record's app, which verifies.
                        Some(other) => prop_assert!(good[usize::from(other)]),
                        None => prop_assert!(factory),
                    }
                }
            }
            Err(PlanError::RollbackImpossible) => {
                prop_assert_eq!(data.slot(), Some(running));
                let other = data.active().unwrap().other();
                let elsewhere = data.record(other).outlives_reset()
                    && data.slot_of(other) != Some(running)
                    && data.slot_of(other).is_some_and(|other| good[usize::from(other)]);
                let to_factory = factory && !data.record(other).is_valid();
                prop_assert!(!elsewhere && !to_factory);
            }
            Err(PlanError::Fallback { active, .. }) => prop_assert_ne!(active, running),
            Err(PlanError::NoActiveRecord) => prop_assert_eq!(data.active(), None),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn no_plan_of_ours_writes_sequence_zero(
        data in data(), running in 0..4_u8, slot in 0..4_u8, rollback: bool,
    ) {
        let app = AppSlot::Ota(running);
        let plans = [
            data.plan_activate(slot, rollback).ok(),
            data.plan_confirm(app).ok().flatten(),
            data.plan_rearm(app).ok(),
            data.plan_release(slot, app).ok().flatten(),
            data.plan_reject(app, true).ok(),
            data.plan_roll_back(app, true).ok(),
            data.idf_first_record(slot),
        ];
        for record in plans.into_iter().flatten().filter_map(|change| change.record) {
            prop_assert!(record.sequence != 0 && record.crc_ok());
        }
    }

    #[test]
    fn the_first_record_is_for_a_device_without_any(data in data(), slot in 0..6_u8) {
        match data.idf_first_record(slot) {
            Some(change) => {
                prop_assert!(data.is_initial());
                let after = data.after(&change);
                prop_assert_eq!(after.slot(), Some(slot));
                prop_assert!(after.may_raise(AppSlot::Ota(slot)));
            }
            None => prop_assert!(!data.is_initial() || slot >= data.slots),
        }
    }

    #[test]
    fn the_last_invalid_app_is_the_older_of_two(data in data()) {
        let failed = |sector: &Sector| {
            let record = data.record(*sector);
            record.crc_ok() && matches!(record.state, State::Invalid | State::Aborted)
        };
        let expected = Sector::BOTH
            .into_iter()
            .filter(failed)
            .min_by_key(|&sector| data.record(sector).sequence)
            .and_then(|sector| data.slot_of(sector));
        prop_assert_eq!(data.idf_last_invalid(|_| true), expected);
        prop_assert_eq!(data.idf_last_invalid(|_| false), None);
    }
}

#[test]
fn the_same_app_is_not_gone_back_to() {
    // Confirmed beside itself, as our agent does with the only good record.
    let twice = OtaData::new(
        [Record::new(1, State::Valid), Record::new(3, State::Valid)],
        2,
    );
    let possible = twice.idf_rollback_possible(false, |_| true);
    assert!(possible);
    assert_eq!(
        twice.plan_roll_back(AppSlot::Ota(0), possible),
        Err(PlanError::RollbackImpossible)
    );
    // ESP-IDF does it, and starts the same app again.
    let after = twice.after(&twice.idf_mark_invalid(possible).unwrap());
    assert_eq!(after.slot(), Some(0));
}

#[test]
fn the_boot_slot_falls_to_what_exists() {
    let erased = OtaData::erased(2);
    assert_eq!(erased.idf_boot_slot(|_| true), Some(AppSlot::Factory));
    let no_factory = |slot| slot != AppSlot::Factory;
    assert_eq!(erased.idf_boot_slot(no_factory), Some(AppSlot::Ota(0)));
    let test = |slot| slot == AppSlot::Test;
    assert_eq!(erased.idf_boot_slot(test), Some(AppSlot::Test));
    let second = OtaData::new([Record::new(2, State::New), Record::ERASED], 2);
    assert_eq!(second.idf_boot_slot(|_| true), Some(AppSlot::Ota(1)));
}

/// A fuse block that can be told to fail.
struct Fuse {
    bits: u32,
    width: u32,
}

impl SecureVersionFuse for Fuse {
    type Error = Infallible;

    fn width(&self) -> u32 {
        self.width
    }

    fn bits(&self) -> u32 {
        self.bits
    }

    fn set(&mut self, bits: u32) -> Result<(), Infallible> {
        self.bits |= bits;
        Ok(())
    }
}

#[test]
fn the_secure_version_is_counted_in_bits() {
    for (chip_id, bits) in [
        (0x0000, 32),
        (0x000C, 4),
        (0x0017, 9),
        (0x0005, 16),
        (0x0009, 16),
    ] {
        assert_eq!(secure_version_bits(chip_id), bits);
        let mut fuse = Fuse {
            bits: 0,
            width: bits,
        };
        assert_eq!(fuse.raise(3), Ok(true));
        assert_eq!((fuse.bits, fuse.secure_version()), (0b111, 3));
        assert_eq!(fuse.raise(2), Ok(false));
        assert_eq!(fuse.raise(bits), Ok(true));
        assert_eq!(fuse.secure_version(), bits);
        let beyond = FuseError::TooHigh {
            version: bits + 1,
            width: bits,
        };
        assert_eq!(fuse.raise(bits + 1), Err(beyond));
        assert!(fuse.allows(bits) && !fuse.allows(bits - 1));
    }
    // A bit out of order counts as any other.
    let mut odd = Fuse {
        bits: 0b1000,
        width: 16,
    };
    assert_eq!(odd.raise(3), Ok(true));
    assert_eq!(odd.bits, 0b1011);
}

#[test]
fn records_of_apps_that_are_too_old_do_not_count() {
    let data = OtaData::new(
        [Record::new(1, State::Valid), Record::new(2, State::Valid)],
        2,
    );
    let fuse = Fuse {
        bits: 0b11,
        width: 16,
    };
    let versions = |first, second| {
        move |slot| match slot {
            AppSlot::Ota(0) => first,
            _ => second,
        }
    };
    let active = |first, second| data.idf_active_above(&fuse, versions(first, second));
    assert_eq!(active(Some(2), Some(2)), Some(Sector::Second));
    assert_eq!(active(Some(2), Some(1)), Some(Sector::First));
    assert_eq!(active(Some(1), None), None);
    assert!(data.may_raise(AppSlot::Ota(1)));
    assert!(!data.may_raise(AppSlot::Ota(0)));
    let trial = OtaData::new(
        [
            Record::new(1, State::Valid),
            Record::new(2, State::PendingVerify),
        ],
        2,
    );
    assert!(!trial.may_raise(AppSlot::Ota(1)));
}
