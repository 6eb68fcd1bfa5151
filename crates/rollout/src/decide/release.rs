//! The rules of a release itself, whatever brings it.

use updraft_protocol::api::ReleaseStatus;
use updraft_protocol::version;

use super::{Case, Granted, penalty};
use crate::reason::Skip;
use crate::snapshot::Candidate;

/// Whether nobody gets it, or this device cannot take it.
pub(super) fn unfit<'a>(case: &Case<'a, '_>, candidate: &'a Candidate) -> Option<Skip<'a>> {
    let release = &*candidate.release;
    let device = case.device;
    if let Some(reason) = &release.blocked {
        return Some(Skip::Blocked(reason));
    }
    if release.status == ReleaseStatus::Deprecated {
        return Some(Skip::Deprecated);
    }
    let of_type = case.device_type.slot_size;
    let slot = device.slot_size.map_or(of_type, |own| own.min(of_type));
    if release.size > slot {
        return Some(Skip::TooBig {
            size: release.size,
            slot,
        });
    }
    if let Some(secure_version) = device.secure_version
        && release.secure_version < secure_version
    {
        return Some(Skip::SecureVersion {
            release: release.secure_version,
            device: secure_version,
        });
    }
    None
}

/// Whether it cannot be reached from what runs. A device that does not say what it runs is taken for the oldest.
pub(super) fn path<'a>(case: &Case<'a, '_>, candidate: &'a Candidate) -> Option<Skip<'a>> {
    if let Some(from) = &candidate.from_versions
        && !case.running.is_some_and(|running| from.matches(running))
    {
        return Some(Skip::From(from));
    }
    // The lowest stone between here and there comes first.
    let stone = case.device_type.stepping_stones().find(|stone| {
        version::is_newer(&candidate.version, &stone.version)
            && case
                .running
                .is_none_or(|running| version::is_newer(&stone.version, running))
    });
    stone.map(|stone| Skip::SteppingStone(&stone.version))
}

/// Whether the device may not have it without a rollout.
pub(super) fn not_published<'a>(case: &Case<'a, '_>, candidate: &'a Candidate) -> Option<Skip<'a>> {
    let release = &*candidate.release;
    let channel = case.device.channel;
    let is_named = case.device_type.channel(channel) == Some(release.id.as_str());
    (release.status == ReleaseStatus::Testing && !is_named).then_some(Skip::Testing { channel })
}

pub(super) fn penalty<'a>(case: &Case<'a, '_>, candidate: &'a Candidate) -> Option<Skip<'a>> {
    penalty::penalty(
        case.device.deployments,
        &candidate.release.id,
        &penalty::DIRECT,
        case.moment.now,
    )
}

/// It is offered without a rollout.
pub(super) fn direct(candidate: &Candidate) -> Granted<'_> {
    Granted {
        candidate,
        rollout: None,
        step: None,
        required: candidate.release.required,
        allow_downgrade: false,
        activate: None,
    }
}
