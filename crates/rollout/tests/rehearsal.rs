//! Rehearsals: the real plan, machine and decisions in virtual time.

use std::collections::HashMap;
use std::sync::Arc;

use updraft_protocol::Digest;
use updraft_protocol::api::rollout::{
    Area, Caps, RehearsalTerms, RolloutPlan, RolloutState, Stage, TripRule, Wave, Window,
};
use updraft_protocol::api::{Attributes, Release, ReleaseStatus};
use updraft_rollout::rehearsal::{Faults, Kind, Rehearsal, Study, VirtualFleet};
use updraft_rollout::{Candidate, Plan, TypeSnapshot};

const START: i64 = 1_767_225_600;
const DAY: i64 = 24 * 3600;

fn release(version: &str) -> Candidate {
    let release = Release {
        id: format!("id-{version}"),
        device_type: "esp32c3".parse().unwrap(),
        version: version.to_owned(),
        status: ReleaseStatus::Stable,
        blocked: None,
        required: false,
        from_versions: None,
        stepping_stone: false,
        description: String::new(),
        chip: "esp32c3".to_owned(),
        project: String::new(),
        size: 1_000_000,
        sha256: Digest([0; 32]),
        elf_sha256: Digest([0; 32]),
        secure_version: 0,
        idf_version: String::new(),
        compile_time: String::new(),
        created_at: 0,
        created_by: String::new(),
        offered: true,
        download_url: String::new(),
    };
    Candidate::try_from(Arc::new(release)).unwrap()
}

fn rehearsal(plan: RolloutPlan, faults: Faults) -> Rehearsal {
    Rehearsal {
        plan: Arc::new(Plan::new(plan).unwrap()),
        device_type: TypeSnapshot::new(
            "esp32c3".to_owned(),
            1 << 20,
            vec![release("1.0.0"), release("1.1.0")],
            HashMap::new(),
        ),
        release_id: "id-1.1.0".to_owned(),
        faults,
        start: START,
        horizon_s: 60 * DAY.unsigned_abs(),
        max_events: u64::MAX,
        seed: 1,
    }
}

fn kind(site: &str) -> Kind {
    let attributes = Attributes {
        site: Some(site.to_owned()),
        ..Attributes::default()
    };
    Kind::new("1.0.0", 300, 100_000, attributes)
}

fn fleet(count: u32) -> VirtualFleet {
    VirtualFleet::synthetic(count, &[kind("a"), kind("b")])
}

/// Seed 004's plan lasts its two waits, and each stage's devices are what the plan says.
#[test]
fn seed_004s_plan_lasts_a_day_and_a_half_and_a_poll() {
    let outcome = rehearsal(RolloutPlan::default(), Faults::default()).run(&fleet(10_000));
    assert_eq!(
        (outcome.state, outcome.confirmed),
        (RolloutState::Completed, 10_000)
    );
    let devices: Vec<u32> = outcome.steps.iter().map(|step| step.devices).collect();
    assert_eq!(devices, [1000, 5500, 10_000]);
    let waits = DAY + DAY / 2;
    // After the last wait: a poll of up to 300 s, 10 s of download, 33 s to the proof, and the count that ends it.
    assert!(
        (waits + 43..waits + 480).contains(&outcome.duration_s),
        "{}",
        outcome.duration_s
    );
    assert_eq!(outcome.bytes, 10_000 * 1_000_000);
    assert!((outcome.background_per_s - 10_000.0 / 300.0).abs() < 0.01);
    // 4,500 devices ask within 300 s, and download for 10 s each: some 150 at a time.
    let at_once = outcome.peak_bytes_per_s / 100_000;
    assert!((150..300).contains(&at_once), "{at_once}");
    assert!(
        outcome.peak_requests_per_s > 4 * 15,
        "{}",
        outcome.peak_requests_per_s
    );
}

