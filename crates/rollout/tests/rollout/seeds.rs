//! Seed 004's stages 2 and 10 and its deployment strategy, and seed 003's device that was offline.

use updraft_protocol::api::rollout::{Area, RolloutPlan, RolloutState, TripAction, TripRule, Wave};
use updraft_rollout::deployment::{Ending, News};
use updraft_rollout::{
    DeviceView, Effect, Event, Moment, Notice, Reason, Refusal, Skip, Why, decide, explain,
};

use crate::fleet::{Device, Fleet, HOUR, START};

const DAY: i64 = 24 * HOUR;

/// Seed 004, stage 2, "staged rollout": 10 % of beacons, wait 24 hours, 50 % of the remaining, wait 12 hours, 100 %.
#[test]
fn seed_004_staged_rollout_10_then_50_of_the_remaining_then_all() {
    let mut fleet = Fleet::of(200, RolloutPlan::default());
    fleet.start();
    fleet.round(|_| Some(News::Proven));
    assert_eq!(fleet.counts().confirmed, 20);
    // Not a second before the wait is over, however well it goes.
    fleet.pass(DAY - 1);
    fleet.round(|_| Some(News::Proven));
    assert_eq!((fleet.counts().confirmed, fleet.open_step()), (20, Some(0)));
    fleet.pass(1);
    fleet.round(|_| Some(News::Proven));
    assert_eq!(
        fleet.counts().confirmed,
        20 + 90,
        "half of the remaining 180"
    );
    fleet.pass(12 * HOUR - 1);
    assert_eq!(fleet.open_step(), Some(1));
    fleet.pass(1);
    fleet.round(|_| Some(News::Proven));
    assert_eq!(fleet.counts().confirmed, 200);
    fleet.pass(60);
    assert_eq!(fleet.state(), RolloutState::Completed);
}

/// Seed 004, stage 10: "can halt deployment if failure rates exceed thresholds". It halts itself, and nobody is offered it then.
#[test]
fn seed_004_stage_10_failures_halt_the_deployment() {
    let mut fleet = Fleet::of(1000, RolloutPlan::default());
    fleet.start();
    for device in 0..1000 {
        if fleet.poll(device).is_some() {
            fleet.news(device, News::Rebooting);
            fleet.news(device, News::OtherRuns);
        }
    }
    assert_eq!(fleet.state(), RolloutState::Halted);
    // The default rule wants 20 evaluated devices: that is how many it reached, of a thousand.
    assert_eq!(fleet.counts().rolled_back, 20);
    assert_eq!(fleet.counts().total(), 20);
    assert!((0..1000).all(|device| fleet.poll(device).is_none()));
    let trip = fleet.rollouts[0].machine.progress().trip.clone().unwrap();
    assert_eq!(
        (trip.failures, trip.evaluated, trip.action),
        (20, 20, TripAction::Pause)
    );
    assert!(
        trip.reason.contains("20 failures of any kind among 20"),
        "{}",
        trip.reason
    );
}

/// Resuming what tripped wants a person's note, and starts counting anew.
#[test]
fn resuming_a_tripped_rollout_needs_a_note_and_counts_from_there() {
    let plan = RolloutPlan {
        trips: vec![TripRule::count(2, Vec::new())],
        ..RolloutPlan::default()
    };
    let mut fleet = Fleet::of(100, plan);
    fleet.start();
    let mut failed = 0;
    fleet.round(|_| Some(News::Rebooting));
    for device in 0..100 {
        if fleet.devices[device].place("r-1.1.0").is_some() && failed < 2 {
            fleet.news(device, News::OtherRuns);
            failed += 1;
        }
    }
    assert_eq!(fleet.state(), RolloutState::Halted);
    let resume = |note: &str| Event::Resume {
        note: note.to_owned(),
    };
    assert_eq!(fleet.apply(resume(" \n")), Err(Refusal::NoteWanted));
    fleet.apply(resume("two bad power supplies")).unwrap();
    assert_eq!(fleet.state(), RolloutState::Running);
    let rebooting: Vec<usize> = (0..100)
        .filter(|device| {
            fleet.devices[*device]
                .place("r-1.1.0")
                .is_some_and(updraft_protocol::api::DeploymentState::is_open)
        })
        .collect();
    fleet.news(rebooting[0], News::OtherRuns);
    assert_eq!(fleet.state(), RolloutState::Running, "one since the resume");
    fleet.news(rebooting[1], News::OtherRuns);
    assert_eq!(fleet.state(), RolloutState::Halted, "two since the resume");
}

