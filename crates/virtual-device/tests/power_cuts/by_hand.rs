//! Power cuts while somebody has a confirmed device go back to its other app.

use std::cell::RefCell;

use updraft_flash::partition::{Table, layout};
use updraft_flash::slot::AppSlot;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::quiet::rest;
use crate::short::release;
use crate::support::app::Act;
use crate::support::life::End;
use crate::support::server::Server;
use crate::{announce, cut_at_each, live, untouchable};
use updraft_virtual_device::device::manufacture;

/// A device that was updated once: 1.1.0 runs, confirmed.
fn updated(table: &Table) -> (VirtualFlash, AppSlot) {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    manufacture(&mut flash, table, release("1.0.0").bytes).expect("it fits");
    let server = Server::new(release("1.1.0"));
    match live(&mut flash, &server, None) {
        Ok(End::Stopped(slot)) => (flash, slot),
        other => panic!("it was to update: {other:?}"),
    }
}

#[test]
fn every_power_cut_of_a_rollback_by_hand_leaves_one_of_the_two_apps() {
    let mut total = 0;
    for table in [layout::two_slots_4mb(), layout::factory_4mb()] {
        let (start, new) = updated(&table);
        let moments = RefCell::new(Vec::new());
        let mut flash = start.clone();
        let (old, went_well) = rest(&mut flash, Some((new, Act::RollBack)), Some(&moments));
        assert!(went_well && old != new, "{old} {new}");

        let untouched = untouchable(&table, &start);
        let tally = cut_at_each(&moments.into_inner(), &|flash, case| {
            let (slot, _) = rest(flash, None, None);
            assert!(slot == old || slot == new, "{case}: {slot}");
            if slot == new {
                // It has not gone back yet; now it does.
                let (slot, went_well) = rest(flash, Some((new, Act::RollBack)), None);
                assert!(went_well && slot == old, "{case}: {slot}");
            }
            assert_eq!(flash.stats().misprogrammed, 0, "{case}");
            assert_eq!(untouched, untouchable(&table, flash), "{case}");
        });
        total += tally.values().sum::<usize>();
    }
    announce(total, "rollbacks by hand");
    assert!(total > 50);
}
