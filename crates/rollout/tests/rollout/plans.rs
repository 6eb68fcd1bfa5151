//! Plans that cannot be followed are refused by name; windows and polls against slow models; every state with every event.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::{Counts, Day, RolloutPlan, RolloutState, TripAction, Window};
use updraft_rollout::{
    Event, NextPoll, Plan, Progress, RUSH_S, RolloutMachine, SHORTEST_POLL_S, Survey, next_poll,
};

use crate::fleet::START;

fn plan(json: &str) -> Result<Plan, updraft_rollout::PlanError> {
    Plan::new(serde_json::from_str(json).unwrap())
}

#[test]
fn what_cannot_be_followed_is_refused_by_name() {
    let all = r#"{"size": {"share_bp": 10000}}"#;
    let refused = [
        (r#"{"stages": []}"#.to_owned(), "no_stages"),
        (
            r#"{"stages": [{"size": {"share_bp": 5000}}]}"#.to_owned(),
            "last_stage_not_all",
        ),
        (
            format!(
                r#"{{"stages": [{all}, {{"size": {{"share_bp": 10000}}, "of": "remaining"}}]}}"#
            ),
            "stage_after_all",
        ),
        (
            format!(
                r#"{{"stages": [{{"size": {{"share_bp": 500}}}}, {{"size": {{"share_bp": 500}}}}, {all}]}}"#
            ),
            "share_does_not_rise",
        ),
        (
            format!(r#"{{"stages": [{{"size": {{"share_bp": 0}}}}, {all}]}}"#),
            "share_out_of_range",
        ),
        (
            format!(r#"{{"stages": [{{"size": {{"count": 0}}}}, {all}]}}"#),
            "zero",
        ),
        (
            r#"{"stages": [{"size": {"share_bp": 10000}, "soak_s": 31536001}]}"#.to_owned(),
            "wait_too_long",
        ),
        (
            r#"{"trips": [{"kinds": ["lost"]}]}"#.to_owned(),
            "trip_without_limit",
        ),
        (
            r#"{"trips": [{"share_bp": 10001}]}"#.to_owned(),
            "share_out_of_range",
        ),
        (
            r#"{"waves": [{"name": ""}]}"#.to_owned(),
            "wave_without_name",
        ),
        (
            r#"{"waves": [{"name": "a"}, {"name": "b"}]}"#.to_owned(),
            "wave_never_reached",
        ),
        (
            r#"{"target": {"versions": "new ones"}}"#.to_owned(),
            "versions_unreadable",
        ),
        (r#"{"target": {"tags": [""]}}"#.to_owned(), "empty_name"),
        (
            r#"{"rollback_to": "the last one"}"#.to_owned(),
            "rollback_to_unreadable",
        ),
        (
            r#"{"retry": {"backoff_s": 10, "backoff_max_s": 9}}"#.to_owned(),
            "backoff_out_of_order",
        ),
        (
            r#"{"window": {"start": "03:00", "end": "03:00"}}"#.to_owned(),
            "empty_window",
        ),
        (r#"{"caps": {"fleet": 0}}"#.to_owned(), "zero"),
    ];
    for (json, code) in refused {
        let error = plan(&json).unwrap_err();
        assert_eq!(error.code(), code, "{json}: {error}");
        assert!(error.to_string().len() > 20, "{error}");
    }
    let many = vec![serde_json::json!({"count": 1}); updraft_rollout::plan::MAX_TRIPS + 1];
    let error = plan(&serde_json::json!({ "trips": many }).to_string()).unwrap_err();
    assert_eq!(error.code(), "too_many_trips");
}

/// The example of docs/rollout-rules.md is a plan.
#[test]
fn the_documented_example_is_a_plan() {
    let page = include_str!("../../../../docs/rollout-rules.md");
    let json = page
        .split("```json")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let plan = plan(json).unwrap();
    assert_eq!(plan.steps().len(), 9);
    assert_eq!(plan.wave_name(1), "Building B");
}

proptest! {
    /// A window against a walk through the minutes.
    #[test]
    fn a_window_opens_when_the_devices_clock_says_so(
        start in 0..1440_u16, length in 1..1440_u16, days in prop::sample::subsequence(Day::WEEK.to_vec(), 1..7),
        offset in -720..=840_i16, minute in 0..20_160_i64,
    ) {
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60).parse().unwrap();
        let window = Window { start: time(start), end: time((start + length) % 1440), days: days.clone(), download_early: false };
        let plan = Plan::new(RolloutPlan { window: Some(window), ..RolloutPlan::default() }).unwrap();
        let now = START + minute * 60;
        let opening = plan.window().unwrap().opening(now, offset);
        // Open is a minute whose local day and time, or those of up to a day before, begin a window that lasts until then.
        let is_open = |at: i64| {
            let local = at + i64::from(offset) * 60;
            (0..i64::from(length)).any(|ago| {
                let began = local - ago * 60;
                let day = (began.div_euclid(86_400) + 3).rem_euclid(7).unsigned_abs() as usize;
                began.rem_euclid(86_400) / 60 == i64::from(start) && days.contains(&Day::WEEK[day])
            })
        };
        prop_assert_eq!(opening.is_open(now), is_open(now));
        prop_assert!(opening.until > now);
        prop_assert!(is_open(opening.from) && is_open(opening.until - 60));
        for at in (now..opening.from).step_by(60) {
            prop_assert!(!is_open(at));
        }
    }

    #[test]
    fn the_next_poll_is_never_far_off(interval in 1..100_000_u64, load_bp in 0..12_000_u32, now in 0..2_000_000_000_i64, ahead in prop::option::of(-10..200_000_i64)) {
        let ask = NextPoll { device_id: "one", interval: Duration::from_secs(interval), load_bp, changes_at: ahead.map(|ahead| now + ahead) };
        let wait = next_poll(&ask, now);
        let ordinary = interval.clamp(u64::from(SHORTEST_POLL_S), 86_400);
        prop_assert!(wait >= SHORTEST_POLL_S);
        prop_assert!(u64::from(wait) <= ordinary * 8 * 3 / 2 + 1);
        if let Some(ahead) = ahead.filter(|ahead| *ahead > 0) {
            prop_assert!(i64::from(wait) <= (ahead + i64::from(RUSH_S)).max(i64::from(SHORTEST_POLL_S)));
        }
    }
}

/// Ten thousand devices that were switched on at once ask evenly over the interval from then on, each at its own moment.
#[test]
fn devices_that_came_together_are_spread() {
    let ask = |id: &str, load_bp, changes_at, now| {
        let ask = NextPoll {
            device_id: id,
            interval: Duration::from_mins(5),
            load_bp,
            changes_at,
        };
        now + i64::from(next_poll(&ask, now))
    };
    let mut minutes = [0_u32; 5];
    for number in 0..10_000 {
        let id = format!("device-{number}");
        let first = ask(&id, 0, None, START);
        assert_eq!(
            (ask(&id, 0, None, first) - first) % 300,
            0,
            "it keeps its moment"
        );
        minutes[usize::try_from(first % 300 / 60).unwrap()] += 1;
    }
    assert!(
        minutes.iter().all(|count| (1800..2200).contains(count)),
        "{minutes:?}"
    );
    // A busy server is asked less often, a full one least.
    let mean = |load_bp| {
        let waits =
            (0..1000).map(|number| ask(&format!("device-{number}"), load_bp, None, START) - START);
        waits.sum::<i64>() / 1000
    };
    assert!(
        (270..330).contains(&mean(0)) && (270..330).contains(&mean(7000)),
        "{}",
        mean(0)
    );
    assert!(mean(8500) > 3 * mean(0) && mean(10_000) > 6 * mean(0));
}

fn by() -> String {
    "bob".to_owned()
}

fn events() -> Vec<Event> {
    vec![
        Event::Start { by: by() },
        Event::Pause,
        Event::Resume {
            note: String::new(),
        },
        Event::Resume {
            note: "seen".to_owned(),
        },
        Event::Halt {
            by: by(),
            reason: by(),
            action: Some(TripAction::Revoke),
        },
        Event::TakenBack { by: by() },
        Event::Cancel,
        Event::Approve { by: by() },
        Event::Advance { force: false },
        Event::Advance { force: true },
        Event::Retry,
        Event::Moved {
            step: 0,
            from: None,
            to: Some(DeploymentState::Offered),
        },
        Event::Moved {
            step: 0,
            from: Some(DeploymentState::Lost),
            to: None,
        },
        Event::Moved {
            step: 9,
            from: None,
            to: None,
        },
        Event::Reoffered {
            step: 0,
            from: DeploymentState::Failed,
            to_step: 0,
        },
        Event::Recounted(vec![Counts::default()]),
        Event::Recounted(vec![Counts::default(); 9]),
        Event::Surveyed(Survey::default()),
        Event::Surveyed(Survey {
            wave: 7,
            ..Survey::default()
        }),
        Event::Tick,
    ]
}

/// What each state allows.
fn may(state: RolloutState, event: &Event) -> bool {
    match event {
        Event::Start { .. } => state == RolloutState::Draft,
        Event::Pause => matches!(state, RolloutState::Running | RolloutState::Completed),
        Event::Resume { note } => {
            state == RolloutState::Paused || (state == RolloutState::Halted && !note.is_empty())
        }
        Event::Halt { .. } => !matches!(state, RolloutState::Draft | RolloutState::Cancelled),
        Event::Cancel => state != RolloutState::Cancelled,
        Event::Advance { force } => *force && state == RolloutState::Running,
        Event::Retry => matches!(
            state,
            RolloutState::Running | RolloutState::Paused | RolloutState::Completed
        ),
        Event::Moved { step, from, .. } => {
            state != RolloutState::Draft && *step == 0 && from.is_none()
        }
        // Halted here to be paused, not to be taken back.
        Event::TakenBack { .. }
        | Event::Approve { .. }
        | Event::Reoffered { .. }
        | Event::Surveyed(_) => false,
        Event::Recounted(counts) => state != RolloutState::Draft && counts.len() == 1,
        Event::Tick => true,
    }
}

/// Every (state, event) pair is defined: it is done, or refused with nothing changed.
#[test]
fn every_pair_of_state_and_event_is_defined() {
    let plan = Arc::new(Plan::default());
    for state in RolloutState::ALL {
        for event in events() {
            let progress = Progress {
                state: *state,
                started_at: (*state != RolloutState::Draft).then_some(START),
                started_by: Some("alice".to_owned()),
                open: (*state != RolloutState::Draft).then_some(0),
                ..Progress::default()
            };
            let mut machine = RolloutMachine::resume(Arc::clone(&plan), progress);
            if *state == RolloutState::Halted {
                // Halted properly: with a trip on record.
                machine = RolloutMachine::resume(
                    Arc::clone(&plan),
                    Progress {
                        state: RolloutState::Running,
                        ..machine.into_progress()
                    },
                );
                machine
                    .apply(
                        Event::Halt {
                            by: by(),
                            reason: by(),
                            action: None,
                        },
                        START,
                    )
                    .unwrap();
            }
            let before = machine.progress().clone();
            let expected = may(*state, &event);
            let said = machine.apply(event.clone(), START + 1);
            // A survey of wave 0 is taken when it was asked for, which a step that waits for its gate has not done.
            assert_eq!(said.is_ok(), expected, "{state} {event:?}: {said:?}");
            if let Err(refusal) = said {
                assert_eq!(machine.progress(), &before, "{state} {event:?}");
                assert!(!refusal.code().is_empty() && !refusal.to_string().is_empty());
            }
        }
    }
}
