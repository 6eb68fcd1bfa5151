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

/// One rollout for each site, in its first stage.
fn snapshot(ids: &[String]) -> Result<Snapshot> {
    let mut candidates = Vec::new();
    let mut rollouts = Vec::new();
    for number in 0..ROLLOUTS {
        let candidate = candidate(&format!("1.{}.0", number + 1))?;
        let release = candidate.release.id.clone();
        candidates.push(candidate);
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
        rollouts.push(ActiveRollout::new(
            format!("rollout-{number}"),
            release,
            &machine,
        ));
    }
    let types = TypeSnapshot::new(TYPE.to_owned(), 2 << 20, candidates, HashMap::new());
    Ok(Snapshot::new([(
        TYPE.parse()?,
        types.with_rollouts(rollouts),
    )]))
}

#[expect(clippy::cast_precision_loss, reason = "a million is exact")]
pub(crate) fn measure() -> Result<Vec<Figure>> {
    let ids: Vec<String> = (0..DEVICES)
        .map(|number| format!("device-{number}"))
        .collect();
    let sites: Vec<String> = (0..ROLLOUTS)
        .map(|number| format!("site-{number}"))
        .collect();
    let snapshot = snapshot(&ids)?;
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
            ..DeviceView::unnamed(TYPE)
        };
        offered += u32::from(decide(&snapshot, &device, &moment).offer.is_some());
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(vec![Figure {
        what: format!("decisions, {ROLLOUTS} rollouts of one type"),
        ours: Quantity {
            value: DEVICES as f64 / seconds,
            unit: "decisions/s",
        },
        peer: None,
        aim: Aim::AtLeast(1e6),
        how: format!(
            "one core, {DEVICES} devices, each of one site; every rollout has its site as target, all {ROLLOUTS} releases are newer \
             than what the devices run, and each decision goes through all of them; {offered} were offered one"
        ),
    }])
}
