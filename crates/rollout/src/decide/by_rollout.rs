//! The rules of a rollout.

use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::RolloutState;

use super::{Case, Granted, Trail, history, penalty};
use crate::active::ActiveRollout;
use crate::plan::{Outside, Whom};
use crate::position::Position;
use crate::reason::{Reason, Skip, Stage, Why};
use crate::snapshot::Candidate;
use crate::window::Opening;

/// Whether the device was confirmed in this rollout before.
pub(super) fn is_confirmed(case: &Case<'_, '_>, rollout: &ActiveRollout) -> bool {
    history::here(case.device.deployments, &rollout.id)
        .is_some_and(|past| past.state == DeploymentState::Confirmed)
}

/// Whether the rollout gives the device its release now.
pub(super) fn check<'a>(
    case: &Case<'a, '_>,
    candidate: &'a Candidate,
    rollout: &'a ActiveRollout,
    trail: &mut Trail<'_, 'a>,
) -> Result<Granted<'a>, Skip<'a>> {
    let of = |why| Skip::Rollout {
        rollout: &rollout.id,
        why,
    };
    let device = case.device;
    let now = case.moment.now;
    let plan = &*rollout.plan;
    let here = history::here(device.deployments, &rollout.id);
    let wave = wave(case, rollout, here.is_some()).map_err(|outside| of(Why::Outside(outside)))?;
    stands(rollout, device.id, now).map_err(of)?;
    let position = admitted(rollout, device.id, wave, now).map_err(of)?;
    trail.note(|| Reason::Admitted {
        rollout: &rollout.id,
        bucket: position.map(|position| position.bucket),
        stage: stage(rollout),
    });
    let retry = &plan.wire().retry;
    let penalty = penalty::penalty(device.deployments, &candidate.release.id, retry, now);
    if let Some(why) = penalty {
        return Err(why);
    }
    let is_open = here.is_some_and(|past| past.state.is_open());
    let has_begun = is_open && here.is_some_and(|past| past.state != DeploymentState::Offered);
    let required = plan.wire().required || candidate.release.required;
    let activate = if required {
        None
    } else {
        window(case, rollout, has_begun).map_err(of)?
    };
    if !is_open {
        caps(case, rollout).map_err(of)?;
    }
    Ok(Granted {
        candidate,
        rollout: Some(rollout),
        step: rollout.step,
        required,
        allow_downgrade: false,
        activate,
    })
}

/// The wave of a device of the target.
pub(super) fn wave<'a>(
    case: &Case<'a, '_>,
    rollout: &'a ActiveRollout,
    has_begun: bool,
) -> Result<u32, Outside<'a>> {
    let device = case.device;
    let place = &device.whereabouts;
    // What runs is borrowed for the decision only, and no answer keeps it.
    let whom = Whom {
        id: device.id,
        chip: device.chip,
        region: place.region,
        site: place.site,
        group: place.group,
        tags: place.tags,
    };
    let plan = &*rollout.plan;
    plan.audience()
        .wave(plan.wire(), &whom, case.running, has_begun, |other| {
            history::is_confirmed_in(device.deployments, other, device.version)
        })
}

/// Whether it offers anything to anybody now.
fn stands<'a>(rollout: &'a ActiveRollout, id: Option<&str>, now: i64) -> Result<(), Why<'a>> {
    match rollout.state {
        RolloutState::Completed => Ok(()),
        RolloutState::Running if id.is_none() => Err(Why::Unnamed),
        RolloutState::Running => match rollout.started_at {
            Some(at) if at <= now => Ok(()),
            at => Err(Why::NotStarted { at }),
        },
        RolloutState::Paused => Err(Why::Paused),
        RolloutState::Halted => Err(Why::Halted(rollout.halted.as_deref().unwrap_or(""))),
        RolloutState::Draft | RolloutState::Cancelled => Err(Why::Over(rollout.state)),
    }
}

/// Whether the device's turn has come, and its position where that was asked.
fn admitted<'a>(
    rollout: &'a ActiveRollout,
    id: Option<&str>,
    wave: u32,
    now: i64,
) -> Result<Option<Position>, Why<'a>> {
    let plan = &*rollout.plan;
    if rollout.state == RolloutState::Completed || plan.audience().includes(id) {
        return Ok(None);
    }
    let open = rollout.open_wave;
    match (open, id) {
        (Some(open), _) if wave < open => Ok(None),
        (Some(open), Some(id)) if wave == open => {
            if rollout.bound == Some(Position::MAX) {
                return Ok(None);
            }
            let position = Position::of(&rollout.salt, id);
            if Some(position) <= rollout.bound {
                return Ok(Some(position));
            }
            Err(Why::BeyondStage {
                bucket: position.bucket,
                bound: rollout.bound.map(|bound| bound.bucket),
                stage: stage(rollout),
            })
        }
        (_, None) => Err(Why::Unnamed),
        (_, Some(_)) => {
            let at = rollout.wave_opens_at(wave);
            Err(Why::WaveAhead {
                wave: plan.wave_name(wave),
                open: open.map(|open| plan.wave_name(open)),
                at: at.filter(|at| *at > now),
            })
        }
    }
}

fn stage(rollout: &ActiveRollout) -> Option<Stage<'_>> {
    let plan = &*rollout.plan;
    let step = plan.steps().get(rollout.step? as usize)?;
    Some(Stage {
        number: step.stage + 1,
        wave: (plan.waves() > 1).then(|| plan.wave_name(step.wave)),
    })
}

/// When the device may activate; not at all now if it may not even download: until the window opens that is for devices that
/// can wait with what they have. What it has begun it goes on with.
fn window<'a>(
    case: &Case<'a, '_>,
    rollout: &'a ActiveRollout,
    has_begun: bool,
) -> Result<Option<Opening>, Why<'a>> {
    let Some(window) = rollout.plan.window() else {
        return Ok(None);
    };
    let offset = case.device.whereabouts.utc_offset_minutes;
    let opening = window.opening(case.moment.now, offset.unwrap_or(0));
    let is_early = window.download_early && case.device.can_wait;
    if opening.is_open(case.moment.now) || is_early || has_begun {
        return Ok(Some(opening));
    }
    Err(Why::WindowClosed {
        opening,
        utc_offset_minutes: offset,
    })
}

/// Whether there is a place for one more.
fn caps<'a>(case: &Case<'a, '_>, rollout: &'a ActiveRollout) -> Result<(), Why<'a>> {
    let caps = &rollout.plan.wire().caps;
    if caps.fleet.is_none() && caps.site.is_none() && caps.per_minute.is_none() {
        return Ok(());
    }
    let site = case.device.whereabouts.site;
    let usage = case.moment.ledger.usage(&rollout.id, site);
    if let Some(cap) = caps.fleet
        && usage.fleet >= cap
    {
        return Err(Why::FleetCap { cap });
    }
    if let (Some(cap), Some(site)) = (caps.site, site)
        && usage.site >= cap
    {
        return Err(Why::SiteCap { cap, site });
    }
    if let Some(cap) = caps.per_minute
        && usage.last_minute >= cap
    {
        // A minute from now all that was counted is past.
        return Err(Why::RateCap {
            cap,
            until: case.moment.now.saturating_add(60),
        });
    }
    Ok(())
}