/// The new app was started, and the old one is back.
const ROLLED_BACK: News = News::Ended {
    how: Ending::RolledBack,
    other_runs: true,
};

/// What was looked at and accepted must not hide what comes after: the failed devices try again, and fail again.
#[test]
fn devices_that_fail_again_after_a_resume_count_again() {
    let plan = RolloutPlan {
        stages: vec![updraft_protocol::api::rollout::Stage::ALL],
        trips: vec![TripRule::count(5, Vec::new())],
        ..RolloutPlan::default()
    };
    let mut fleet = Fleet::of(20, plan);
    fleet.start();
    fleet.round(|device| {
        Some(if device < 5 {
            ROLLED_BACK
        } else {
            News::Downloading
        })
    });
    // They are called back once the rollout goes on, which is the only order there is.
    assert_eq!(fleet.state(), RolloutState::Halted);
    assert!(fleet.apply(Event::Retry).is_err());
    let note = "a bad reel of flash chips, replaced".to_owned();
    fleet.apply(Event::Resume { note }).unwrap();
    fleet.apply(Event::Retry).unwrap();
    for device in 0..5 {
        assert_eq!(fleet.state(), RolloutState::Running, "device {device}");
        assert!(fleet.poll(device).is_some(), "device {device}");
        fleet.news(device, ROLLED_BACK);
    }
    assert_eq!(fleet.state(), RolloutState::Halted);
    let trip = fleet.rollouts[0].machine.progress().trip.clone().unwrap();
    assert_eq!((trip.failures, trip.evaluated), (5, 5));
}

/// Seed 004, stage 2: the canary stage is watched for a day, and what fails in it keeps the next stage shut.
#[test]
fn seed_004_stage_2_a_canary_that_fails_during_its_24_hours_keeps_the_next_stage_shut() {
    let mut fleet = Fleet::of(100, RolloutPlan::default());
    fleet.start();
    fleet.round(|_| Some(News::Rebooting));
    let canaries: Vec<usize> = (0..100)
        .filter(|device| fleet.devices[*device].place("r-1.1.0").is_some())
        .collect();
    assert_eq!(canaries.len(), 10);
    for device in &canaries[..9] {
        fleet.news(*device, News::Proven);
    }
    fleet.pass(HOUR);
    assert_eq!(fleet.state(), RolloutState::Running);
    // One of ten comes back with the old app while the others are fine.
    fleet.news(canaries[9], News::OtherRuns);
    fleet.pass(48 * HOUR);
    assert_eq!(fleet.open_step(), Some(0), "{:?}", fleet.state());
    assert_eq!(fleet.admitted(0).len(), 10);
}

