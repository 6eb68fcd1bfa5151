//! Confirming and going back by hand.

use std::rc::Rc;

use updraft_flash::otadata::State;
use updraft_flash::partition::layout;
use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, UpdateStatus};

use crate::device::Device;
use crate::support::app::Act;
use crate::support::images::release;
use crate::support::life::End;

fn state(device: &mut Device) -> Option<State> {
    device.otadata().active_record().map(|record| record.state)
}

#[test]
fn a_trial_may_be_confirmed_before_its_window_is_over() {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.health = Rc::new(|ms| match ms {
        // The new app would never be confirmed by itself.
        0 => Ok(()),
        _ => Err("no valve".to_owned()),
    });
    device.life.hand = Some((AppSlot::Ota(1), 10_000, Act::Confirm));
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(*device.life.by_hand.borrow(), Some(Ok(())));
    assert_eq!(device.outcome(), (UpdateStatus::Confirmed, None));
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn a_confirmed_app_goes_back_by_hand_and_is_not_taken_again() {
    let mut device = Device::wanting(release("1.1.0"));
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
    device.life.hand = Some((AppSlot::Ota(1), 1000, Act::RollBack));
    device.life.boots.clear();
    device.server().reports.clear();
    assert_eq!(device.polls(2), End::Stopped(AppSlot::Ota(0)));
    assert_eq!(*device.life.by_hand.borrow(), Some(Ok(())));
    assert_eq!(device.life.boots, [AppSlot::Ota(1), AppSlot::Ota(0)]);
    assert_eq!(device.otadata().slot(), Some(0));
    assert_eq!(state(&mut device), Some(State::Valid));
    // The server still wants 1.1.0; whoever sent it away does not.
    let expected = (UpdateStatus::Rejected, Some(ReasonCode::RefusedBefore));
    assert_eq!(device.outcome(), expected);
}

#[test]
fn a_trial_sent_back_by_hand_is_reported_so() {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.hand = Some((AppSlot::Ota(1), 10_000, Act::RollBack));
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    let expected = (UpdateStatus::RolledBack, Some(ReasonCode::Cancelled));
    let outcome = device.outcomes().remove(0);
    assert_eq!((outcome.update_status, outcome.reason), expected);
    assert_eq!(outcome.detail.as_deref(), Some("rolled back by hand"));
}

#[test]
fn there_must_be_an_app_to_go_back_to() {
    // The first app of a new device, with an image that does not verify in the other slot.
    let mut device = Device::wanting(release("1.0.0"));
    let before = device.untouched();
    device.life.hand = Some((AppSlot::Ota(0), 1000, Act::RollBack));
    assert_eq!(device.polls(2), End::Stopped(AppSlot::Ota(0)));
    let outcome = device.life.by_hand.borrow_mut().take();
    let failure = outcome
        .expect("it was tried")
        .expect_err("nothing to go to");
    assert_eq!(failure.reason, ReasonCode::NoWayBack);
    assert!(before == device.untouched());

    // A record alone is not enough: what it names is damaged.
    let mut device = Device::wanting(release("1.1.0"));
    device.poll();
    let old = *device.table.ota(0).expect("ota_0");
    device
        .flash
        .preload(old.offset + 0x2_0000, &[0; 16])
        .expect("there");
    device.life.hand = Some((AppSlot::Ota(1), 1000, Act::RollBack));
    assert_eq!(device.polls(2), End::Stopped(AppSlot::Ota(1)));
    let outcome = device.life.by_hand.borrow_mut().take();
    let failure = outcome.expect("it was tried").expect_err("nothing sound");
    assert_eq!(failure.reason, ReasonCode::NoWayBack);
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn the_factory_app_is_a_way_back() {
    let mut device = Device::with_table(&layout::factory_4mb(), release("1.1.0"));
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    device.life.hand = Some((AppSlot::Ota(0), 1000, Act::RollBack));
    assert_eq!(device.polls(2), End::Stopped(AppSlot::Factory));
    assert_eq!(*device.life.by_hand.borrow(), Some(Ok(())));
    assert_eq!(device.otadata().slot(), None);
}