/// A release that bricks every device: the least number of evaluated devices decides how many it reaches.
#[test]
fn a_release_that_bricks_is_halted() {
    let plan = RolloutPlan {
        trips: vec![TripRule::count(3, Vec::new())],
        caps: Caps {
            fleet: Some(10),
            ..Caps::default()
        },
        ..RolloutPlan::default()
    };
    let faults = Faults {
        brick_bp: 10_000,
        ..Faults::default()
    };
    let outcome = rehearsal(plan, faults).run(&fleet(10_000));
    assert_eq!(outcome.state, RolloutState::Halted);
    assert!(
        (3..=12).contains(&outcome.reached),
        "with a cap of ten: {}",
        outcome.reached
    );
    assert_eq!(outcome.bricked, outcome.reached, "those under way went on");
    assert!(outcome.trip.unwrap().reason.contains("evaluated devices"));
}

/// "A 2 % brick rate would be caught after so many devices": always, with the default plan, and a good release never.
#[test]
fn the_odds_of_catching_two_percent() {
    let faulty = Faults {
        brick_bp: 200,
        ..Faults::default()
    };
    let bad = rehearsal(RolloutPlan::default(), faulty).odds(&fleet(20_000), 50);
    assert_eq!((bad.runs, bad.halted), (50, 50));
    // The rule wants 400 evaluated devices; the first stage has 2,000, most of which have begun by the time the first are lost.
    let worst = bad.reached_percentile(100).unwrap();
    assert!((400..=2000).contains(&worst), "{worst}");
    assert!(bad.reached_percentile(50) <= bad.reached_percentile(95));
    assert!(bad.bricked_percentile(100).unwrap() < 80);
    let good = rehearsal(RolloutPlan::default(), Faults::default()).odds(&fleet(500), 5);
    assert_eq!((good.halted, good.reached_percentile(50)), (0, None));
}

/// The same seed is the same outcome, another is another.
#[test]
fn a_rehearsal_can_be_repeated() {
    let faults = Faults {
        failure_bp: 500,
        rollback_bp: 20,
        brick_bp: 10,
    };
    let plan = RolloutPlan {
        trips: Vec::new(),
        ..RolloutPlan::default()
    };
    let one = rehearsal(plan, faults);
    let fleet = fleet(3000);
    assert_eq!(one.run(&fleet), one.run(&fleet));
    let other = Rehearsal {
        seed: 2,
        ..one.clone()
    };
    assert_ne!(one.run(&fleet).bricked, 0);
    assert_ne!(one.run(&fleet), other.run(&fleet));
}

/// Download failures are tried again with the plan's back-off, so that all devices get there.
#[test]
fn devices_that_fail_try_again() {
    let faults = Faults {
        failure_bp: 1500,
        ..Faults::default()
    };
    let plan = RolloutPlan {
        trips: Vec::new(),
        stages: vec![Stage::ALL],
        gate: updraft_protocol::api::rollout::Gate {
            success_bp: 0,
            min_evaluated: 1,
        },
        ..RolloutPlan::default()
    };
    let outcome = rehearsal(plan, faults).run(&fleet(1000));
    assert!(outcome.confirmed > 850, "{}", outcome.confirmed);
    assert!(
        outcome.bytes > 1_100 * 1_000_000,
        "downloads that failed count as well"
    );
}

/// Waves by site and a maintenance window hold in a rehearsal as they do in earnest.
#[test]
fn waves_and_windows_hold() {
    let area = Area {
        sites: vec!["a".to_owned()],
        ..Area::default()
    };
    let plan = RolloutPlan {
        waves: vec![
            Wave {
                name: "A".to_owned(),
                area,
                ..Wave::default()
            },
            Wave {
                name: "rest".to_owned(),
                not_before_s: 7 * DAY.unsigned_abs(),
                ..Wave::default()
            },
        ],
        stages: vec![Stage::ALL],
        window: Some(Window {
            start: "03:00".parse().unwrap(),
            end: "05:00".parse().unwrap(),
            days: Vec::new(),
            download_early: false,
        }),
        ..RolloutPlan::default()
    };
    let outcome = rehearsal(plan, Faults::default()).run(&fleet(2000));
    assert_eq!(
        (outcome.state, outcome.confirmed),
        (RolloutState::Completed, 2000)
    );
    let opened: Vec<i64> = outcome
        .steps
        .iter()
        .map(|step| step.opened_at.unwrap() - START)
        .collect();
    assert_eq!(opened, [0, 7 * DAY]);
    let last_night = 7 * DAY + 3 * 3600;
    assert!(
        (last_night..last_night + 7200).contains(&outcome.duration_s),
        "{}",
        outcome.duration_s
    );
}

