//! Power cuts while somebody has a confirmed device go back to its other app.

use std::cell::RefCell;
use std::rc::Rc;

use updraft_flash::partition::{Table, layout};
use updraft_flash::slot::AppSlot;
use updraft_protocol::CheckInReply;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::support::app::Act;
use crate::support::flash::Moment;
use crate::support::images::release;
use crate::support::life::{End, Life, at_rest};
use crate::support::reply::Reply;
use crate::support::server::Server;
use crate::{announce, cut_at_each, live, untouchable};
use updraft_virtual_device::device::manufacture;

/// Lives until there is nothing to do, on a server that has nothing to offer. With `act`, somebody does that to the
/// app in `slot` a second after it booted.
fn rest(
    flash: &mut VirtualFlash,
    hand: Option<(AppSlot, Act)>,
    moments: Option<&RefCell<Vec<Moment>>>,
) -> (AppSlot, bool) {
    let server = Server::new(release("1.0.0"));
    server.borrow_mut().intercept = Some(Box::new(|request| {
        request.is_check_in().then(|| {
            Reply::json(&CheckInReply {
                offer: None,
                poll_after_seconds: 300,
            })
        })
    }));
    let mut life = Life::new(&server);
    // Nothing happens before the act: the device is at rest only after its second check-in.
    life.settings.min_uptime_seconds = 2;
    life.hand = hand.map(|(slot, act)| (slot, 1000, act));
    let done = Rc::clone(&life.by_hand);
    let end = life.live(flash, moments, &at_rest);
    let Ok(End::Stopped(slot)) = end else {
        panic!("the device does not settle: {end:?}");
    };
    let went_well = matches!(*done.borrow(), Some(Ok(())));
    (slot, went_well)
}

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
    for table in [layout::two_slots_4mb(), layout::seed_001_4mb()] {
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