/// Seed 004, deployment strategy: a building that goes badly is as far as it goes.
#[test]
fn seed_004_geographic_rollout_limits_the_blast_radius_to_the_first_building() {
    let wave = |name: &str, region: &[&str]| Wave {
        name: name.to_owned(),
        area: Area {
            regions: region.iter().map(|&region| region.to_owned()).collect(),
            ..Area::default()
        },
        not_before_s: 0,
        stages: None,
    };
    let plan = RolloutPlan {
        waves: vec![wave("north", &["north"]), wave("the rest", &[])],
        ..RolloutPlan::default()
    };
    let devices = (0..400).map(|number| {
        let mut device = Device::new(&format!("d{number}"));
        device.attributes.region = Some(["north", "south"][number % 2].to_owned());
        device
    });
    let mut fleet = Fleet::new(devices.collect(), plan);
    fleet.start();
    for _ in 0..24 * 30 {
        fleet.round(|_| Some(ROLLED_BACK));
        fleet.pass(HOUR);
    }
    assert_eq!(fleet.state(), RolloutState::Halted);
    let touched = |region: &str| {
        let of_region = fleet
            .devices
            .iter()
            .filter(|device| device.attributes.region.as_deref() == Some(region));
        of_region
            .filter(|device| !device.deployments.is_empty())
            .count()
    };
    assert_eq!((touched("north"), touched("south")), (20, 0));
}

/// Seed 004, deployment strategy, "geographic rollout": Building A in week 1, B in week 2, the remaining ones in week 3.
#[test]
fn seed_004_geographic_rollout_building_by_building() {
    let site = |name: &str| Area {
        sites: vec![name.to_owned()],
        ..Area::default()
    };
    let wave = |name: &str, area, week: u64| Wave {
        name: name.to_owned(),
        area,
        not_before_s: week * 7 * DAY.unsigned_abs(),
        stages: None,
    };
    let plan = RolloutPlan {
        waves: vec![
            wave("Building A", site("a"), 0),
            wave("Building B", site("b"), 1),
            wave("the rest", Area::default(), 2),
        ],
        ..RolloutPlan::default()
    };
    let devices =
        (0..90).map(|number| Device::new(&format!("d{number}")).at(["a", "b", "c"][number % 3]));
    let mut fleet = Fleet::new(devices.collect(), plan);
    fleet.start();
    let confirmed_at = |fleet: &Fleet, site: &str| {
        let of_site = fleet.devices.iter().filter(|device| {
            device.attributes.site.as_deref() == Some(site) && device.version == "1.1.0"
        });
        of_site.count()
    };
    for day in 0..21 {
        for _ in 0..24 {
            fleet.round(|_| Some(News::Proven));
            fleet.pass(HOUR);
        }
        let done = ["a", "b", "c"].map(|site| confirmed_at(&fleet, site));
        match day {
            0 => assert_eq!(done, [3, 0, 0], "a tenth of Building A"),
            1 => assert_eq!(done[1..], [0, 0]),
            2..=6 => assert_eq!(done, [30, 0, 0], "day {day}"),
            7 => assert_eq!(done, [30, 3, 0]),
            9..=13 => assert_eq!(done, [30, 30, 0], "day {day}"),
            14 => assert_eq!(done, [30, 30, 3]),
            _ => {}
        }
    }
    assert_eq!(fleet.counts().confirmed, 90);
    assert_eq!(fleet.state(), RolloutState::Completed);
}

/// Seed 003, section 9: a device that was offline when its update was triggered gets it when it returns.
#[test]
fn seed_003_device_offline_is_triggered_when_it_returns() {
    let mut fleet = Fleet::of(
        10,
        RolloutPlan {
            stages: vec![updraft_protocol::api::rollout::Stage::ALL],
            ..RolloutPlan::default()
        },
    );
    fleet.devices[7].seen.last = Some(START - 40 * DAY);
    fleet.start();
    for device in (0..10).filter(|device| *device != 7) {
        assert!(fleet.update(device));
    }
    fleet.pass(120);
    assert_eq!(
        fleet.state(),
        RolloutState::Completed,
        "it is not held by who is away"
    );
    assert_eq!(fleet.rollouts[0].machine.progress().unreachable, 1);
    fleet.pass(3 * DAY);
    assert!(
        fleet.update(7),
        "a completed rollout still serves latecomers"
    );
    assert_eq!(fleet.state(), RolloutState::Completed);
    assert_eq!(fleet.counts().confirmed, 10);
}