fn study(terms: RehearsalTerms) -> Study {
    let Rehearsal {
        plan,
        device_type,
        release_id,
        ..
    } = rehearsal(RolloutPlan::default(), Faults::default());
    Study {
        plan,
        device_type,
        release_id,
        start: START,
        terms,
        max_events: u64::MAX,
    }
}

/// One report says how the plan goes and how soon a release that bricks 2 % of its devices is caught.
#[test]
fn a_study_tells_duration_load_and_the_odds() {
    let study = study(RehearsalTerms::default());
    let report = study.run(&fleet(20_000)).unwrap();
    assert_eq!((report.devices, report.members), (20_000, 20_000));
    assert_eq!(report.outcome.state, RolloutState::Completed);
    assert_eq!(report.outcome.confirmed, 20_000);
    assert_eq!(report.outcome.started_at, START);
    assert_eq!(report.outcome.steps.len(), 3);
    assert_eq!((report.odds.brick_bp, report.odds.runs), (200, 20));
    assert!((report.odds.chance - 1.0).abs() < f64::EPSILON);
    let reached = report.odds.reached.unwrap();
    assert!(reached.median <= reached.p95 && reached.p95 <= reached.most);
    assert!((400..=2000).contains(&reached.most), "{reached:?}");
    assert_eq!(study.run(&fleet(20_000)), Ok(report), "the same again");
}

/// Whoever rehearses for others bounds the time it takes, over all runs together.
#[test]
fn a_study_that_takes_too_long_says_so() {
    let report = |max_events| {
        let study = Study {
            max_events,
            ..study(RehearsalTerms::default())
        };
        study.run(&fleet(2000))
    };
    // 2,000 devices: a poll, a download, a reboot and a proof each.
    let error = report(1000).unwrap_err();
    assert_eq!(error.code(), "rehearsal_too_long");
    assert!(error.to_string().contains("1000 events"), "{error}");
    assert!(report(8100).is_err(), "the first run, and no other");
    assert!(report(1_000_000).is_ok());
}

/// Terms out of range are named with what they may be.
#[test]
fn a_study_checks_its_terms() {
    for (name, terms) in [
        (
            "brick_bp",
            RehearsalTerms {
                brick_bp: 10_001,
                ..RehearsalTerms::default()
            },
        ),
        (
            "runs",
            RehearsalTerms {
                runs: RehearsalTerms::MAX_RUNS + 1,
                ..RehearsalTerms::default()
            },
        ),
        (
            "horizon_s",
            RehearsalTerms {
                horizon_s: 0,
                ..RehearsalTerms::default()
            },
        ),
    ] {
        let error = study(terms).run(&fleet(1)).unwrap_err();
        assert_eq!(error.code(), "bad_rehearsal");
        assert!(error.to_string().starts_with(name), "{error}");
    }
}

/// A device that is held takes no part, and asks on.
#[test]
fn who_is_kept_back_asks_in_vain() {
    let mut some = VirtualFleet::default();
    for number in 0..10 {
        let mut kind = kind("a");
        kind.is_kept_back = number >= 4;
        some.add(&format!("d{number}"), &kind);
    }
    let report = study(RehearsalTerms::default()).run(&some).unwrap();
    assert_eq!((report.devices, report.members), (10, 4));
    assert_eq!(report.outcome.confirmed, 4);
    assert!((report.outcome.background_requests_per_s - 10.0 / 300.0).abs() < 1e-9);
}
