//! Random plans, and what may happen to a fleet under them.

use proptest::prelude::*;
use updraft_protocol::api::rollout::{
    Advance, Area, Caps, FailureKind, Gate, Of, RolloutPlan, Size, Stage, Target, TripAction,
    TripRule, Wave,
};
use updraft_rollout::Event;
use updraft_rollout::deployment::News;

#[derive(Debug, Clone)]
pub(crate) enum Action {
    Pass(i64),
    Poll(usize),
    Tell(usize, usize, usize),
    Command(usize, usize),
    Arrive(usize),
    Leave(usize),
}

fn stages() -> impl Strategy<Value = Vec<Stage>> {
    let part = prop_oneof![
        (1..9000_u16).prop_map(|bp| (Size::ShareBp(bp), Of::Remaining)),
        (1..6_u32).prop_map(|count| (Size::Count(count), Of::Remaining)),
        (1..8_u32).prop_map(|count| (Size::Count(count), Of::Total)),
    ];
    let soak = prop::sample::select(vec![0, 60, 3600, 90_000]);
    let stage = (part, soak.clone()).prop_map(|((size, of), soak_s)| Stage { size, of, soak_s });
    let first = (1..5000_u16, soak).prop_map(|(bp, soak_s)| Stage {
        size: Size::ShareBp(bp),
        of: Of::Total,
        soak_s,
    });
    (first, prop::collection::vec(stage, 0..3)).prop_map(|(first, more)| {
        let mut stages = vec![first];
        stages.extend(more);
        stages.push(Stage::ALL);
        stages
    })
}

fn trips() -> impl Strategy<Value = Vec<TripRule>> {
    let kinds = prop::sample::subsequence(FailureKind::ALL.to_vec(), 0..3);
    let action = prop::option::of(prop::sample::select(vec![
        TripAction::Pause,
        TripAction::Cancel,
        TripAction::Revoke,
        TripAction::Rollback,
    ]));
    let rule = (
        kinds,
        1..5_u32,
        prop::option::of(1..=10_000_u16),
        prop::option::of(1..6_u32),
        action,
    )
        .prop_map(|(kinds, min_evaluated, share_bp, count, action)| TripRule {
            count: count.or(share_bp.is_none().then_some(2)),
            kinds,
            min_evaluated,
            share_bp,
            action,
        });
    prop::collection::vec(rule, 0..3)
}

pub(crate) fn plan() -> impl Strategy<Value = RolloutPlan> {
    let site = |name: &str| Area {
        sites: vec![name.to_owned()],
        ..Area::default()
    };
    let waves =
        prop::option::of((prop::option::of(stages()), 0..200_000_u64)).prop_map(move |two| {
            two.map_or(Vec::new(), |(own, not_before_s)| {
                vec![
                    Wave {
                        name: "a".to_owned(),
                        area: site("a"),
                        not_before_s: 0,
                        stages: own,
                    },
                    Wave {
                        name: "rest".to_owned(),
                        area: Area::default(),
                        not_before_s,
                        stages: None,
                    },
                ]
            })
        });
    let advance = prop_oneof![4 => Just(Advance::Auto), 1 => Just(Advance::Manual), 1 => Just(Advance::Approval)];
    let caps = (
        prop::option::weighted(0.3, 1..6_u32),
        prop::option::weighted(0.3, 1..4_u32),
    );
    let lists = (
        prop::sample::subsequence((0..12).collect::<Vec<usize>>(), 0..3),
        prop::sample::subsequence((0..12).collect::<Vec<usize>>(), 0..3),
    );
    (
        stages(),
        trips(),
        waves,
        advance,
        caps,
        lists,
        (0..=10_000_u16, 0..6_u32),
    )
        .prop_map(
            |(
                stages,
                trips,
                waves,
                advance,
                (fleet, site),
                (include, exclude),
                (success_bp, min_evaluated),
            )| {
                let names = |numbers: Vec<usize>| {
                    numbers
                        .into_iter()
                        .map(|number| format!("device-{number}"))
                        .collect()
                };
                RolloutPlan {
                    stages,
                    trips,
                    waves,
                    advance,
                    caps: Caps {
                        fleet,
                        site,
                        per_minute: None,
                    },
                    gate: Gate {
                        success_bp,
                        min_evaluated,
                    },
                    target: Target {
                        include: names(include),
                        exclude: names(exclude),
                        ..Target::default()
                    },
                    ..RolloutPlan::default()
                }
            },
        )
}

pub(crate) fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        2 => prop::sample::select(vec![1, 60, 3700, 90_000]).prop_map(Action::Pass),
        10 => (0..30_usize).prop_map(Action::Poll),
        10 => (0..30_usize, 0..2_usize, 0..News::ALL.len()).prop_map(|(device, rollout, news)| Action::Tell(device, rollout, news)),
        2 => (0..2_usize, 0..12_usize).prop_map(|(rollout, command)| Action::Command(rollout, command)),
        1 => (0..1000_usize).prop_map(Action::Arrive),
        1 => (0..30_usize).prop_map(Action::Leave),
    ];
    prop::collection::vec(action, 1..120)
}

pub(crate) fn command(number: usize) -> Event {
    let by = |name: &str| name.to_owned();
    match number {
        0 | 1 => Event::Start { by: by("alice") },
        2 => Event::Pause,
        3 | 4 => Event::Resume { note: by("seen") },
        5 => Event::Resume {
            note: String::new(),
        },
        6 => Event::Halt {
            by: by("bob"),
            reason: by("hm"),
            action: None,
        },
        7 => Event::Approve { by: by("bob") },
        8 => Event::Approve { by: by("alice") },
        9 => Event::Advance { force: false },
        10 => Event::Advance { force: true },
        _ => Event::Retry,
    }
}
