//! Power cuts while somebody pushes an app.

use std::cell::RefCell;

use updraft_flash::partition::layout;
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::quiet::rest;
use crate::short::release;
use crate::support::app::Act;
use crate::support::life::End;
use crate::{announce, check_updated, cut_at_each, untouchable};

#[test]
fn every_power_cut_of_a_push_leaves_a_device_that_takes_the_next_one() {
    let mut total = 0;
    for table in [layout::two_slots_4mb(), layout::factory_4mb()] {
        let mut start = VirtualFlash::new(FlashSize::Mb4);
        manufacture(&mut start, &table, release("1.0.0").bytes).expect("it fits");
        let (running, _) = rest(&mut start, None, None);
        let wanted = release("1.1.0");
        let push = Some((running, Act::Push(wanted.bytes)));

        let moments = RefCell::new(Vec::new());
        let mut flash = start.clone();
        let (pushed, _) = rest(&mut flash, push, Some(&moments));
        assert_ne!(running, pushed);

        let untouched = untouchable(&table, &start);
        let tally = cut_at_each(&moments.into_inner(), &|flash, case| {
            let (mut slot, _) = rest(flash, None, None);
            if slot == running {
                (slot, _) = rest(flash, push, None);
            }
            check_updated(&table, flash, Ok(End::Stopped(slot)), &wanted)
                .unwrap_or_else(|problem| panic!("{case}: {problem}"));
            assert_eq!(untouched, untouchable(&table, flash), "{case}");
        });
        total += tally.values().sum::<usize>();
    }
    announce(total, "pushes");
    assert!(total > 5000);
}
