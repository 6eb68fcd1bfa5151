//! Where a rollout comes to an edge: small fleets, stages nobody is left in, people who approve, cancel and take back.

use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::{
    Advance, Gate, RolloutPlan, RolloutState, Size, Stage, Target, Waiting,
};
use updraft_rollout::deployment::{Ending, News};
use updraft_rollout::{Event, Moment, Notice, Refusal};

use crate::fleet::{Fleet, HOUR, START};
use crate::traps::{first_stage, half_then_all};

/// A stage's devices that all went away before they said anything do not hold it for ever, and do not let the rest follow on no
/// evidence: the next ones come into it.
#[test]
fn a_stage_whose_devices_went_away_takes_others() {
    let ten_percent = Stage {
        size: Size::ShareBp(1000),
        soak_s: 60,
        ..Stage::ALL
    };
    let mut fleet = Fleet::of(
        20,
        RolloutPlan {
            stages: vec![ten_percent, Stage::ALL],
            gate: Gate {
                min_evaluated: 1,
                ..Gate::default()
            },
            ..RolloutPlan::default()
        },
    );
    fleet.start();
    let first = fleet.admitted(0);
    assert_eq!(first.len(), 2);
    for day in 0..3 {
        fleet.pass(24 * HOUR);
        for device in (0..20).filter(|device| !first.contains(device)) {
            fleet.devices[device].seen.last = Some(START + (day + 1) * 24 * HOUR);
        }
    }
    fleet.pass(120);
    assert_eq!(fleet.open_step(), Some(0));
    assert_eq!(
        fleet.noticed(|notice| matches!(notice, Notice::StepWidened { .. })),
        1
    );
    assert_eq!(
        fleet.admitted(0).len(),
        first.len() + 1,
        "a tenth of the 18 that are there is one"
    );
}

/// A stage takes at least one device, and a small fleet's first stage no more than that.
#[test]
fn ten_percent_of_five_devices_are_one() {
    let mut fleet = Fleet::of(5, RolloutPlan::default());
    fleet.start();
    assert_eq!(fleet.admitted(0).len(), 1);
}

#[test]
fn exclusions_win_over_inclusions_and_inclusions_over_stages() {
    let name = |number: usize| format!("device-{number}");
    let mut fleet = Fleet::of(
        50,
        RolloutPlan {
            target: Target {
                include: (0..10).map(name).collect(),
                exclude: vec![name(0)],
                ..Target::default()
            },
            ..RolloutPlan::default()
        },
    );
    fleet.start();
    let admitted = fleet.admitted(0);
    assert!((1..10).all(|device| admitted.contains(&device)));
    assert!(!admitted.contains(&0));
    assert_eq!(admitted.len(), 9 + 4, "a tenth of the other forty");
}

#[test]
fn an_approval_is_of_a_second_person() {
    let mut fleet = Fleet::of(
        2,
        RolloutPlan {
            advance: Advance::Approval,
            ..half_then_all(0)
        },
    );
    fleet.start();
    assert!(first_stage(&mut fleet).into_iter().all(|device| {
        fleet.news(device, News::Proven);
        true
    }));
    fleet.pass(120);
    assert_eq!(
        fleet.noticed(|notice| matches!(notice, Notice::AwaitsApproval { step: 0 })),
        1
    );
    assert_eq!(
        fleet.rollouts[0].machine.waiting(fleet.now),
        Some(Waiting::Approval)
    );
    let by = |name: &str| Event::Approve {
        by: name.to_owned(),
    };
    assert_eq!(
        fleet.apply(by("alice")),
        Err(Refusal::SamePerson {
            by: "alice".to_owned()
        })
    );
    assert_eq!(
        fleet.apply(Event::Advance { force: true }),
        Err(Refusal::ApprovalWanted)
    );
    fleet.apply(by("bob")).unwrap();
    assert_eq!(fleet.open_step(), Some(1));
}

