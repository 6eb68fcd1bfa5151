//! Decisions: a million devices, a hundred rollouts, one core.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use updraft_protocol::Digest;
use updraft_protocol::api::rollout::{RolloutPlan, Target};
use updraft_protocol::api::{Release, ReleaseStatus};
use updraft_rollout::{
    ActiveRollout, Candidate, DeviceView, Event, Moment, Plan, Position, RolloutMachine, Snapshot,
    Survey, TypeSnapshot, Whereabouts, decide,
};

use crate::Result;
use crate::figure::{Aim, Figure, Quantity};

pub(crate) const TYPE: &str = "esp32c3";

const DEVICES: usize = 1_000_000;

const ROLLOUTS: usize = 100;

const NOW: i64 = 1_767_225_600;

pub(crate) fn candidate(version: &str) -> Result<Candidate> {
    let release = Release {
        id: format!("release-of-{version}"),
        device_type: TYPE.parse()?,
        version: version.to_owned(),
        status: ReleaseStatus::Stable,
        blocked: None,
        required: false,
        from_versions: None,
        stepping_stone: false,
        description: String::new(),
        chip: TYPE.to_owned(),
        project: String::new(),
        size: 1 << 20,
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
    Ok(Candidate::try_from(Arc::new(release))?)
}

/// A hundred rollouts in their first stage, one for each site, over so many device types.
fn snapshot(ids: &[String], types: usize) -> Result<Snapshot> {
    let mut of_types: Vec<(Vec<Candidate>, Vec<ActiveRollout>)> = vec![Default::default(); types];
    for number in 0..ROLLOUTS {
        let candidate = candidate(&format!("1.{}.0", number + 1))?;
        let release = candidate.release.id.clone();
        let plan = Plan::new(RolloutPlan {
            target: Target {
                sites: vec![format!("site-{number}")],
                ..Target::default()
            },
            ..RolloutPlan::default()
        })?;
        let mut machine = RolloutMachine::new(Arc::new(plan));
        let of_site = ids.iter().skip(number).step_by(ROLLOUTS);
        let positions: Vec<Position> = of_site.map(|id| Position::of(&release, id)).collect();
        let start = Event::Start {
            by: "bench".to_owned(),
        };
        machine.drive(start, NOW, |_, wave| Survey {
            wave,
            positions: positions.clone(),
            waiting: positions.len() as u32,
            unreachable: 0,
        })?;
        let rollout = ActiveRollout::new(format!("rollout-{number}"), release, &machine);
        let (candidates, rollouts) = &mut of_types[number % types];
        candidates.push(candidate);
        rollouts.push(rollout);
    }
    let mut entries = Vec::new();
    for (number, (candidates, rollouts)) in of_types.into_iter().enumerate() {
        let entry = TypeSnapshot::new(TYPE.to_owned(), 2 << 20, candidates, HashMap::new());
        entries.push((
            format!("{TYPE}-{number}").parse()?,
            entry.with_rollouts(rollouts),
        ));
    }
    Ok(Snapshot::new(entries))
}

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let ids: Vec<String> = (0..DEVICES)
        .map(|number| format!("device-{number}"))
        .collect();
    Ok(vec![measure_over(&ids, ROLLOUTS)?, measure_over(&ids, 1)?])
}

#[expect(clippy::cast_precision_loss, reason = "a million is exact")]
fn measure_over(ids: &[String], types: usize) -> Result<Figure> {
    let names = |what: &str, count: usize| -> Vec<String> {
        (0..count)
            .map(|number| format!("{what}-{number}"))
            .collect()
    };
    let (sites, type_names) = (names("site", ROLLOUTS), names(TYPE, types));
    let snapshot = snapshot(ids, types)?;
    let moment = Moment::at(NOW + 60);
    let mut offered = 0_u32;
    let began = Instant::now();
    for (number, id) in ids.iter().enumerate() {
        let device = DeviceView {
            id: Some(id),
            version: Some("1.0.0"),
            chip: Some(TYPE),
            slot_size: Some(1 << 20),
            whereabouts: Whereabouts {
                site: Some(&sites[number % ROLLOUTS]),
                ..Whereabouts::default()
            },
            ..DeviceView::unnamed(&type_names[number % types])
        };
        offered += u32::from(decide(&snapshot, &device, &moment).offer.is_some());
    }
    let seconds = began.elapsed().as_secs_f64();
    let (each, aim) = match types {
        1 => ("goes through all of them", Aim::None),
        _ => ("goes through the one of its type", Aim::AtLeast(1e6)),
    };
    Ok(Figure {
        what: format!("decisions, {ROLLOUTS} rollouts, types: {types}"),
        ours: Quantity {
            value: DEVICES as f64 / seconds,
            unit: "decisions/s",
        },
        peer: None,
        aim,
        how: format!(
            "one core, {DEVICES} devices, each of one site; every rollout has its site as target and a release that is newer than what \
             the devices run, and each decision {each}; {offered} were offered one"
        ),
    })
}
