//! Power cuts under a bootloader that does not roll back, where the app itself goes back.

use std::cell::RefCell;

use updraft_flash::partition::{Table, layout};
use updraft_flash::slot::AppSlot;
use updraft_protocol::UpdateStatus;
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::short::release;
use crate::support::app::Act;
use crate::support::flash::Moment;
use crate::support::life::{End, Life, at_rest};
use crate::support::server::Server;
use crate::{announce, check_updated, cut_at_each, untouchable};

/// What is done to a device that runs 1.0.0.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// What its server wants it to run.
    wanted: &'static str,
    boot_attempts: u8,
    /// Whether somebody sends the new app back during its trial.
    by_hand: bool,
}

const CASES: [Case; 6] = [
    Case {
        wanted: "1.1.0",
        boot_attempts: 1,
        by_hand: false,
    },
    Case {
        wanted: "1.2.0",
        boot_attempts: 1,
        by_hand: false,
    },
    Case {
        wanted: "1.3.0",
        boot_attempts: 1,
        by_hand: false,
    },
    Case {
        wanted: "1.5.0",
        boot_attempts: 1,
        by_hand: false,
    },
    Case {
        wanted: "1.3.0",
        boot_attempts: 3,
        by_hand: false,
    },
    Case {
        wanted: "1.1.0",
        boot_attempts: 1,
        by_hand: true,
    },
];

impl Case {
    /// Lives until there is nothing to do. Says as well whether the server heard of a rollback.
    fn live(
        self,
        flash: &mut VirtualFlash,
        new: AppSlot,
        moments: Option<&RefCell<Vec<Moment>>>,
    ) -> (AppSlot, bool) {
        let server = Server::new(release(self.wanted));
        let mut life = Life::new(&server);
        life.rollback = false;
        life.settings.boot_attempts = self.boot_attempts;
        life.hand = self.by_hand.then_some((new, 10_000, Act::RollBack));
        let end = life.live(flash, moments, &at_rest);
        let Ok(End::Stopped(slot)) = end else {
            panic!("{self:?}: the device does not settle: {end:?}");
        };
        let heard = server.borrow().heard(UpdateStatus::RolledBack);
        (slot, heard)
    }

    fn stays(self) -> bool {
        self.wanted == "1.1.0" && !self.by_hand
    }
}

/// Cuts the power at every operation that changes the records or NVS: what is written into the slot is the same under
/// every bootloader, and cut in the other tests.
fn cut_everywhere(table: &Table, case: Case) -> usize {
    let mut start = VirtualFlash::new(FlashSize::Mb4);
    manufacture(&mut start, table, release("1.0.0").bytes).expect("it fits");
    let idle = Case {
        wanted: "1.0.0",
        boot_attempts: 1,
        by_hand: false,
    };
    let (old, _) = idle.live(&mut start, AppSlot::Test, None);
    let new = AppSlot::Ota(u8::from(old == AppSlot::Ota(0)));

    let moments = RefCell::new(Vec::new());
    let (end, rolled_back) = case.live(&mut start.clone(), new, Some(&moments));
    assert_eq!(end, if case.stays() { new } else { old }, "{case:?}");
    assert_eq!(rolled_back, !case.stays(), "{case:?}");

    let slots = table
        .factory()
        .or_else(|| table.ota(0))
        .expect("an app")
        .offset;
    let moments: Vec<Moment> = moments
        .into_inner()
        .into_iter()
        .filter(|moment| moment.call.offset() < slots)
        .collect();
    let untouched = untouchable(table, &start);
    let tally = cut_at_each(&moments, &|flash, cut| {
        let (end, _) = case.live(flash, new, None);
        if case.stays() {
            check_updated(table, flash, Ok(End::Stopped(end)), &release(case.wanted))
                .unwrap_or_else(|problem| panic!("{case:?}, {cut}: {problem}"));
        } else if case.by_hand {
            // Sent back before the cut or after it; or confirmed, where the hand came to a boot that was cut short.
            assert!(end == new || end == old, "{case:?}, {cut}: {end}");
        } else {
            assert_eq!(end, old, "{case:?}, {cut}");
            // Whatever came of it, the device can be updated.
            let good = Case {
                wanted: "1.1.0",
                ..idle
            };
            let (end, _) = good.live(flash, new, None);
            check_updated(table, flash, Ok(End::Stopped(end)), &release("1.1.0"))
                .unwrap_or_else(|problem| panic!("{case:?}, {cut}: {problem}"));
        }
        assert_eq!(flash.stats().misprogrammed, 0, "{case:?}, {cut}");
        assert_eq!(untouched, untouchable(table, flash), "{case:?}, {cut}");
    });
    let cuts = tally.values().sum();
    println!("{case:?}: {cuts} cuts {tally:?}");
    cuts
}

#[test]
fn every_power_cut_without_a_bootloader_that_rolls_back_leaves_a_device_that_updates() {
    let mut total = 0;
    for table in [layout::two_slots_4mb(), layout::factory_4mb()] {
        for case in CASES {
            total += cut_everywhere(&table, case);
        }
    }
    announce(total, "trials without a bootloader that rolls back");
    assert!(total > 1000, "{total}");
}
