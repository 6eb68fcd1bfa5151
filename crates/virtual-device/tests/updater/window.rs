//! Offers that may only be started in their maintenance window (seed 004, "Scheduled Updates"): downloaded early,
//! installed when it opens.

use updraft_flash::slot::AppSlot;
use updraft_protocol::UpdateStatus;

use crate::device::{Device, waits};
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::{Reply, Then};
use crate::support::seen::Seen;

const HOUR: u32 = 3600;

/// A device that is offered 1.1.0, to be started no sooner than in two hours.
fn early() -> Device {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.settings.jitter_percent = 0;
    device.server().offer.activate_after_seconds = 2 * HOUR;
    device
}

fn pauses(device: &Device) -> Vec<u64> {
    let seen = device.seen();
    let after = seen.iter().filter_map(|seen| match seen {
        Seen::Waiting { ms } => Some(*ms),
        _ => None,
    });
    after.collect()
}

fn said(device: &Device, status: UpdateStatus) -> usize {
    let server = device.server();
    let reports = server.reports.iter();
    reports
        .filter(|report| report.update_status == status)
        .count()
}

#[test]
fn seed_004_an_update_is_downloaded_early_and_started_in_its_window() {
    let mut device = early();
    assert_eq!(device.polls(4), End::Stopped(AppSlot::Ota(0)));
    assert_eq!(device.downloads().len(), 1, "once is enough");
    assert_eq!(said(&device, UpdateStatus::Downloaded), 1);
    assert_eq!(said(&device, UpdateStatus::Rebooting), 0);
    assert_eq!(device.failures(), []);

    device.server().offer.activate_after_seconds = 0;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
    assert_eq!(device.downloads().len(), 1, "what was there was taken");
}

#[test]
fn a_window_that_opens_before_the_next_poll_is_not_slept_through() {
    let mut device = early();
    device.server().offer.activate_after_seconds = 100;
    let end = device.lives_until(&|seen| waits(seen) == 1);
    assert_eq!(end, End::Stopped(AppSlot::Ota(0)));
    assert_eq!(pauses(&device), [100_000]);
    // With a window that is far away, the server's word counts.
    let mut device = early();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    assert_eq!(pauses(&device), [300_000]);
}

#[test]
fn a_power_cut_while_it_waits_costs_nothing() {
    let mut device = early();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    device.loses_power();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    assert_eq!(device.downloads().len(), 1);
    device.loses_power();
    device.server().offer.activate_after_seconds = 0;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
    assert_eq!(device.downloads().len(), 1);
}

#[test]
fn a_window_that_closed_during_the_download_is_missed_and_the_next_one_taken() {
    let mut device = early();
    device.server().offer.activate_after_seconds = 0;
    device.server().offer.activate_within_seconds = Some(1);
    let mut lost = false;
    device.intercept(move |request| {
        // A lost connection costs two seconds, which is one too many.
        let first = request.is_download() && !std::mem::replace(&mut lost, true);
        first.then(|| Reply::raw("").then(Then::Reset))
    });
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    assert_eq!(device.failures(), []);
    device.server().offer.activate_within_seconds = Some(2 * HOUR);
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
    assert_eq!(
        device.downloads().len(),
        2,
        "the lost one, and its second try"
    );
}

#[test]
fn an_app_that_waits_can_be_called_off_or_overtaken() {
    let mut device = early();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    // Called off: nothing but the offer would have started it.
    device.server().wanted = release("1.0.0");
    assert_eq!(device.polls(3), End::Stopped(AppSlot::Ota(0)));
    device.loses_power();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    // Overtaken by another file, which goes over it.
    device.wants(release("1.4.0"));
    device.server().offer.activate_after_seconds = 2 * HOUR;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)));
    device.wants(release("1.1.0"));
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
}
