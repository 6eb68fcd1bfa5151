//! otadata: any two records, and any life of a device from there on.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use updraft_flash::otadata::{
    Change, OtaData, OtaDataPartition, PARTITION_SIZE, PlanError, Record, Sector, State,
};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_fuzz::{Memory, seed};

#[derive(Arbitrary, Debug)]
struct Input {
    slots: u8,
    records: [Raw; 2],
    /// Bit `n`: the image in `ota_n` verifies; bit 16: factory's does.
    good: u32,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Raw {
    /// As it may lie there.
    Bytes([u8; 32]),
    /// With a right CRC, and a sequence that is small, or near the end.
    Sound { sequence: i16, state: u8 },
}

#[derive(Arbitrary, Debug)]
enum Step {
    Activate {
        slot: u8,
        rollback: bool,
    },
    Forget {
        slot: u8,
    },
    Release {
        slot: u8,
    },
    Confirm,
    Rearm,
    Reject,
    RollBack,
    First {
        slot: u8,
    },
    /// What ESP-IDF's own functions would do; nothing is asked of their results but that there is one.
    Idf {
        slot: u8,
        rollback: bool,
    },
    Boot,
    Run {
        slot: u8,
    },
}

impl Raw {
    fn bytes(&self) -> [u8; 32] {
        match self {
            Self::Bytes(bytes) => *bytes,
            Self::Sound { sequence, state } => {
                let state = match state {
                    0..=4 => State::from_word(u32::from(*state)),
                    5 => State::Undefined,
                    other => State::Other(u32::from(*other)),
                };
                Record::new(i32::from(*sequence) as u32, state).to_bytes()
            }
        }
    }
}

/// The slot a number stands for; two of them are no OTA slots.
fn place(number: u8) -> AppSlot {
    match number % 18 {
        16 => AppSlot::Factory,
        17 => AppSlot::Test,
        index => AppSlot::Ota(index),
    }
}

/// Whether nothing that outlives a reset would be left if the power went while this sector is blank.
fn erases_the_only_good_one(data: &OtaData, sector: Sector) -> bool {
    let (erased, kept) = (data.record(sector), data.record(sector.other()));
    (erased.is_valid() && !kept.is_valid()) || (erased.outlives_reset() && !kept.outlives_reset())
}

struct World {
    flash: Memory,
    data: OtaData,
    running: AppSlot,
    good: u32,
}

impl World {
    fn image_ok(&self) -> impl Fn(AppSlot) -> bool + use<> {
        let good = self.good;
        move |slot| match slot {
            AppSlot::Ota(index) => good >> (index % 16) & 1 == 1,
            AppSlot::Factory => good >> 16 & 1 == 1,
            AppSlot::Test => false,
        }
    }

    /// Writes a change, and holds it to what every change of ours must keep.
    fn apply(&mut self, change: &Change) {
        if let Some(record) = change.record {
            assert!(
                record.sequence != 0 && record.sequence != u32::MAX,
                "{record:?}"
            );
            assert!(record.crc_ok());
        }
        self.write(change);
    }

    fn write(&mut self, change: &Change) {
        self.flash.touched.clear();
        let window = Region::new(&mut self.flash, 0, PARTITION_SIZE).expect("a window");
        let mut partition = OtaDataPartition::new(window).expect("a partition");
        partition.apply(change).expect("memory does not fail");
        let now = partition
            .read(self.data.slots)
            .expect("memory does not fail");
        assert_eq!(now, self.data.after(change));
        let sector = change.sector.index() as u32;
        assert!(self.flash.touched.iter().all(|touched| *touched == sector));
        self.data = now;
    }

    fn on_trial(&self) -> bool {
        let pending = |record: &Record| record.state == State::PendingVerify;
        self.data.active_record().is_some_and(pending)
            && self.data.slot() == self.running.ota_index()
    }

