//! Whom a rollout is for: every condition by its effect.

use serde_json::json;
use updraft_protocol::api::rollout::{RolloutPlan, Stage, Target};
use updraft_rollout::deployment::News;
use updraft_rollout::{Moment, decide};

use crate::fleet::{Device, Fleet, HOUR, START};

/// Two devices that differ in everything: `a` has it all, `b` has nothing but a name.
fn two() -> Vec<Device> {
    let mut a = Device::new("a");
    a.attributes.region = Some("eu".to_owned());
    a.attributes.site = Some("hall".to_owned());
    a.attributes.group = Some("pumps".to_owned());
    a.attributes.tags = ["battery", "roof"].map(str::to_owned).to_vec();
    let mut b = Device::new("b");
    "0.9.0".clone_into(&mut b.version);
    vec![a, b]
}

/// Who of the two is offered something by a rollout to everybody of this target.
fn offered(target: Target) -> (bool, bool) {
    let plan = RolloutPlan {
        target,
        stages: vec![Stage::ALL],
        ..RolloutPlan::default()
    };
    let mut fleet = Fleet::new(two(), plan);
    fleet.start();
    (fleet.poll(0).is_some(), fleet.poll(1).is_some())
}

#[test]
fn every_condition_of_a_target_lets_in_whom_it_names() {
    let (both, only_a, only_b, nobody) =
        ((true, true), (true, false), (false, true), (false, false));
    let cases = [
        (json!({}), both),
        (json!({ "regions": ["us", "eu"] }), only_a),
        (json!({ "regions": ["us"] }), nobody),
        (json!({ "sites": ["hall"] }), only_a),
        (json!({ "groups": ["pumps", "fans"] }), only_a),
        // All of several tags.
        (json!({ "tags": ["roof", "battery"] }), only_a),
        (json!({ "tags": ["roof", "heated"] }), nobody),
        (json!({ "ids": ["b", "c"] }), only_b),
        (json!({ "versions": ">=1.0.0, <1.1.0" }), only_a),
        (json!({ "versions": "<1.0.0" }), only_b),
        (json!({ "chips": ["esp32c3"] }), both),
        (json!({ "chips": ["esp32c6"] }), nobody),
        // All conditions hold, or it is included; exclusion wins over everything.
        (json!({ "regions": ["eu"], "groups": ["fans"] }), nobody),
        (json!({ "sites": ["hall"], "include": ["b"] }), both),
        (
            json!({ "ids": ["a"], "include": ["a"], "exclude": ["a"] }),
            nobody,
        ),
    ];
    for (target, expected) in cases {
        let read = serde_json::from_value(target.clone()).unwrap();
        assert_eq!(offered(read), expected, "{target}");
    }
}

#[test]
fn devices_not_seen_lately_are_not_counted_for_a_stage() {
    let half = RolloutPlan {
        target: Target {
            seen_within_s: Some(7200),
            ..Target::default()
        },
        ..serde_json::from_str(
            r#"{"stages": [{"size": {"share_bp": 5000}}, {"size": {"share_bp": 10000}}]}"#,
        )
        .unwrap()
    };
    let mut fleet = Fleet::of(40, half);
    for device in &mut fleet.devices[20..] {
        device.seen.last = Some(START - 3 * HOUR);
    }
    fleet.start();
    // Half of the twenty that are there. One of the others falls into the stage by its position when it comes.
    let there = fleet.admitted(0);
    let seen = there.iter().filter(|device| **device < 20).count();
    assert_eq!(seen, 10);
}

#[test]
fn nothing_is_offered_before_a_rollout_is_to_start() {
    let plan = RolloutPlan {
        stages: vec![Stage::ALL],
        start_at: Some(START + 6 * HOUR),
        ..RolloutPlan::default()
    };
    let mut fleet = Fleet::of(3, plan);
    fleet.start();
    fleet.round(|_| Some(News::Proven));
    assert_eq!(fleet.counts().total(), 0);
    fleet.pass(6 * HOUR - 1);
    fleet.round(|_| Some(News::Proven));
    assert_eq!(fleet.counts().total(), 0);
    fleet.pass(1);
    fleet.round(|_| Some(News::Proven));
    assert_eq!(fleet.counts().confirmed, 3);
}

#[test]
fn only_who_can_wait_downloads_before_the_window_opens() {
    let plan: RolloutPlan = serde_json::from_str(
        r#"{"stages": [{"size": {"share_bp": 10000}}],
            "window": {"start": "03:00", "end": "05:00", "download_early": true}}"#,
    )
    .unwrap();
    let mut fleet = Fleet::of(2, plan);
    fleet.devices[1].can_wait = false;
    fleet.start();
    let offered = |fleet: &Fleet, device: usize, at: i64| {
        let snapshot = fleet.snapshot();
        let view = fleet.devices[device].view();
        let verdict = decide(&snapshot, &view, &Moment::at(at));
        (verdict.offer.is_some(), verdict.changes_at)
    };
    assert_eq!(offered(&fleet, 0, START), (true, None));
    let opens = START + 3 * HOUR;
    assert_eq!(offered(&fleet, 1, START), (false, Some(opens)));
    assert_eq!(offered(&fleet, 1, opens), (true, None));
    // What it began in the window it may end after it.
    fleet.now = opens;
    assert!(fleet.poll(1).is_some());
    fleet.news(1, News::Downloading);
    assert_eq!(offered(&fleet, 1, START + 6 * HOUR), (true, None));
}
