//! Effects that may not be done twice are asked for once, whoever takes over when.

use updraft_protocol::api::rollout::{RolloutPlan, RolloutState, Stage, TripAction};
use updraft_rollout::deployment::News;
use updraft_rollout::{Effect, Event};

use crate::fleet::Fleet;

fn at_once() -> RolloutPlan {
    RolloutPlan {
        stages: vec![Stage::ALL],
        ..RolloutPlan::default()
    }
}

fn halt(action: TripAction) -> Event {
    Event::Halt {
        by: "bob".to_owned(),
        reason: "it hums".to_owned(),
        action: Some(action),
    }
}

fn taken_back(by: &str) -> Event {
    Event::TakenBack { by: by.to_owned() }
}

#[test]
fn a_channel_is_pointed_at_the_release_in_the_step_that_completes_and_never_after() {
    let promote = Some("stable".to_owned());
    let mut fleet = Fleet::of(
        1,
        RolloutPlan {
            promote,
            ..at_once()
        },
    );
    fleet.start();
    assert!(fleet.poll(0).is_some());
    fleet.news(0, News::Rebooting);
    // Paused, it notes the proof, and completes when it is told to go on.
    fleet.apply(Event::Pause).unwrap();
    fleet.news(0, News::Proven);
    let note = String::new();
    let effects = fleet.apply(Event::Resume { note }).unwrap();
    assert_eq!(fleet.state(), RolloutState::Completed);
    let promotions = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Promote { channel } if channel == "stable"));
    assert_eq!(promotions.count(), 1);
    for _ in 0..3 {
        fleet.now += 60;
        assert_eq!(fleet.apply(Event::Tick).unwrap(), []);
    }
    assert_eq!(fleet.rollouts[0].machine.standing(), []);
}

#[test]
fn what_a_rollout_confirmed_is_taken_back_once_a_trip_and_not_after_it_goes_on() {
    let mut fleet = Fleet::of(1, at_once());
    fleet.start();
    let wants = |fleet: &Fleet| {
        let machine = &fleet.rollouts[0].machine;
        let wants = machine.wants_back();
        assert_eq!(wants, machine.standing().contains(&Effect::RollBack));
        wants
    };
    assert!(!wants(&fleet));
    assert!(fleet.apply(taken_back("early")).is_err());
    for (round, back) in ["first", "second"].into_iter().enumerate() {
        fleet.apply(halt(TripAction::Revoke)).unwrap();
        assert!(!wants(&fleet), "only when it is told to");
        let effects = fleet.apply(halt(TripAction::Rollback)).unwrap();
        assert!(effects.contains(&Effect::RollBack) && wants(&fleet));
        fleet.apply(taken_back(back)).unwrap();
        assert!(!wants(&fleet));
        assert!(fleet.apply(taken_back("another")).is_err());
        let note = "it may hum".to_owned();
        let effects = fleet.apply(Event::Resume { note }).unwrap();
        let rollout = back.to_owned();
        assert!(effects.contains(&Effect::CallBackOff { rollout }));
        assert_eq!(
            fleet.rollouts[0].machine.progress().resumes as usize,
            round + 1
        );
    }
    // One that nobody began has none to be called off.
    fleet.apply(halt(TripAction::Rollback)).unwrap();
    let note = "it may hum".to_owned();
    let effects = fleet.apply(Event::Resume { note }).unwrap();
    let is_called_off = |effect: &Effect| matches!(effect, Effect::CallBackOff { .. });
    assert!(!effects.iter().any(is_called_off));
}
