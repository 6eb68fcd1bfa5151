//! otadata: records, ESP-IDF's plans and ours. ESP-IDF's own results are checked against the
//! conformance vectors in `updraft-virtual-device`.

mod support;

use proptest::prelude::*;
use support::{Memory, Op};
use updraft_flash::otadata::{
    OtaData, OtaDataPartition, PARTITION_SIZE, PlanError, Record, Sector, State,
};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;

fn sequences() -> impl Strategy<Value = u32> {
    prop_oneof![
        8 => 1..12_u32,
        1 => Just(0_u32),
        1 => Just(u32::MAX),
        1 => u32::MAX - 20..u32::MAX,
        2 => any::<u32>(),
    ]
}

fn states() -> impl Strategy<Value = State> {
    prop_oneof![
        9 => prop::sample::select(vec![
            State::New, State::PendingVerify, State::Valid, State::Invalid, State::Aborted,
            State::Undefined,
        ]),
        1 => any::<u32>().prop_map(State::from_word),
    ]
}

fn records() -> impl Strategy<Value = Record> {
    prop_oneof![
        1 => Just(Record::ERASED),
        1 => any::<[u8; 32]>().prop_map(|bytes| Record::from_bytes(&bytes)),
        8 => (sequences(), states()).prop_map(|(sequence, state)| Record::new(sequence, state)),
    ]
}

fn data() -> impl Strategy<Value = OtaData> {
    ([records(), records()], 1..=16_u8).prop_map(|(records, slots)| OtaData::new(records, slots))
}

/// Whether nothing that counts would be left if the power went while this sector is blank: the
/// bootloader aborts a pending trial, so such a record carries nobody over.
fn erases_the_only_good_one(data: &OtaData, sector: Sector) -> bool {
    let (erased, kept) = (data.record(sector), data.record(sector.other()));
    (erased.is_valid() && !kept.is_valid()) || (erased.outlives_reset() && !kept.outlives_reset())
}

