use updraft_protocol::api::{Deployment, DeploymentState, ReleaseStatus};
use updraft_protocol::{ReasonCode, SlotState, version};

use crate::reason::{Reason, Skip};
use crate::snapshot::{Candidate, STABLE, Snapshot, TypeSnapshot};

/// How often a device may fail at one release for reasons that may pass, before a person should look. A
/// damaged download or a flash fault that repeats this often is not bad luck.
const MAX_FAILURES: u32 = 5;

/// What a device said of itself, and what the server remembers of it.
#[derive(Debug, Clone, Copy)]
pub struct DeviceView<'a> {
    /// What it is.
    pub device_type: &'a str,
    /// What it runs, in its own words.
    pub version: Option<&'a str>,
    /// Its chip.
    pub chip: Option<&'a str>,
    /// The lowest secure version it accepts.
    pub secure_version: Option<u32>,
    /// Size in bytes of the smallest slot an update could go to.
    pub slot_size: Option<u32>,
    /// The state of the running slot.
    pub state: Option<SlotState>,
    /// The channel it follows.
    pub channel: &'a str,
    /// Its ways to releases so far.
    pub deployments: &'a [Deployment],
}

impl<'a> DeviceView<'a> {
    /// A device of which nothing is known but its type.
    pub fn unnamed(device_type: &'a str) -> Self {
        Self {
            device_type,
            version: None,
            chip: None,
            secure_version: None,
            slot_size: None,
            state: None,
            channel: STABLE,
            deployments: &[],
        }
    }
}

/// What a device is offered, and every rule that decided it, in order.
#[derive(Debug, Clone)]
pub struct Decision<'a> {
    /// The release, or none.
    pub offer: Option<&'a Candidate>,
    /// The reasons, in the order in which the rules were applied.
    pub reasons: Vec<Reason<'a>>,
}

/// Decides what `device` is offered from `snapshot`.
///
/// The offer, if any, is newer than what the device runs by semver precedence, stable (or named by the
/// device's channel), unblocked, small enough, not below the device's secure version, and not one the
/// device has already failed at for good.
pub fn decide<'a>(snapshot: &'a Snapshot, device: &DeviceView<'a>) -> Decision<'a> {
    let mut reasons = Vec::new();
    let offer = choose(snapshot, device, &mut reasons);
    if let Some(candidate) = offer {
        reasons.push(Reason::Offered {
            version: &candidate.version,
        });
    }
    Decision { offer, reasons }
}

fn choose<'a>(
    snapshot: &'a Snapshot,
    device: &DeviceView<'a>,
    reasons: &mut Vec<Reason<'a>>,
) -> Option<&'a Candidate> {
    let Some(device_type) = snapshot.device_type(device.device_type) else {
        reasons.push(Reason::UnknownDeviceType(device.device_type));
        return None;
    };
    if let Some(chip) = device.chip
        && chip != device_type.chip
    {
        reasons.push(Reason::WrongChip {
            device: chip,
            device_type: &device_type.chip,
        });
        return None;
    }
    if device.state == Some(SlotState::PendingVerify) {
        reasons.push(Reason::OnTrial);
        return None;
    }
    let running = match device.version.map(|text| (text, version::parse(text))) {
        None => {
            reasons.push(Reason::VersionNotSaid);
            None
        }
        Some((text, Err(_))) => {
            reasons.push(Reason::VersionNotComparable(text));
            return None;
        }
        Some((_, Ok(running))) => Some(running),
    };

    for candidate in device_type.releases() {
        if let Some(running) = &running
            && !version::is_newer(&candidate.version, running)
        {
            break;
        }
        match skip(candidate, device_type, device) {
            Some(why) => reasons.push(Reason::skipped(candidate, why)),
            None => return Some(candidate),
        }
    }
    // Releases that were skipped are newer, and have said why not.
    let skipped = reasons
        .iter()
        .any(|reason| matches!(reason, Reason::Skipped { .. }));
    if let Some(running) = running
        && !skipped
    {
        reasons.push(Reason::UpToDate { running });
    }
    None
}

/// The first rule that keeps a newer release from this device.
fn skip<'a>(
    candidate: &'a Candidate,
    device_type: &'a TypeSnapshot,
    device: &DeviceView<'a>,
) -> Option<Skip<'a>> {
    let release = &*candidate.release;
    if let Some(reason) = &release.blocked {
        return Some(Skip::Blocked(reason));
    }
    match release.status {
        ReleaseStatus::Stable => {}
        ReleaseStatus::Testing => {
            if device_type.channel(device.channel) != Some(release.id.as_str()) {
                return Some(Skip::Testing {
                    channel: device.channel,
                });
            }
        }
        ReleaseStatus::Deprecated => return Some(Skip::Deprecated),
    }
    let slot = device
        .slot_size
        .map_or(device_type.slot_size, |own| own.min(device_type.slot_size));
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
    let deployment = device
        .deployments
        .iter()
        .find(|deployment| deployment.release_id == release.id)?;
    failed_for_good(deployment)
}

/// Whether a device should be kept from trying a release again.
fn failed_for_good<'a>(deployment: &Deployment) -> Option<Skip<'a>> {
    let failed = matches!(
        deployment.state,
        DeploymentState::Failed | DeploymentState::RolledBack | DeploymentState::Rejected
    );
    if !failed {
        return None;
    }
    let reason = deployment.reason.unwrap_or(match deployment.state {
        DeploymentState::RolledBack => ReasonCode::RolledBack,
        // A seed's device says no more than FAILED; that may be anything, so it may try again.
        _ => ReasonCode::ConnectionLost,
    });
    if !reason.is_transient() {
        return Some(Skip::FailedBefore(reason));
    }
    if deployment.failures >= MAX_FAILURES && !is_of_the_network(reason) {
        return Some(Skip::NeedsAttention {
            failures: deployment.failures,
        });
    }
    None
}

/// Failures of the network say nothing about the release or the device, so they never use up its tries.
fn is_of_the_network(reason: ReasonCode) -> bool {
    matches!(
        reason,
        ReasonCode::Unreachable
            | ReasonCode::ConnectionLost
            | ReasonCode::DownloadTimeout
            | ReasonCode::Busy
    )
}
