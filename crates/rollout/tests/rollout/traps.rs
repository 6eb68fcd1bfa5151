//! Where other servers go wrong in judging a rollout, each shown not to.

use updraft_protocol::ReasonCode;
use updraft_protocol::api::rollout::{
    Caps, FailureKind, Retry, RolloutPlan, RolloutState, Size, Stage, TripRule, Waiting,
};
use updraft_rollout::deployment::{Ending, News};
use updraft_rollout::{Event, Moment, Refusal, explain};

use crate::fleet::{Fleet, HOUR, START};

pub(crate) fn half_then_all(soak_s: u64) -> RolloutPlan {
    let half = Stage {
        size: Size::ShareBp(5000),
        soak_s,
        ..Stage::ALL
    };
    RolloutPlan {
        stages: vec![half, Stage::ALL],
        ..RolloutPlan::default()
    }
}

pub(crate) fn first_stage(fleet: &mut Fleet) -> Vec<usize> {
    let all: Vec<usize> = (0..fleet.devices.len()).collect();
    all.into_iter()
        .filter(|device| fleet.poll(*device).is_some())
        .collect()
}

/// hawkBit divides by the whole group: offline devices dilute the failures. Here three of three that answered have failed.
#[test]
fn hawkbit_offline_devices_do_not_dilute_failures() {
    let mut fleet = Fleet::of(
        100,
        RolloutPlan {
            trips: vec![TripRule::share(5000, 3, Vec::new())],
            ..half_then_all(0)
        },
    );
    fleet.start();
    let asked: Vec<usize> = (0..100)
        .filter(|device| fleet.admitted(0).contains(device))
        .take(3)
        .collect();
    for device in asked {
        assert!(fleet.poll(device).is_some());
        fleet.news(
            device,
            News::Ended {
                how: Ending::Failed,
                other_runs: false,
            },
        );
    }
    assert_eq!(fleet.state(), RolloutState::Halted, "3 of 3, not 3 of 50");
}

/// hawkBit compares by "more than", in whole percents: 1 of 100 never trips 1 %, and 100 % never trips at all.
#[test]
fn hawkbit_a_limit_that_is_reached_trips() {
    let plan = |share_bp, min_evaluated| RolloutPlan {
        stages: vec![Stage::ALL],
        trips: vec![TripRule::share(share_bp, min_evaluated, Vec::new())],
        ..RolloutPlan::default()
    };
    let mut fleet = Fleet::of(100, plan(100, 100));
    fleet.start();
    let asked = first_stage(&mut fleet);
    for device in &asked[1..] {
        fleet.news(*device, News::Proven);
    }
    assert_eq!(fleet.state(), RolloutState::Running);
    fleet.news(
        asked[0],
        News::Ended {
            how: Ending::RolledBack,
            other_runs: true,
        },
    );
    assert_eq!(fleet.state(), RolloutState::Halted, "1 of 100 is 1 %");

    let mut fleet = Fleet::of(5, plan(10_000, 5));
    fleet.start();
    for device in first_stage(&mut fleet) {
        fleet.news(
            device,
            News::Ended {
                how: Ending::Failed,
                other_runs: false,
            },
        );
    }
    assert_eq!(fleet.state(), RolloutState::Halted, "5 of 5 is 100 %");
}

/// hawkBit counts only `ERROR`: a device that goes silent while it flashes stays "proceeding" for ever (#693). Here it is lost after
/// its own habits explain no more, and three lost ones stop everything.
#[test]
fn hawkbit_silence_after_the_reboot_is_a_failure() {
    let mut fleet = Fleet::of(
        100,
        RolloutPlan {
            trips: vec![TripRule::count(3, vec![FailureKind::Lost])],
            ..half_then_all(0)
        },
    );
    for device in &mut fleet.devices {
        device.seen.poll_s = Some(600);
    }
    fleet.start();
    let asked = first_stage(&mut fleet);
    for device in &asked[..3] {
        fleet.news(*device, News::Rebooting);
    }
    fleet.pass(3 * 600 - 1);
    assert_eq!(
        (fleet.counts().lost, fleet.state()),
        (0, RolloutState::Running)
    );
    fleet.pass(1);
    assert_eq!(
        (fleet.counts().lost, fleet.state()),
        (3, RolloutState::Halted)
    );
    // One of them comes back with the new app: the truth is kept, and the rest is for a person.
    fleet.news(asked[0], News::Proven);
    assert_eq!((fleet.counts().lost, fleet.counts().confirmed), (2, 1));
    assert_eq!(fleet.state(), RolloutState::Halted);
}