/// The reason names the exact rule: the device's bucket, the stage and its bound.
#[test]
fn why_names_the_bucket_and_the_bound() {
    let mut fleet = Fleet::of(100, RolloutPlan::default());
    fleet.start();
    let bound = fleet.rollouts[0].machine.progress().bound.unwrap().bucket;
    let snapshot = fleet.snapshot();
    let mut texts = fleet.devices.iter().filter_map(|device| {
        let decision = explain(&snapshot, &device.view(), &Moment::at(fleet.now));
        decision.reasons.iter().find_map(|reason| match reason {
            Reason::Skipped {
                why:
                    Skip::Rollout {
                        why: Why::BeyondStage { bucket, .. },
                        ..
                    },
                ..
            } => {
                assert!(*bucket >= bound);
                Some((*bucket, reason.to_string()))
            }
            _ => None,
        })
    });
    let (bucket, text) = texts.next().unwrap();
    assert_eq!(
        text,
        format!(
            "1.1.0 is newer, but rollout r-1.1.0: its bucket {bucket} is beyond stage 1's bound {bound}; it changes when a later stage opens"
        )
    );
    assert_eq!(texts.count(), 89);
}

/// A device without a name gets only what has reached everybody.
#[test]
fn an_unnamed_device_waits_for_the_rollouts_end() {
    let mut fleet = Fleet::of(
        10,
        RolloutPlan {
            stages: vec![updraft_protocol::api::rollout::Stage::ALL],
            ..RolloutPlan::default()
        },
    );
    let offered = |fleet: &Fleet| {
        let unnamed = DeviceView {
            version: Some("1.0.0"),
            ..DeviceView::unnamed(crate::fleet::TYPE)
        };
        decide(&fleet.snapshot(), &unnamed, &Moment::at(fleet.now))
            .offer
            .is_some()
    };
    fleet.start();
    assert!(!offered(&fleet));
    (0..10).for_each(|device| assert!(fleet.update(device)));
    fleet.pass(60);
    assert_eq!(fleet.state(), RolloutState::Completed);
    assert!(offered(&fleet));
}

/// The ladder of actions, and how far each reaches.
#[test]
fn each_action_takes_back_what_its_rung_says() {
    use updraft_protocol::api::DeploymentState::{Cancelled, Downloading, Offered, Rebooting};
    let reach = [
        (TripAction::Pause, [Offered, Downloading, Rebooting], false),
        (
            TripAction::Cancel,
            [Cancelled, Downloading, Rebooting],
            false,
        ),
        (TripAction::Revoke, [Cancelled, Cancelled, Rebooting], false),
        (
            TripAction::Rollback,
            [Cancelled, Cancelled, Rebooting],
            true,
        ),
    ];
    for (action, left, rolls_back) in reach {
        let plan = RolloutPlan {
            stages: vec![updraft_protocol::api::rollout::Stage::ALL],
            trips: vec![TripRule {
                action: Some(action),
                ..TripRule::count(1, Vec::new())
            }],
            ..RolloutPlan::default()
        };
        let mut fleet = Fleet::of(4, plan);
        fleet.start();
        (0..4).for_each(|device| assert!(fleet.poll(device).is_some()));
        fleet.news(1, News::Downloading);
        fleet.news(2, News::Rebooting);
        fleet.news(3, News::Rebooting);
        fleet.news(3, News::OtherRuns);
        assert_eq!(fleet.state(), RolloutState::Halted);
        let places = [0, 1, 2].map(|device| fleet.devices[device].place("r-1.1.0").unwrap());
        assert_eq!(places, left, "{action:?}");
        let standing = fleet.rollouts[0].machine.standing();
        assert_eq!(standing.contains(&Effect::RollBack), rolls_back);
        assert!((0..4).all(|device| fleet.poll(device).is_none()));
        assert_eq!(
            fleet.noticed(|notice| matches!(notice, Notice::Halted(_))),
            1
        );
    }
}