    fn activate(&mut self, slot: u8, rollback: bool) {
        let data = self.data;
        let _ = data.idf_set_boot(slot, rollback);
        match data.plan_activate(slot, rollback) {
            Ok(change) => {
                assert!(!erases_the_only_good_one(&data, change.sector));
                self.apply(&change);
                assert_eq!(self.data.slot(), Some(slot));
                assert_eq!(self.data.active(), Some(change.sector));
            }
            Err(PlanError::NoSuchSlot { .. }) => assert!(slot >= data.slots),
            Err(PlanError::SequenceExhausted { sequence }) => {
                assert!(sequence >= u32::MAX - u32::from(data.slots));
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn release(&mut self, slot: u8) {
        if self.on_trial() {
            return;
        }
        for _ in 0..2 {
            match self.data.plan_release(slot, self.running) {
                Ok(Some(change)) => {
                    let keeps = self.running.ota_index().is_none()
                        || !erases_the_only_good_one(&self.data, change.sector);
                    assert!(keeps, "{:?}", self.data);
                    self.apply(&change);
                }
                Ok(None) | Err(_) => break,
            }
        }
        let again = self.data.plan_release(slot, self.running);
        assert!(!matches!(again, Ok(Some(_))), "a third change: {again:?}");
        if again.is_ok() {
            for sector in Sector::BOTH {
                let named = self.data.slot_of(sector) == Some(slot);
                assert!(!named || self.data.record(sector).is_initial());
            }
        }
    }

    fn own(&mut self, plan: Result<Option<Change>, PlanError>, keeps: bool, state: State) {
        match plan {
            Ok(Some(change)) => {
                assert_eq!(self.data.slot(), self.running.ota_index());
                assert!(!keeps || !erases_the_only_good_one(&self.data, change.sector));
                self.apply(&change);
                if keeps {
                    assert_eq!(self.data.slot(), self.running.ota_index());
                    assert_eq!(self.data.active_record().map(|it| it.state), Some(state));
                }
            }
            Ok(None) => {}
            Err(error) => assert!(!error.code().is_empty() && !error.to_string().is_empty()),
        }
    }

    /// The bootloader: a trial that was not confirmed is aborted, a new one begins.
    fn boot(&mut self) {
        for sector in Sector::BOTH {
            let record = *self.data.record(sector);
            if record.state == State::PendingVerify {
                let record = Some(record.with_state(State::Aborted));
                self.write(&Change { sector, record });
            }
        }
        let _ = self.data.failed_trial();
        let Some(active) = self.data.active() else {
            self.running = self
                .data
                .idf_boot_slot(self.image_ok())
                .unwrap_or(AppSlot::Factory);
            return;
        };
        let record = *self.data.record(active);
        if record.state == State::New {
            let record = Some(record.with_state(State::PendingVerify));
            self.write(&Change {
                sector: active,
                record,
            });
        }
        self.running = self.data.slot().map_or(AppSlot::Factory, AppSlot::Ota);
    }

    fn step(&mut self, step: Step) {
        let data = self.data;
        let possible = data.idf_rollback_possible(false, self.image_ok());
        match step {
            Step::Activate { slot, rollback } => self.activate(slot, rollback),
            Step::Forget { slot } => {
                if let Some(change) = data.plan_forget(slot) {
                    assert!(Some(change.sector) != data.active() && change.record.is_none());
                    self.apply(&change);
                }
            }
            Step::Release { slot } => self.release(slot),
            Step::Confirm => self.own(data.plan_confirm(self.running), true, State::Valid),
            Step::Rearm => self.own(data.plan_rearm(self.running).map(Some), true, State::New),
            Step::Reject => {
                self.own(
                    data.plan_reject(self.running, possible).map(Some),
                    false,
                    State::Invalid,
                );
            }
            Step::RollBack => {
                let plan = data.plan_roll_back(self.running, possible).map(Some);
                let gone = plan.is_ok();
                self.own(plan, false, State::Invalid);
                assert!(!gone || self.data.slot() != self.running.ota_index());
            }
            Step::First { slot } => {
                if let Some(change) = data.idf_first_record(slot) {
                    self.apply(&change);
                    assert_eq!(self.data.slot(), Some(slot));
                }
            }
            Step::Idf { slot, rollback } => {
                let _ = data.idf_set_boot(slot, rollback);
                let _ = data.idf_mark_valid();
                let _ = data.idf_mark_invalid(possible);
                let _ = data.idf_last_invalid(self.image_ok());
                let _ = data.idf_state_of(slot);
                let _ = data.idf_rollback_possible(true, self.image_ok());
                let _ = data.may_raise(place(slot));
            }
            Step::Boot => self.boot(),
            Step::Run { slot } => self.running = place(slot),
        }
    }
}

fn run(input: Input) {
    let mut bytes = vec![0xFF; PARTITION_SIZE as usize];
    for (sector, raw) in Sector::BOTH.into_iter().zip(&input.records) {
        let raw = raw.bytes();
        assert_eq!(Record::from_bytes(&raw).to_bytes(), raw);
        bytes[sector.offset() as usize..][..raw.len()].copy_from_slice(&raw);
    }
    let slots = input.slots % 17;
    let mut flash = Memory::new(bytes);
    let window = Region::new(&mut flash, 0, PARTITION_SIZE).expect("a window");
    let mut partition = OtaDataPartition::new(window).expect("a partition");
    let data = partition.read(slots).expect("memory does not fail");
    let running = data.slot().map_or(AppSlot::Factory, AppSlot::Ota);
    let mut world = World {
        flash,
        data,
        running,
        good: input.good,
    };
    for step in input.steps {
        world.step(step);
    }
}

fn seeds() {
    seed("empty", &[]);
    // Two sound records and some steps.
    for first in 0..8_u8 {
        let mut bytes = vec![2];
        for sequence in [first, first + 1] {
            bytes.extend_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF, sequence, 0, 1]);
        }
        bytes.extend((0..120).map(|at: u8| at.wrapping_mul(37).wrapping_add(first)));
        seed(&format!("steps-{first}"), &bytes);
    }
}

fuzz_target!(init: seeds(), |input: Input| run(input));