/// hawkBit opens the next group once every action of this one is terminal, although its success threshold was missed.
#[test]
fn hawkbit_all_terminal_is_not_all_well() {
    let mut fleet = Fleet::of(
        40,
        RolloutPlan {
            trips: Vec::new(),
            ..half_then_all(0)
        },
    );
    fleet.start();
    let asked = first_stage(&mut fleet);
    assert_eq!(asked.len(), 20);
    for (number, device) in asked.iter().enumerate() {
        fleet.news(
            *device,
            if number < 10 {
                News::Proven
            } else {
                News::Ended {
                    how: Ending::Rejected,
                    other_runs: false,
                }
            },
        );
    }
    fleet.pass(30 * 24 * HOUR);
    assert_eq!(fleet.open_step(), Some(0));
    let waiting = fleet.rollouts[0].machine.waiting(fleet.now);
    assert_eq!(
        waiting,
        Some(Waiting::Success {
            confirmed: 10,
            evaluated: 20,
            wanted_bp: 9500
        })
    );
    // A person may know better.
    assert!(matches!(
        fleet.apply(Event::Advance { force: false }),
        Err(Refusal::GateNotPassed { .. })
    ));
    fleet.apply(Event::Advance { force: true }).unwrap();
    assert_eq!(fleet.open_step(), Some(1));
}

/// hawkBit leaves out devices that were registered after the rollout was made (#1529).
#[test]
fn hawkbit_new_devices_fall_into_open_stages() {
    let mut fleet = Fleet::of(1000, half_then_all(HOUR.unsigned_abs()));
    fleet.start();
    let before = fleet.admitted(0);
    for number in 0..1000 {
        fleet
            .devices
            .push(crate::fleet::Device::new(&format!("new-{number}")));
    }
    let after = fleet.admitted(0);
    assert!(before.iter().all(|device| after.contains(device)));
    let new = after.len() - before.len();
    assert!(
        (400..600).contains(&new),
        "about half of the new ones, not {new}"
    );
}

/// AWS's minimum is of completed executions, its QUEUED never expires: an offer that nothing came of is taken back, is no failure, and
/// holds no place.
#[test]
fn aws_an_offer_that_nothing_came_of_is_taken_back() {
    let mut fleet = Fleet::of(
        2,
        RolloutPlan {
            stages: vec![Stage::ALL],
            caps: Caps {
                fleet: Some(1),
                ..Caps::default()
            },
            ..RolloutPlan::default()
        },
    );
    fleet.start();
    assert!(fleet.poll(0).is_some());
    assert!(fleet.poll(1).is_none(), "one at a time");
    fleet.pass(HOUR);
    assert_eq!(fleet.devices[0].place("r-1.1.0"), None);
    assert_eq!(fleet.counts().total(), 0);
    assert!(fleet.poll(1).is_some());
}

