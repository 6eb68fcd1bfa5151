//! More boots for a new app than a stock bootloader gives.

use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, ResetReason, UpdateStatus};

use crate::device::Device;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::seen::Seen;

#[test]
fn seed_004_failure_recovery_an_app_that_panics_gets_as_many_boots_as_were_asked_for() {
    for attempts in [0, 1, 2, 3, 5] {
        let mut device = Device::wanting(release("1.3.0"));
        device.life.settings.boot_attempts = attempts;
        let end = device.poll();
        let tried = device
            .life
            .boots
            .iter()
            .filter(|&&slot| slot == AppSlot::Ota(1));
        assert_eq!(tried.count(), usize::from(attempts.max(1)), "{attempts}");
        let expected = (UpdateStatus::RolledBack, Some(ReasonCode::RolledBack));
        assert_eq!(device.outcome(), expected, "{attempts}");
        device.assert_as_it_was(&end);
        // The next one begins to count afresh.
        device.life.boots.clear();
        device.server().reports.clear();
        device.wants(release("1.5.0"));
        device.poll();
        let tried = device
            .life
            .boots
            .iter()
            .filter(|&&slot| slot == AppSlot::Ota(1));
        assert_eq!(tried.count(), usize::from(attempts.max(1)), "{attempts}");
    }
}

#[test]
fn a_reset_on_trial_does_not_cost_the_update() {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.settings.boot_attempts = 3;
    for cause in [ResetReason::PowerOn, ResetReason::Panic] {
        let rearmed = |seen: &[(u64, Seen)]| {
            seen.iter()
                .any(|(_, seen)| matches!(seen, Seen::Other(text) if text.contains("of 3")))
        };
        assert_eq!(device.lives_until(&rearmed), End::Stopped(AppSlot::Ota(1)));
        device.life.reset_reason = cause;
    }
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(device.outcomes().len(), 1);
    assert_eq!(device.outcome(), (UpdateStatus::Confirmed, None));
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn a_new_app_that_cannot_reach_its_guard_has_one_boot() {
    for (guarded, boots) in [(false, 1), (true, 3)] {
        let mut device = Device::wanting(release("1.2.0"));
        device.life.settings.boot_attempts = 3;
        device.life.guarded = guarded;
        let end = device.poll();
        let tried = device
            .life
            .boots
            .iter()
            .filter(|&&slot| slot == AppSlot::Ota(1));
        assert_eq!(tried.count(), boots);
        device.assert_as_it_was(&end);
    }
}
