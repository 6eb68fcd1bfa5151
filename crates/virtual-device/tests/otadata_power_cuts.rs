//! Power is cut at every operation of every change our agent makes to otadata, in every way it can
//! be torn; then the bootloader must start an app it may start.

use updraft_flash::otadata::{Change, OtaData, OtaDataPartition, Record, Sector, State};
use updraft_flash::partition::{TABLE_OFFSET, Table, layout};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_virtual_device::bootloader::{BootConfig, Efuse, ImageFault, Images, boot_with};
use updraft_virtual_device::nor_flash::{FlashError, FlashSize, Torn, VirtualFlash};

const CONFIG: BootConfig = BootConfig {
    rollback: true,
    anti_rollback: false,
};

/// Ways a cut is torn: each kind, the disorderly ones several times.
fn tears() -> Vec<Torn> {
    let seeds = 0..5;
    [Torn::Before, Torn::After]
        .into_iter()
        .chain(seeds.clone().map(|seed| Torn::Half { seed }))
        .chain(seeds.map(|seed| Torn::Scrambled { seed }))
        .collect()
}

/// Slots with a good image.
struct Good<'a>(&'a [AppSlot]);

impl Images<VirtualFlash> for Good<'_> {
    fn verify(
        &mut self,
        _flash: &mut VirtualFlash,
        slot: AppSlot,
        _entry: &updraft_flash::partition::Entry,
        _efuse: &Efuse,
    ) -> Result<Result<(), ImageFault>, FlashError> {
        Ok(if self.0.contains(&slot) {
            Ok(())
        } else {
            Err(ImageFault::MarkedBad)
        })
    }

    fn secure_version(
        &mut self,
        _flash: &mut VirtualFlash,
        _slot: AppSlot,
        _entry: &updraft_flash::partition::Entry,
    ) -> Result<Option<u32>, FlashError> {
        Ok(Some(0))
    }
}

struct Bench {
    table: Table,
    flash: VirtualFlash,
}

impl Bench {
    fn new(table: &Table, before: &OtaData) -> Self {
        let size = if table.ota_slots() == 3 {
            FlashSize::Mb16
        } else {
            FlashSize::Mb4
        };
        let mut flash = VirtualFlash::new(size);
        flash.preload(TABLE_OFFSET, &table.to_bytes()).unwrap();
        let otadata = table.otadata().unwrap().offset;
        for sector in Sector::BOTH {
            let bytes = before.record(sector).to_bytes();
            flash.preload(otadata + sector.offset(), &bytes).unwrap();
        }
        Self {
            table: *table,
            flash,
        }
    }

    fn partition<'f>(
        &self,
        flash: &'f mut VirtualFlash,
    ) -> OtaDataPartition<Region<'f, VirtualFlash>> {
        let entry = self.table.otadata().unwrap();
        OtaDataPartition::new(Region::new(flash, entry.offset, entry.size).unwrap()).unwrap()
    }

    fn boot(&self, flash: &mut VirtualFlash, good: &[AppSlot]) -> Option<AppSlot> {
        let mut efuse = Efuse::default();
        boot_with(flash, &self.table, &mut efuse, &CONFIG, &mut Good(good))
            .unwrap()
            .slot
    }

    /// A torn change leaves the record that was, the record that was to be, or none that counts.
    fn check_record(&self, flash: &mut VirtualFlash, change: &Change, what: &str) {
        let slots = self.table.ota_slots();
        let sector = change.sector;
        let before = self.partition(&mut self.flash.clone()).read(slots).unwrap();
        let after = self.partition(flash).read(slots).unwrap();
        let record = after.record(sector);
        let whole = record == before.record(sector) || Some(*record) == change.record;
        assert!(whole || !record.is_valid(), "{what}: {record:?}");
    }

    /// Applies a change with every cut, hands each torn flash to `check`, and says how many.
    fn cut_everywhere(
        &self,
        change: &Change,
        mut check: impl FnMut(&mut VirtualFlash, &str),
    ) -> usize {
        let mut whole = self.flash.clone();
        self.partition(&mut whole).apply(change).unwrap();
        assert_eq!(whole.stats().misprogrammed, 0);
        let mut cuts = 0;
        for operation in 0..whole.operations() {
            for torn in tears() {
                let mut flash = self.flash.clone();
                flash.cut_power_at(operation, torn);
                self.partition(&mut flash).apply(change).unwrap_err();
                flash.restore_power();
                let what = format!("{change:?} cut at {operation}, {torn:?}");
                self.check_record(&mut flash, change, &what);
                check(&mut flash, &what);
                cuts += 1;
            }
        }
        check(&mut whole, &format!("{change:?} done"));
        cuts
    }
}

const STATES: [State; 7] = [
    State::New,
    State::PendingVerify,
    State::Valid,
    State::Invalid,
    State::Aborted,
    State::Undefined,
    State::Other(0x55AA_0000),
];