/// AWS's rate does not hold for devices that join later, its abort cancels only what has not begun.
#[test]
fn aws_latecomers_are_judged_and_capped_like_everybody() {
    let mut fleet = Fleet::of(
        30,
        RolloutPlan {
            stages: vec![Stage::ALL],
            trips: vec![TripRule::count(2, Vec::new())],
            caps: Caps {
                per_minute: Some(20),
                ..Caps::default()
            },
            ..RolloutPlan::default()
        },
    );
    fleet.start();
    assert_eq!(first_stage(&mut fleet).len(), 20, "the rate");
    for device in 0..30 {
        fleet.news(device, News::Proven);
    }
    fleet.pass(61);
    fleet.round(|_| Some(News::Proven));
    fleet.pass(120);
    assert_eq!(
        (fleet.state(), fleet.counts().confirmed),
        (RolloutState::Completed, 30)
    );
    for number in 0..30 {
        let mut late = crate::fleet::Device::new(&format!("late-{number}"));
        late.seen.last = Some(fleet.now);
        fleet.devices.push(late);
    }
    let late: Vec<usize> = (30..60)
        .filter(|device| fleet.poll(*device).is_some())
        .collect();
    assert_eq!(late.len(), 20, "the rate holds for latecomers");
    fleet.news(
        late[0],
        News::Ended {
            how: Ending::RolledBack,
            other_runs: true,
        },
    );
    fleet.news(
        late[1],
        News::Ended {
            how: Ending::RolledBack,
            other_runs: true,
        },
    );
    assert_eq!(
        fleet.state(),
        RolloutState::Halted,
        "a completed rollout still trips"
    );
}

/// AWS's retries start again when a device joins anew; Nerves Hub counted by deployment (#474). Here it is by device and release, over
/// every rollout of it.
#[test]
fn aws_failures_count_by_device_and_release() {
    let mut fleet = Fleet::of(
        1,
        RolloutPlan {
            stages: vec![Stage::ALL],
            trips: Vec::new(),
            retry: Retry {
                max_failures: 3,
                backoff_s: 100,
                backoff_max_s: 1000,
            },
            ..RolloutPlan::default()
        },
    );
    fleet.start();
    assert!(fleet.poll(0).is_some());
    let mut waits = Vec::new();
    for _ in 0..3 {
        let failed = News::Ended {
            how: Ending::Failed,
            other_runs: false,
        };
        fleet.tell(0, "r-1.1.0", failed, Some(ReasonCode::WriteFailed));
        let failed_at = fleet.now;
        while fleet.now < failed_at + 5000 && fleet.poll(0).is_none() {
            fleet.now += 50;
        }
        waits.push(fleet.now - failed_at);
    }
    assert_eq!(
        waits,
        [100, 200, 5000],
        "the wait doubles, and the third time was the last"
    );
    let snapshot = fleet.snapshot();
    let decision = explain(&snapshot, &fleet.devices[0].view(), &Moment::at(fleet.now));
    assert!(decision.offer.is_none());
    let said = decision.reasons.last().unwrap().to_string();
    assert!(said.contains("3 times and needs attention"), "{said}");
}

/// Mender's phases open by the clock, whatever happened before.
#[test]
fn mender_time_alone_opens_nothing() {
    let mut fleet = Fleet::of(40, half_then_all(60));
    fleet.start();
    // Nobody has reported anything; they are there, and asked.
    let asked = first_stage(&mut fleet);
    fleet
        .devices
        .iter_mut()
        .for_each(|device| device.seen.last = Some(START + 7 * 24 * HOUR));
    for device in asked {
        fleet.news(device, News::Rebooting);
    }
    fleet.pass(10);
    fleet.pass(600);
    assert_eq!(fleet.open_step(), Some(0));
    assert_eq!(
        fleet.rollouts[0].machine.waiting(fleet.now),
        Some(Waiting::Evaluated {
            evaluated: 0,
            wanted: 20
        })
    );
}

/// Nerves Hub's penalised devices kept their places, and a rollout of hundreds crept (#1617).
#[test]
fn nerveshub_a_penalised_device_frees_its_place() {
    let mut fleet = Fleet::of(
        3,
        RolloutPlan {
            stages: vec![Stage::ALL],
            trips: Vec::new(),
            caps: Caps {
                fleet: Some(1),
                ..Caps::default()
            },
            ..RolloutPlan::default()
        },
    );
    fleet.start();
    assert!(fleet.poll(0).is_some());
    fleet.news(
        0,
        News::Ended {
            how: Ending::RolledBack,
            other_runs: true,
        },
    );
    assert!(fleet.poll(0).is_none(), "it is not tried again");
    assert!(fleet.poll(1).is_some(), "and its place is free");
}
