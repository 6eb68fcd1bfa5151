//! Power cuts in the trial of an app that gets more than one boot.

use std::cell::RefCell;

use updraft_flash::partition::layout;
use updraft_flash::slot::AppSlot;
use updraft_protocol::UpdateStatus;
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::short::release;
use crate::support::flash::Moment;
use crate::support::life::{End, Life, at_rest};
use crate::support::server::Server;
use crate::{announce, check_updated, cut_at_each, untouchable};

/// Boots the app gets.
const ATTEMPTS: u8 = 3;

fn live(
    flash: &mut VirtualFlash,
    wanted: &str,
    moments: Option<&RefCell<Vec<Moment>>>,
) -> (Result<End, String>, bool) {
    let server = Server::new(release(wanted));
    let mut life = Life::new(&server);
    life.settings.boot_attempts = ATTEMPTS;
    let end = life.live(flash, moments, &at_rest);
    let rolled_back = server.borrow().heard(UpdateStatus::RolledBack);
    (end, rolled_back)
}

#[test]
fn every_power_cut_of_a_trial_with_three_boots_leaves_the_old_app_and_a_way_on() {
    let table = layout::two_slots_4mb();
    let mut start = VirtualFlash::new(FlashSize::Mb4);
    manufacture(&mut start, &table, release("1.0.0").bytes).expect("it fits");
    let (end, _) = live(&mut start, "1.0.0", None);
    assert_eq!(end, Ok(End::Stopped(AppSlot::Ota(0))));

    let moments = RefCell::new(Vec::new());
    let mut flash = start.clone();
    let (end, rolled_back) = live(&mut flash, "1.3.0", Some(&moments));
    assert_eq!(end, Ok(End::Stopped(AppSlot::Ota(0))));
    assert!(rolled_back);

    // What lies before the slots is records and memory: the image itself is the other test's.
    let slots = table.ota(0).expect("ota_0").offset;
    let moments: Vec<Moment> = moments
        .into_inner()
        .into_iter()
        .filter(|moment| moment.call.offset() < slots)
        .collect();
    let untouched = untouchable(&table, &start);
    let tally = cut_at_each(&moments, &|flash, case| {
        let (end, _) = live(flash, "1.3.0", None);
        assert_eq!(end, Ok(End::Stopped(AppSlot::Ota(0))), "{case}");
        let (end, _) = live(flash, "1.1.0", None);
        check_updated(&table, flash, end, &release("1.1.0"))
            .unwrap_or_else(|problem| panic!("{case}: {problem}"));
        assert_eq!(untouched, untouchable(&table, flash), "{case}");
    });
    let total = tally.values().sum();
    announce(total, "trials with three boots");
    assert!(total > 100);
}