/// otadata as a device comes by it: each sector blank or with a low sequence in any state.
fn situations(slots: u8) -> Vec<OtaData> {
    let mut records = vec![Record::ERASED];
    for sequence in 1..=u32::from(slots) + 1 {
        records.extend(STATES.map(|state| Record::new(sequence, state)));
    }
    let mut situations = Vec::new();
    for first in &records {
        for second in &records {
            situations.push(OtaData::new([*first, *second], slots));
        }
    }
    situations
}

fn tables() -> [Table; 3] {
    [
        layout::seed_001_4mb(),
        layout::two_slots_4mb(),
        layout::three_slots_16mb(),
    ]
}

/// Activation: every app on the device verifies. After a cut either what would have booted boots,
/// or the new app, or, where the record of an only app was lost, what boots without records.
#[test]
fn activation_never_strands_a_device() {
    let mut cuts = 0;
    for table in tables() {
        for before in situations(table.ota_slots()) {
            let bench = Bench::new(&table, &before);
            let good = slots(&table);
            let old = bench.boot(&mut bench.flash.clone(), &good).unwrap();
            for slot in 0..table.ota_slots() {
                let change = before.plan_activate(slot, true).unwrap();
                let only_good = before.active() == Some(change.sector);
                cuts += bench.cut_everywhere(&change, |flash, what| {
                    let booted = bench.boot(flash, &good).unwrap();
                    let other = before.slot_of(change.sector.other()).map(AppSlot::Ota);
                    let allowed = booted == old
                        || booted == AppSlot::Ota(slot)
                        // The active record was rewritten in place: the other one takes over.
                        || (only_good && Some(booted) == other);
                    assert!(allowed, "{before:?}: {what}: {booted} instead of {old}");
                });
                let mut done = bench.flash.clone();
                bench.partition(&mut done).apply(&change).unwrap();
                assert_eq!(bench.boot(&mut done, &good), Some(AppSlot::Ota(slot)));
            }
        }
    }
    println!("{cuts} cuts during activation");
    assert!(cuts > 100_000);
}

/// Confirmation: after a cut the confirmed app or the one before it boots.
#[test]
fn confirmation_keeps_old_or_new() {
    let mut cuts = 0;
    for table in tables() {
        for before in situations(table.ota_slots()) {
            let Some(running) = before.slot() else {
                continue;
            };
            let running = AppSlot::Ota(running);
            let Some(change) = before.plan_confirm(running).unwrap() else {
                continue;
            };
            let bench = Bench::new(&table, &before);
            let other = before.active().unwrap().other();
            let fallback = before.slot_of(other).map(AppSlot::Ota);
            let good = slots(&table);
            cuts += bench.cut_everywhere(&change, |flash, what| {
                // A trial that loses power before it is confirmed is over: old boots.
                let booted = bench.boot(flash, &good).unwrap();
                let without_records = if table.factory().is_some() {
                    AppSlot::Factory
                } else {
                    AppSlot::Ota(0)
                };
                let allowed = booted == running
                    || (before.record(other).outlives_reset() && Some(booted) == fallback)
                    || (!before.record(other).outlives_reset() && booted == without_records);
                assert!(allowed, "{before:?}: {what}: {booted}, running {running}");
            });
            let mut done = bench.flash.clone();
            bench.partition(&mut done).apply(&change).unwrap();
            assert_eq!(bench.boot(&mut done, &good), Some(running));
            assert_eq!(bench.boot(&mut done, &good), Some(running), "a second boot");
        }
    }
    println!("{cuts} cuts during confirmation");
    assert!(cuts > 20_000);
}

/// Release, then overwriting the slot: only the other apps verify. After any cut one of them boots.
#[test]
fn releasing_a_slot_leaves_an_app_to_boot() {
    let mut cuts = 0;
    for table in tables() {
        for before in situations(table.ota_slots()) {
            for running in slots(&table) {
                for slot in (0..table.ota_slots()).filter(|&s| AppSlot::Ota(s) != running) {
                    // The device runs one app and is about to overwrite another slot; only what runs
                    // is known to be good.
                    let good = [running];
                    let mut now = before;
                    while let Some(change) = now.plan_release(slot, running).unwrap() {
                        let bench = Bench::new(&table, &now);
                        cuts += bench.cut_everywhere(&change, |flash, what| {
                            let booted = bench.boot(flash, &good);
                            assert_eq!(booted, Some(running), "{now:?}: {what}");
                        });
                        now = now.after(&change);
                    }
                }
            }
        }
    }
    println!("{cuts} cuts during release");
    assert!(cuts > 100_000);
}

fn slots(table: &Table) -> Vec<AppSlot> {
    let factory = table.factory().map(|_| AppSlot::Factory);
    factory
        .into_iter()
        .chain((0..table.ota_slots()).map(AppSlot::Ota))
        .collect()
}
