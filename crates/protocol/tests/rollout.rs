//! A rollout's plan on the wire.

use updraft_protocol::api::rollout::{
    Advance, Counts, Day, FailureKind, Of, RolloutPlan, Size, Stage, Target, TimeOfDay, TripAction,
};
use updraft_protocol::api::{Deployment, DeploymentState};

fn plan(json: &str) -> Result<RolloutPlan, serde_json::Error> {
    serde_json::from_str(json)
}

/// Seed 004, stage 2: 10 %, wait 24 hours, 50 % of the remaining, wait 12 hours, 100 %.
#[test]
fn seed_004_staged_rollout_is_the_default_plan() {
    let plan = plan("{}").unwrap();
    let stage = |bp, of, hours: u64| Stage {
        size: Size::ShareBp(bp),
        of,
        soak_s: hours * 3600,
    };
    assert_eq!(
        plan.stages,
        [
            stage(1000, Of::Total, 24),
            stage(5000, Of::Remaining, 12),
            stage(10_000, Of::Total, 0)
        ]
    );
    assert_eq!(plan, RolloutPlan::default());
    assert_eq!(plan.target, Target::default());
    assert_eq!(
        (plan.advance, plan.action),
        (Advance::Auto, TripAction::Pause)
    );
    assert!(
        !plan.trips.is_empty(),
        "a plan that nobody thought about stops by itself"
    );
}

#[test]
fn every_field_is_read_and_written_back() {
    let text = r#"{
        "target": {"chips": ["esp32c3"], "versions": ">=1.0.0, <1.2.0", "regions": ["eu"], "sites": ["a"], "groups": ["g"],
            "tags": ["t"], "ids": ["one"], "seen_within_s": 3600, "include": ["two"], "exclude": ["three"], "confirmed_in": "r"},
        "waves": [{"name": "Building A", "area": {"sites": ["a"]}, "not_before_s": 604800, "stages": [{"size": {"share_bp": 10000}}]}],
        "stages": [{"size": {"count": 3}, "of": "remaining", "soak_s": 60}, {"size": {"share_bp": 10000}}],
        "trips": [{"kinds": ["lost"], "count": 3, "action": "revoke"}, {"share_bp": 250, "min_evaluated": 40}],
        "action": "rollback", "gate": {"success_bp": 9900, "min_evaluated": 5}, "advance": "approval",
        "retry": {"max_failures": 2, "backoff_s": 10, "backoff_max_s": 100},
        "timers": {"offer_s": 1, "in_progress_s": 2, "lost_min_s": 3},
        "caps": {"fleet": 100, "site": 2, "per_minute": 50},
        "window": {"start": "03:00", "end": "05:00", "days": ["sat", "sun"], "download_early": true},
        "required": true, "allow_downgrade": true, "start_at": 1767225600, "promote": "stable", "salt": "s", "rollback_to": "1.0.0"
    }"#;
    let read = plan(text).unwrap();
    let window = read.window.as_ref().unwrap();
    assert_eq!(window.start, "03:00".parse().unwrap());
    assert_eq!(window.days, [Day::Sat, Day::Sun]);
    assert_eq!(read.trips[0].kinds, [FailureKind::Lost]);
    let again = serde_json::to_string(&read).unwrap();
    assert_eq!(plan(&again).unwrap(), read);
    // Nothing that was written got lost on the way.
    let before: serde_json::Value = serde_json::from_str(text).unwrap();
    let after: serde_json::Value = serde_json::from_str(&again).unwrap();
    for (name, value) in before.as_object().unwrap() {
        if !["waves", "stages", "trips"].contains(&name.as_str()) {
            assert_eq!(after.get(name), Some(value), "{name}");
        }
    }
}

#[test]
fn a_misspelt_field_is_refused() {
    for text in [
        r#"{"stagse": []}"#,
        r#"{"target": {"site": ["a"]}}"#,
        r#"{"stages": [{"size": {"share_bp": 1}, "soak": 1}]}"#,
        r#"{"trips": [{"percent": 5}]}"#,
        r#"{"window": {"start": "03:00", "end": "05:00", "tz": "CET"}}"#,
        r#"{"timers": {"lost": 1}}"#,
    ] {
        assert!(plan(text).is_err(), "{text}");
    }
}

#[test]
fn a_time_of_day_is_hours_and_minutes() {
    for (text, minutes) in [("00:00", 0), ("03:05", 185), ("23:59", 1439)] {
        let time: TimeOfDay = text.parse().unwrap();
        assert_eq!((time.minutes(), time.to_string().as_str()), (minutes, text));
    }
    for text in [
        "", "3:00", "24:00", "12:60", "12:5", "12-05", "+1:00", "1２:00", "12:000",
    ] {
        let error = text.parse::<TimeOfDay>().unwrap_err().to_string();
        assert!(error.contains("HH:MM"), "{error}");
    }
}

/// Design, rule 11: evaluated are `confirmed` and the kinds of failure, nothing else.
#[test]
fn evaluated_are_those_that_came_to_an_end_of_their_own() {
    let mut counts = Counts::default();
    for (index, state) in DeploymentState::ALL.iter().enumerate() {
        *counts.get_mut(*state) = 1 << index;
        assert_eq!(counts.get(*state), 1 << index);
        assert!(!(state.is_open() && state.is_failure()));
    }
    let sum = |of: fn(&DeploymentState) -> bool| -> u32 {
        let states = DeploymentState::ALL.iter().filter(|state| of(state));
        states.map(|state| counts.get(*state)).sum()
    };
    assert_eq!(counts.open(), sum(|state| state.is_open()));
    assert_eq!(counts.failures(), sum(|state| state.is_failure()));
    assert_eq!(counts.evaluated(), counts.failures() + counts.confirmed);
    assert_eq!(counts.total(), sum(|_| true));
    let json = serde_json::to_value(counts).unwrap();
    for state in DeploymentState::ALL {
        assert_eq!(json[state.as_str()], counts.get(*state));
    }
}

/// Whoever wrote deployments before rollouts were there is still understood.
#[test]
fn a_deployment_without_a_rollout_reads_as_before() {
    let text = r#"{"release_id":"r","version":"1.0.0","state":"confirmed","failures":0,"started_at":1,"updated_at":2}"#;
    let deployment: Deployment = serde_json::from_str(text).unwrap();
    assert_eq!(
        (deployment.rollout_id.as_ref(), deployment.step),
        (None, None)
    );
    assert_eq!(serde_json::to_string(&deployment).unwrap(), text);
}
