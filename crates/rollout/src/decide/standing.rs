//! How a device stands to one rollout, by the rules that decide.

use updraft_protocol::api::DeploymentState;
use updraft_protocol::version::{self, Version};

use super::{Case, DeviceView, Moment, by_rollout, history, release};
use crate::active::ActiveRollout;
use crate::plan::Outside;
use crate::position::Position;
use crate::reason::Skip;
use crate::snapshot::{Candidate, TypeSnapshot};

/// How a device stands to one rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing<'a> {
    /// The target leaves it out.
    Outside(Outside<'a>),
    /// An operator holds it, or pinned it to another version.
    KeptBack,
    /// It runs this version or one beyond it, and not by this rollout.
    Current,
    /// It cannot take the release, or not yet.
    Unfit(Skip<'a>),
    /// It wants the release, or has a deployment in the rollout.
    Member(Member),
}

/// A device that a rollout counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its wave, from 0.
    pub wave: u32,
    /// Its position; none if it is on the list of inclusions and goes before all stages.
    pub position: Option<Position>,
    /// Whether its turn has come.
    pub is_admitted: bool,
    /// Whether it has still to begin: no deployment, or one that was called off.
    pub is_waiting: bool,
}

/// How a device stands to a rollout of this type, at a time in Unix seconds.
pub fn standing<'a>(
    device_type: &'a TypeSnapshot,
    candidate: &'a Candidate,
    rollout: &'a ActiveRollout,
    device: &DeviceView<'a>,
    now: i64,
) -> Standing<'a> {
    let running = device.version.map(version::parse);
    let case = Case {
        device,
        device_type,
        running: running.as_ref().and_then(|read| read.as_ref().ok()),
        moment: &Moment::at(now),
    };
    let here = history::here(device.deployments, &rollout.id);
    let wave = match by_rollout::wave(&case, rollout, here.is_some()) {
        Ok(wave) => wave,
        Err(outside) => return Standing::Outside(outside),
    };
    let called_off = here.is_none_or(|past| {
        matches!(
            past.state,
            DeploymentState::Cancelled | DeploymentState::Superseded
        )
    });
    if called_off {
        let is_elsewhere = device.pin.is_some_and(|pin| {
            !version::parse(pin.version)
                .is_ok_and(|pinned| pinned.cmp_precedence(&candidate.version).is_eq())
        });
        if device.hold.is_some_and(|hold| hold.holds(now)) || is_elsewhere {
            return Standing::KeptBack;
        }
        let is_unreadable = matches!(running, Some(Err(_)));
        if is_unreadable || !wants(case.running, candidate, rollout) {
            return Standing::Current;
        }
        let unfit = release::unfit(&case, candidate).or_else(|| {
            let is_up = !rollout.plan.wire().allow_downgrade;
            is_up.then(|| release::path(&case, candidate)).flatten()
        });
        if let Some(why) = unfit {
            return Standing::Unfit(why);
        }
    }
    let is_included = rollout.plan.audience().includes(device.id);
    let position = device
        .id
        .filter(|_| !is_included)
        .map(|id| Position::of(&rollout.salt, id));
    Standing::Member(Member {
        wave,
        position,
        is_admitted: is_included || is_admitted(rollout, wave, position),
        is_waiting: called_off,
    })
}

/// Whether a device's update by a rollout's release belongs to the rollout, though it was not offered by it as far as is known:
/// the device is of the target, and its turn has come.
pub fn takes(
    device_type: &TypeSnapshot,
    rollout: &ActiveRollout,
    device: &DeviceView<'_>,
    now: i64,
) -> bool {
    let running = device.version.and_then(|text| version::parse(text).ok());
    let case = Case {
        device,
        device_type,
        running: running.as_ref(),
        moment: &Moment::at(now),
    };
    // What it runs by now says nothing of what it ran before.
    by_rollout::wave(&case, rollout, true).is_ok_and(|wave| {
        let position = device.id.map(|id| Position::of(&rollout.salt, id));
        rollout.plan.audience().includes(device.id) || is_admitted(rollout, wave, position)
    })
}

fn wants(running: Option<&Version>, candidate: &Candidate, rollout: &ActiveRollout) -> bool {
    running.is_none_or(|running| {
        if rollout.plan.wire().allow_downgrade {
            version::is_newer(running, &candidate.version)
        } else {
            version::is_newer(&candidate.version, running)
        }
    })
}

fn is_admitted(rollout: &ActiveRollout, wave: u32, position: Option<Position>) -> bool {
    match rollout.open_wave {
        Some(open) if wave < open => true,
        Some(open) if wave == open => position.is_some() && position <= rollout.bound,
        _ => false,
    }
}