#[test]
fn a_manual_rollout_waits_for_a_person() {
    let mut fleet = Fleet::of(
        2,
        RolloutPlan {
            advance: Advance::Manual,
            ..half_then_all(0)
        },
    );
    fleet.start();
    for device in first_stage(&mut fleet) {
        fleet.news(device, News::Proven);
    }
    fleet.pass(24 * HOUR);
    assert_eq!(
        (
            fleet.open_step(),
            fleet.noticed(|notice| matches!(notice, Notice::AwaitsAdvance { step: 0 }))
        ),
        (Some(0), 1)
    );
    fleet.apply(Event::Advance { force: false }).unwrap();
    assert_eq!(fleet.open_step(), Some(1));
}

/// A rollback takes down those that the halted rollout confirmed, and only as long as they run what it brought.
#[test]
fn a_rollback_is_for_those_who_were_confirmed() {
    let mut fleet = Fleet::of(
        4,
        RolloutPlan {
            stages: vec![Stage::ALL],
            ..RolloutPlan::default()
        },
    );
    fleet.start();
    assert!(fleet.update(0) && fleet.update(1));
    fleet
        .apply(Event::Halt {
            by: "bob".to_owned(),
            reason: "it hums".to_owned(),
            action: None,
        })
        .unwrap();
    let back = fleet.add(
        "1.0.0",
        RolloutPlan {
            stages: vec![Stage::ALL],
            allow_downgrade: true,
            target: Target {
                confirmed_in: Some("r-1.1.0".to_owned()),
                ..Target::default()
            },
            ..RolloutPlan::default()
        },
    );
    fleet
        .apply_to(
            back,
            Event::Start {
                by: "bob".to_owned(),
            },
        )
        .unwrap();
    fleet.devices[1].version = "1.2.0".to_owned();
    let got: Vec<Option<String>> = (0..4).map(|device| fleet.poll(device)).collect();
    assert_eq!(got, [Some("r-1.0.0".to_owned()), None, None, None]);
    fleet.tell(0, "r-1.0.0", News::Proven, None);
    assert_eq!(fleet.devices[0].version, "1.0.0");
    assert_eq!(
        fleet.poll(0),
        None,
        "once down, it stays there while the release is halted"
    );
    assert_eq!(
        fleet.devices[0].place("r-1.0.0"),
        Some(DeploymentState::Confirmed)
    );
}

/// Cancelling a rollout must not give its release to everybody, although that is a stable one.
#[test]
fn a_cancelled_rollout_does_not_open_the_release() {
    let mut fleet = Fleet::of(20, half_then_all(0));
    fleet.start();
    assert!(fleet.poll(fleet.admitted(0)[0]).is_some());
    fleet.apply(Event::Cancel).unwrap();
    assert_eq!(fleet.counts().cancelled, 1);
    let snapshot = fleet.snapshot();
    for device in &fleet.devices {
        assert!(
            updraft_rollout::decide(&snapshot, &device.view(), &Moment::at(fleet.now))
                .offer
                .is_none()
        );
    }
}

/// Between a failure and the next try nobody is nowhere, also when the two are told one after the other.
#[test]
fn a_retry_told_in_two_halves_completes_nothing_in_between() {
    let mut fleet = Fleet::of(
        1,
        RolloutPlan {
            stages: vec![Stage::ALL],
            trips: Vec::new(),
            ..RolloutPlan::default()
        },
    );
    fleet.start();
    assert!(fleet.poll(0).is_some());
    fleet.news(
        0,
        News::Ended {
            how: Ending::Failed,
            other_runs: false,
        },
    );
    let moved = |from, to| Event::Moved { step: 0, from, to };
    fleet
        .apply(moved(Some(DeploymentState::Failed), None))
        .unwrap();
    assert_eq!(fleet.state(), RolloutState::Running);
    fleet
        .apply(moved(None, Some(DeploymentState::Offered)))
        .unwrap();
    assert_eq!(
        (fleet.state(), fleet.counts().offered),
        (RolloutState::Running, 1)
    );
}
