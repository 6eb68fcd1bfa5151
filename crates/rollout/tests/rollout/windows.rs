//! Seed 004's deployment strategy: when devices install, and what does not wait for that.

use updraft_protocol::api::rollout::{RolloutPlan, Window};
use updraft_rollout::{Moment, decide, explain};

use crate::fleet::{Fleet, HOUR, START};

fn at_night(download_early: bool) -> RolloutPlan {
    RolloutPlan {
        stages: vec![updraft_protocol::api::rollout::Stage::ALL],
        window: Some(Window {
            start: "03:00".parse().unwrap(),
            end: "05:00".parse().unwrap(),
            days: Vec::new(),
            download_early,
        }),
        ..RolloutPlan::default()
    }
}

/// Seed 004, deployment strategy, "scheduled updates": from 3 to 5 in the morning, by each device's own clock.
#[test]
fn seed_004_scheduled_updates_between_three_and_five_in_the_devices_own_time() {
    let mut fleet = Fleet::of(2, at_night(false));
    fleet.devices[1].attributes.utc_offset_minutes = Some(-5 * 60);
    fleet.start();
    let mut hours = [Vec::new(), Vec::new()];
    for hour in 0..24 {
        fleet.now = START + hour * HOUR;
        for (device, hours) in hours.iter_mut().enumerate() {
            if decide(
                &fleet.snapshot(),
                &fleet.devices[device].view(),
                &Moment::at(fleet.now),
            )
            .offer
            .is_some()
            {
                hours.push(hour);
            }
        }
    }
    assert_eq!(hours, [vec![3, 4], vec![8, 9]]);
    // Midnight: the reason names the moment at which that changes, and so does the answer.
    let snapshot = fleet.snapshot();
    let decision = explain(&snapshot, &fleet.devices[0].view(), &Moment::at(START));
    assert_eq!(decision.changes_at, Some(START + 3 * HOUR));
    let said = decision.reasons.last().unwrap().to_string();
    assert!(
        said.contains("maintenance window is closed")
            && said.contains(&(START + 3 * HOUR).to_string()),
        "{said}"
    );
}

#[test]
fn seed_004_scheduled_updates_may_download_early_and_wait_for_the_window_to_start() {
    let mut fleet = Fleet::of(1, at_night(true));
    fleet.start();
    let snapshot = fleet.snapshot();
    let granted = decide(
        &snapshot,
        &fleet.devices[0].view(),
        &Moment::at(START + 6 * HOUR),
    )
    .offer
    .unwrap();
    let opening = granted.activate.unwrap();
    assert_eq!(
        (opening.from, opening.until),
        (START + 27 * HOUR, START + 29 * HOUR)
    );
}

/// Seed 004, deployment strategy, "forced emergency updates": required ones are installed at once, whatever the schedule.
#[test]
fn seed_004_required_updates_ignore_the_window() {
    let plan = RolloutPlan {
        required: true,
        ..at_night(false)
    };
    let mut fleet = Fleet::of(1, plan);
    fleet.start();
    let snapshot = fleet.snapshot();
    let granted = decide(
        &snapshot,
        &fleet.devices[0].view(),
        &Moment::at(START + 12 * HOUR),
    )
    .offer
    .unwrap();
    assert!(granted.required);
    assert_eq!(granted.activate, None);
}