proptest! {
    #[test]
    fn a_record_keeps_its_bytes(bytes: [u8; 32]) {
        prop_assert_eq!(Record::from_bytes(&bytes).to_bytes(), bytes);
    }

    #[test]
    fn activating_selects_the_slot_and_keeps_the_only_good_record(
        data in data(), slot in 0..16_u8, rollback: bool,
    ) {
        match data.plan_activate(slot, rollback) {
            Ok(change) => {
                prop_assert!(slot < data.slots);
                prop_assert!(!erases_the_only_good_one(&data, change.sector));
                let record = change.record.unwrap();
                prop_assert!(record.sequence != 0 && record.sequence != u32::MAX);
                let after = data.after(&change);
                prop_assert_eq!(after.slot(), Some(slot));
                prop_assert_eq!(after.active(), Some(change.sector));
                let wanted = if rollback { State::New } else { State::Undefined };
                prop_assert_eq!(after.active_record().unwrap().state, wanted);
            }
            Err(PlanError::NoSuchSlot { .. }) => prop_assert!(slot >= data.slots),
            Err(PlanError::SequenceExhausted { sequence }) => {
                prop_assert!(sequence >= u32::MAX - u32::from(data.slots));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn activating_is_as_esp_idf_unless_that_is_unsafe(
        data in data(), slot in 0..16_u8, rollback: bool,
    ) {
        if let (Ok(ours), Ok(theirs)) =
            (data.plan_activate(slot, rollback), data.idf_set_boot(slot, rollback))
            && ours != theirs
        {
            // Where both plans are safe, only a pending record can be why: it is worth nothing.
            let unsafe_place = erases_the_only_good_one(&data, theirs.sector)
                || !data.active_record().unwrap().outlives_reset();
            prop_assert!(unsafe_place || theirs.record.unwrap().sequence == 0);
        }
    }

    #[test]
    fn confirming_and_rearming_mark_only_what_runs(data in data(), running in 0..16_u8) {
        let slot = AppSlot::Ota(running);
        for (plan, state) in [
            (data.plan_confirm(slot), State::Valid),
            (data.plan_rearm(slot).map(Some), State::New),
        ] {
            match plan {
                Ok(Some(change)) => {
                    prop_assert_eq!(data.slot(), Some(running));
                    prop_assert!(!erases_the_only_good_one(&data, change.sector));
                    let after = data.after(&change);
                    prop_assert_eq!(after.slot(), Some(running));
                    let record = after.active_record().unwrap();
                    prop_assert_eq!(record.state, state);
                    prop_assert!(record.sequence != 0);
                }
                Ok(None) => {
                    prop_assert_eq!(data.slot(), Some(running));
                    prop_assert_eq!(data.active_record().unwrap().state, State::Valid);
                }
                Err(PlanError::Fallback { active, .. }) => {
                    prop_assert_eq!(data.slot(), Some(active));
                    prop_assert_ne!(active, running);
                }
                Err(PlanError::NoActiveRecord) => prop_assert_eq!(data.active(), None),
                Err(PlanError::NotOnTrial { state }) => {
                    prop_assert_ne!(state, State::PendingVerify);
                }
                Err(PlanError::SequenceExhausted { .. }) => {}
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }

    #[test]
    fn a_released_slot_is_named_no_more(data in data(), slot in 0..16_u8, running in 0..18_u8) {
        let running = match running {
            16 => AppSlot::Factory,
            17 => AppSlot::Test,
            index => AppSlot::Ota(index),
        };
        let on_trial = data
            .active_record()
            .is_some_and(|record| record.state == State::PendingVerify)
            && data.slot() == running.ota_index();
        if on_trial {
            // Nothing may be installed then: the caller's to refuse.
            return Ok(());
        }
        let mut now = data;
        let mut changes = 0;
        loop {
            match now.plan_release(slot, running) {
                Ok(Some(change)) => {
                    changes += 1;
                    prop_assert!(changes <= 2);
                    // With an OTA slot running, some record stays valid throughout.
                    if running.ota_index().is_some() {
                        prop_assert!(!erases_the_only_good_one(&now, change.sector));
                    }
                    now = now.after(&change);
                }
                Ok(None) => break,
                Err(PlanError::SlotIsRunning { .. }) => {
                    prop_assert_eq!(running, AppSlot::Ota(slot));
                    return Ok(());
                }
                Err(PlanError::NoSuchSlot { slots, .. }) => {
                    prop_assert!(slot >= slots || running.ota_index().is_some_and(|r| r >= slots));
                    return Ok(());
                }
                Err(PlanError::SequenceExhausted { .. }) => return Ok(()),
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
        for sector in Sector::BOTH {
            prop_assert!(now.record(sector).is_initial() || now.slot_of(sector) != Some(slot));
        }
        // What booted before and was not that slot still does, but for a trial that will be aborted: there
        // what runs may be recorded instead.
        let doomed = data.active_record().is_some_and(|record| !record.outlives_reset());
        if doomed && now.slot() == running.ota_index() {
            prop_assert!(now.active_record().is_none_or(Record::outlives_reset));
        } else if data.slot() != Some(slot) {
            prop_assert_eq!(now.slot(), data.slot());
        } else if running.ota_index().is_some() {
            prop_assert_eq!(now.slot(), running.ota_index());
        }
    }

    #[test]
    fn forgetting_touches_only_an_inactive_record(data in data(), slot in 0..16_u8) {
        if let Some(change) = data.plan_forget(slot) {
            prop_assert_ne!(Some(change.sector), data.active());
            prop_assert_eq!(data.slot_of(change.sector), Some(slot));
            prop_assert_eq!(change.record, None);
        }
    }

    #[test]
    fn a_change_reaches_one_sector(data in data(), slot in 0..16_u8, rollback: bool) {
        let mut flash = Memory::new(0x1_0000);
        let region = Region::new(&mut flash, 0x8000, PARTITION_SIZE).unwrap();
        let mut partition = OtaDataPartition::new(region).unwrap();
        for sector in Sector::BOTH {
            let record = Some(*data.record(sector));
            partition.apply(&updraft_flash::otadata::Change { sector, record }).unwrap();
        }
        prop_assert_eq!(partition.read(data.slots).unwrap(), data);
        if let Ok(change) = data.plan_activate(slot, rollback) {
            partition.apply(&change).unwrap();
            prop_assert_eq!(partition.read(data.slots).unwrap(), data.after(&change));
            let at = 0x8000 + change.sector.offset();
            // A record that counts is unmade before it is erased, and the new one's state is there
            // before the sequence makes it count.
            let mut ops = Vec::new();
            if data.record(change.sector).crc_ok() {
                ops.push(Op::Write(at + 28, 4));
            }
            if *data.record(change.sector) != Record::ERASED {
                ops.push(Op::Erase(at, at + 0x1000));
            }
            ops.extend([Op::Write(at + 24, 8), Op::Write(at, 24)]);
            prop_assert_eq!(&flash.ops[4..], &ops);
        }
    }
}

#[test]
fn crc_matches_known_records() {
    for (sequence, crc) in [
        (0, 0xFFFF_FFFF),
        (1, 0x4743_989A),
        (2, 0x55F6_3774),
        (3, 0xED4A_5011),
        (4, 0x709D_68A8),
        (u32::MAX, 0x2144_DF1C),
    ] {
        assert_eq!(Record::crc_of(sequence), crc, "sequence {sequence}");
    }
}

#[test]
fn sequence_zero_counts_when_read_and_is_never_written() {
    // The rest erased: the CRC of 0 is 0xFFFFFFFF.
    let zero = Record {
        sequence: 0,
        ..Record::ERASED
    };
    assert!(zero.is_valid());
    let data = OtaData::new([zero, Record::ERASED], 3);
    assert_eq!(data.slot(), Some(0));
    assert_eq!(
        data.idf_set_boot(2, true).unwrap().record.unwrap().sequence,
        0
    );
    assert_eq!(
        data.plan_activate(2, true)
            .unwrap()
            .record
            .unwrap()
            .sequence,
        3
    );
    let twice = OtaData::new([zero, zero], 3);
    assert_eq!(
        twice
            .plan_activate(0, true)
            .unwrap()
            .record
            .unwrap()
            .sequence,
        1
    );
}

#[test]
fn a_tie_goes_to_the_first_sector() {
    let record = Record::new(5, State::Valid);
    assert_eq!(
        OtaData::new([record, record], 2).active(),
        Some(Sector::First)
    );
}

#[test]
fn the_only_good_record_is_confirmed_beside_itself() {
    let pending = Record::new(1, State::PendingVerify);
    let data = OtaData::new([pending, Record::ERASED], 2);
    let change = data.plan_confirm(AppSlot::Ota(0)).unwrap().unwrap();
    assert_eq!(change.sector, Sector::Second);
    assert_eq!(change.record, Some(Record::new(3, State::Valid)));
    // ESP-IDF erases it to write it again.
    assert_eq!(
        data.idf_mark_valid().unwrap().change.unwrap().sector,
        Sector::First
    );
}

#[test]
fn a_fallback_app_marks_nothing() {
    let damaged = Record::new(2, State::PendingVerify);
    let data = OtaData::new([damaged, Record::new(1, State::Valid)], 2);
    let fallback = PlanError::Fallback {
        running: AppSlot::Ota(0),
        active: 1,
    };
    assert_eq!(data.plan_confirm(AppSlot::Ota(0)), Err(fallback));
    assert_eq!(data.plan_reject(AppSlot::Ota(0), true), Err(fallback));
    assert_eq!(data.plan_rearm(AppSlot::Ota(0)), Err(fallback));
    // ESP-IDF would mark the damaged slot as good.
    assert!(data.idf_mark_valid().unwrap().change.is_some());
}

#[test]
fn a_failed_trial_is_told_from_old_history() {
    let good = Record::new(3, State::Valid);
    let failed = OtaData::new([good, Record::new(4, State::Aborted)], 2);
    assert_eq!(failed.failed_trial(), Some((1, State::Aborted)));
    let old = OtaData::new(
        [Record::new(5, State::Valid), Record::new(4, State::Aborted)],
        2,
    );
    assert_eq!(old.failed_trial(), None);
    let factory = OtaData::new([Record::new(1, State::Invalid), Record::ERASED], 2);
    assert_eq!(factory.failed_trial(), Some((0, State::Invalid)));
}

#[test]
fn without_slots_nothing_is_planned() {
    let data = OtaData::new([Record::new(1, State::New), Record::ERASED], 0);
    assert_eq!(data.slot(), None);
    assert!(data.plan_activate(0, true).is_err());
    assert!(data.idf_set_boot(0, true).is_err());
    assert!(data.idf_mark_valid().is_err());
    assert_eq!(
        data.plan_confirm(AppSlot::Ota(0)),
        Err(PlanError::NoActiveRecord)
    );
}

/// Two records name the slot, and only one of them outlives a reset: that one stays until another is written.
#[test]
fn releasing_a_slot_named_twice_keeps_the_record_that_lasts() {
    let records = [
        Record::new(1, State::PendingVerify),
        Record::new(1, State::New),
    ];
    let data = OtaData::new(records, 8);
    let change = data.plan_release(0, AppSlot::Ota(1)).unwrap().unwrap();
    assert_eq!(change.sector, Sector::First);
    let after = data.after(&change);
    assert_eq!(after.slot(), Some(1));
    let change = after.plan_release(0, AppSlot::Ota(1)).unwrap().unwrap();
    assert_eq!((change.sector, change.record), (Sector::Second, None));
    assert_eq!(
        after.after(&change).plan_release(0, AppSlot::Ota(1)),
        Ok(None)
    );
}
