//! A device whose server has nothing for it, and somebody who stands before it.

use std::cell::RefCell;
use std::rc::Rc;

use updraft_flash::slot::AppSlot;
use updraft_protocol::CheckInReply;
use updraft_virtual_device::nor_flash::VirtualFlash;

use crate::short::release;
use crate::support::app::Act;
use crate::support::flash::Moment;
use crate::support::life::{End, Life, at_rest};
use crate::support::reply::Reply;
use crate::support::server::Server;

/// Lives until there is nothing to do, on a server that has nothing to offer. With `act`, somebody does that to the
/// app in `slot` a second after it booted.
pub(crate) fn rest(
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
