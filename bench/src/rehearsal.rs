//! Rehearsals: a million devices through seed 004's stages, three weeks of buildings, in virtual time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use updraft_protocol::api::Attributes;
use updraft_protocol::api::rollout::{Area, RolloutPlan, Wave};
use updraft_rollout::Plan;
use updraft_rollout::TypeSnapshot;
use updraft_rollout::rehearsal::{Faults, Kind, Rehearsal, VirtualFleet};

use crate::Result;
use crate::decisions::{TYPE, candidate};
use crate::figure::{Aim, Figure, Quantity};
use crate::process::memory;

const DEVICES: u32 = 1_000_000;

const WEEK_S: u64 = 7 * 24 * 3600;

#[expect(
    clippy::cast_precision_loss,
    reason = "megabytes need no more than that"
)]
pub(crate) fn measure() -> Result<Vec<Figure>> {
    let kinds: Vec<Kind> = (0..100)
        .map(|number| {
            let attributes = Attributes {
                site: Some(format!("site-{number}")),
                ..Attributes::default()
            };
            Kind::new("1.0.0", 300, 100_000, attributes)
        })
        .collect();
    let before = memory(std::process::id(), "VmRSS")?;
    let fleet = VirtualFleet::synthetic(DEVICES, &kinds);
    let half = Area {
        sites: (0..50).map(|number| format!("site-{number}")).collect(),
        ..Area::default()
    };
    let plan = RolloutPlan {
        waves: vec![
            Wave {
                name: "half".to_owned(),
                area: half,
                ..Wave::default()
            },
            Wave {
                name: "rest".to_owned(),
                not_before_s: WEEK_S,
                ..Wave::default()
            },
        ],
        ..RolloutPlan::default()
    };
    let newest = candidate("1.1.0")?;
    let rehearsal = Rehearsal {
        plan: Arc::new(Plan::new(plan)?),
        release_id: newest.release.id.clone(),
        device_type: TypeSnapshot::new(TYPE.to_owned(), 2 << 20, vec![newest], HashMap::new()),
        faults: Faults {
            failure_bp: 0,
            rollback_bp: 5,
            brick_bp: 5,
        },
        start: 1_767_225_600,
        horizon_s: 2 * WEEK_S,
        max_events: u64::MAX,
        seed: 1,
    };
    let began = Instant::now();
    let outcome = rehearsal.run(&fleet);
    let seconds = began.elapsed().as_secs_f64();
    let peak = memory(std::process::id(), "VmHWM")?;
    let bytes = (peak.value - before.value) * 1e6 / f64::from(DEVICES);
    Ok(vec![
        Figure {
            what: format!("rehearsal of {DEVICES} devices"),
            ours: Quantity {
                value: seconds,
                unit: "s",
            },
            peer: None,
            aim: Aim::AtMost(60.0),
            how: format!(
                "one core, two waves a week apart, seed 004's stages in each, {} events, {} confirmed, {:?} after {:.1} days, at most \
                 {} requests/s beside {:.0} in vain, at most {:.1} MB/s",
                outcome.events,
                outcome.confirmed,
                outcome.state,
                outcome.duration_s as f64 / 86_400.0,
                outcome.peak_requests_per_s,
                outcome.background_per_s,
                outcome.peak_bytes_per_s as f64 / 1e6
            ),
        },
        Figure {
            what: "memory of a rehearsed device".to_owned(),
            ours: Quantity {
                value: bytes,
                unit: "bytes",
            },
            peer: None,
            aim: Aim::AtMost(300.0),
            how: "highest resident memory of the run above that before it: names, kinds, the state of each device, what is queued".to_owned(),
        },
    ])
}
