//! Power is cut at every flash operation of a full update and of its confirmation, from every combination
//! of running slot and boot records that use can lead to. After each cut the device boots an app that
//! verifies, and the next poll brings the update to its end.

mod by_hand;
mod no_rollback;
mod pushed;
mod quiet;
mod rearmed;
#[allow(dead_code, reason = "images are not made with other headers here")]
#[path = "../../../image/tests/support/rebuilt.rs"]
mod rebuilt;
mod short;
mod states;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use embedded_storage::nor_flash::ReadNorFlash as _;
use states::{Start, next_release};
use support::flash::Moment;
use support::images::Release;
use support::life::{End, Life, at_rest};
use support::server::Server;
use updraft_flash::otadata::{OtaDataPartition, State};
use updraft_flash::partition::{Table, layout};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_protocol::UpdateStatus;
use updraft_virtual_device::nor_flash::{Torn, VirtualFlash};

/// What the cases add up to, by kind of operation and way of tearing it.
type Tally = BTreeMap<&'static str, usize>;

#[test]
fn every_power_cut_leaves_a_device_that_boots_and_updates() {
    let layouts = [
        ("factory and two slots", layout::factory_4mb()),
        ("two slots", layout::two_slots_4mb()),
        ("factory and three slots", layout::three_slots_16mb()),
    ];
    let mut total = 0;
    for (name, table) in layouts {
        let starts = states::reachable(&table);
        assert!(starts.len() >= 4, "{name}: only {} states", starts.len());
        for start in &starts {
            let tally = cut_everywhere(&table, start);
            let cuts: usize = tally.values().sum();
            println!("{name}, {start}: {cuts} cuts {tally:?}");
            total += cuts;
        }
    }
    announce(total, "updates from a server");
    assert!(total > 50_000, "an update alone has some 2,000 operations");
}

/// Lets the device live from power-on until it has nothing to do, or its power is cut.
fn live(
    flash: &mut VirtualFlash,
    server: &Rc<RefCell<Server>>,
    moments: Option<&RefCell<Vec<Moment>>>,
) -> Result<End, String> {
    Life::new(server).live(flash, moments, &at_rest)
}

/// Updates once without a cut, then cuts the power at every operation that update made.
fn cut_everywhere(table: &Table, start: &Start) -> Tally {
    let release = next_release(&start.version);
    let moments = RefCell::new(Vec::new());
    let mut flash = start.flash.clone();
    let server = Server::new(release.clone());
    let end = live(&mut flash, &server, Some(&moments));
    let updated = check_updated(table, &mut flash, end, &release);
    updated.unwrap_or_else(|problem| panic!("{start}, without a cut: {problem}"));
    assert!(server.borrow().heard(UpdateStatus::Confirmed));

    let untouchable = untouchable(table, &start.flash);
    cut_at_each(&moments.into_inner(), &|flash, case| {
        let server = Server::new(release.clone());
        let end = live(flash, &server, None);
        check_updated(table, flash, end, &release)
            .unwrap_or_else(|problem| panic!("{start}, {case}: {problem}"));
        assert_eq!(
            untouchable,
            self::untouchable(table, flash),
            "{start}, {case}"
        );
    })
}

/// What has to hold after a cut: lives on from there, and panics where it does not.
type Aftermath<'a> = &'a (dyn Fn(&mut VirtualFlash, &str) + Sync);

/// Cuts the power at every operation of these calls, in each way it can be torn.
fn cut_at_each(moments: &[Moment], aftermath: Aftermath<'_>) -> Tally {
    let next = AtomicUsize::new(0);
    let tally = Mutex::new(Tally::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                let mut own = Tally::new();
                while let Some(moment) = moments.get(next.fetch_add(1, Ordering::Relaxed)) {
                    cut_at(moment, aftermath, &mut own);
                }
                let mut tally = tally.lock().expect("no other thread panicked");
                for (kind, count) in own {
                    *tally.entry(kind).or_default() += count;
                }
            });
        }
    });
    tally.into_inner().expect("no thread panicked")
}

/// Cuts the power at each operation of one call, in each way it can be torn.
fn cut_at(moment: &Moment, aftermath: Aftermath<'_>, tally: &mut Tally) {
    for operation in 0..moment.operations {
        let seed = moment.flash.operations() + operation;
        for (kind, torn) in [
            ("before", Torn::Before),
            ("half", Torn::Half { seed }),
            ("scrambled", Torn::Scrambled { seed }),
        ] {
            let mut flash = moment.flash.clone();
            flash.cut_power_at(flash.operations() + operation, torn);
            let _ = moment.call.make(&mut flash);
            assert!(!flash.is_powered(), "the cut was to come in this call");
            flash.restore_power();
            aftermath(&mut flash, &format!("{kind} operation {seed}"));
            *tally.entry(kind).or_default() += 1;
        }
    }
}

/// Says how many cuts were tried. Not by `println!`, which a passing test keeps to itself.
fn announce(count: usize, what: &str) {
    std::io::stderr()
        .write_all(
            format!("{count} power cuts tried in {what}, every one of them survived\n").as_bytes(),
        )
        .expect("stderr takes it");
}

/// Whether the device runs the wanted release, confirmed, and has only ever programmed blank flash.
fn check_updated(
    table: &Table,
    flash: &mut VirtualFlash,
    end: Result<End, String>,
    release: &Release,
) -> Result<(), String> {
    let End::Stopped(AppSlot::Ota(slot)) = end? else {
        return Err("the device did not settle in an OTA slot".to_owned());
    };
    let entry = table.ota(slot).ok_or("no such slot")?;
    let mut bytes = vec![0; release.bytes.len()];
    flash
        .read(entry.offset, &mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes != release.bytes {
        return Err(format!("ota_{slot} does not hold {}", release.version));
    }
    let otadata = table.otadata().ok_or("no otadata")?;
    let region = Region::new(flash, otadata.offset, otadata.size).map_err(|e| e.to_string())?;
    let records = OtaDataPartition::new(region)
        .and_then(|mut partition| partition.read(table.ota_slots()))
        .map_err(|error| error.to_string())?;
    let state = records.active_record().map(|record| record.state);
    if records.slot() != Some(slot) || state != Some(State::Valid) {
        return Err(format!("ota_{slot} runs, the records say {records:?}"));
    }
    match flash.stats().misprogrammed {
        0 => Ok(()),
        bytes => Err(format!("{bytes} bytes were programmed without an erase")),
    }
}

/// All that no update may ever change: everything but OTA slots, otadata and NVS.
fn untouchable(table: &Table, flash: &VirtualFlash) -> Vec<u8> {
    let mut flash = flash.clone();
    let first = table.nvs().map_or(0, |nvs| nvs.offset);
    let mut kept = vec![0; first as usize];
    flash.read(0, &mut kept).expect("within the flash");
    if let Some(factory) = table.factory() {
        let mut app = vec![0; factory.size as usize];
        flash
            .read(factory.offset, &mut app)
            .expect("within the flash");
        kept.extend(app);
    }
    kept
}
