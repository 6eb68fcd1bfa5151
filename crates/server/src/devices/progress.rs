//! How a device's way to a release moves on.

use updraft_protocol::api::{Deployment, DeploymentState};
use updraft_protocol::report::MAX_DETAIL;
use updraft_protocol::{Digest, Report, SlotState, UpdateStatus};

use crate::published::shorten;

/// Whether the state is an end: nothing but a new offer or a proof moves it on.
pub(crate) fn is_over(state: DeploymentState) -> bool {
    state == DeploymentState::Confirmed || is_failure(state)
}

/// Whether the state is a failure.
pub(crate) fn is_failure(state: DeploymentState) -> bool {
    matches!(
        state,
        DeploymentState::Failed | DeploymentState::RolledBack | DeploymentState::Rejected
    )
}

/// A new deployment, just offered.
pub(crate) fn begin(release_id: &str, version: &str, now: i64) -> Deployment {
    Deployment {
        release_id: release_id.to_owned(),
        version: version.to_owned(),
        rollout_id: None,
        step: None,
        state: DeploymentState::Offered,
        reason: None,
        detail: None,
        failures: 0,
        started_at: now,
        updated_at: now,
    }
}

/// The release is offered again. After an end that is a new try; in the middle it changes nothing, because a
/// device asks on while it works. Says whether the deployment changed.
pub(crate) fn offer_again(deployment: &mut Deployment, now: i64) -> bool {
    if !is_over(deployment.state) {
        return false;
    }
    deployment.state = DeploymentState::Offered;
    deployment.updated_at = now;
    true
}

/// Whether this slot state means that the running app is there to stay.
pub(crate) fn is_settled(state: Option<SlotState>) -> bool {
    // Devices of the seeds say nothing of their slot. New and undefined are what a running app sees under a
    // bootloader without rollback.
    matches!(
        state,
        None | Some(SlotState::Valid | SlotState::Undefined | SlotState::New | SlotState::Factory)
    )
}

/// The device was seen running the release's app, settled. Says whether the deployment changed.
pub(crate) fn prove(deployment: &mut Deployment, now: i64) -> bool {
    if deployment.state == DeploymentState::Confirmed {
        return false;
    }
    deployment.state = DeploymentState::Confirmed;
    deployment.reason = None;
    deployment.detail = None;
    deployment.updated_at = now;
    true
}

/// Applies a report to the deployment it is about, whose app has this ELF SHA-256. Says whether the deployment
/// changed; what does not follow from its state is passed over, so that a report may come late or twice.
pub(crate) fn apply(
    deployment: &mut Deployment,
    report: &Report,
    elf_sha256: Digest,
    now: i64,
) -> bool {
    let proven = report.elf_sha256 == Some(elf_sha256);
    let next = match report.update_status {
        UpdateStatus::Confirmed if proven => return prove(deployment, now),
        // Another app's ELF SHA-256 proves that the word is wrong.
        UpdateStatus::Confirmed if report.elf_sha256.is_some() => return false,
        UpdateStatus::Downloading => DeploymentState::Downloading,
        // A device's word alone is a claim, until the ELF SHA-256 is seen: no more than downloaded, and nothing
        // against a failure.
        UpdateStatus::Downloaded | UpdateStatus::Confirmed => DeploymentState::Downloaded,
        UpdateStatus::Rebooting => DeploymentState::Rebooting,
        UpdateStatus::Failed => DeploymentState::Failed,
        UpdateStatus::RolledBack => DeploymentState::RolledBack,
        UpdateStatus::Rejected => DeploymentState::Rejected,
    };
    if is_failure(next) {
        return fail(deployment, next, report, elf_sha256, now);
    }
    rank(next) > rank(deployment.state) && move_to(deployment, next, report, now)
}

/// How far along a state is. Ends are beyond everything a device reports on its way.
fn rank(state: DeploymentState) -> u8 {
    match state {
        DeploymentState::Offered => 0,
        DeploymentState::Downloading => 1,
        DeploymentState::Downloaded => 2,
        DeploymentState::Rebooting => 3,
        _ => 4,
    }
}

fn fail(
    deployment: &mut Deployment,
    next: DeploymentState,
    report: &Report,
    elf_sha256: Digest,
    now: i64,
) -> bool {
    // What was proven is undone only by the proof that something else runs.
    let other_runs = report.elf_sha256.is_some_and(|elf| elf != elf_sha256);
    if deployment.state == DeploymentState::Confirmed && !other_runs {
        return false;
    }
    // One try fails once, in however many words: unhealthy first, rolled back after the reboot.
    let counted = is_failure(deployment.state);
    let changed = move_to(deployment, next, report, now);
    if !counted {
        deployment.failures = deployment.failures.saturating_add(1);
    }
    changed
}

fn move_to(deployment: &mut Deployment, state: DeploymentState, report: &Report, now: i64) -> bool {
    let reason = report.reason;
    let detail = report
        .detail
        .as_deref()
        .map(|detail| shorten(detail, MAX_DETAIL).to_owned());
    let same = deployment.state == state
        && (reason.is_none() || deployment.reason == reason)
        && (detail.is_none() || deployment.detail == detail);
    if same {
        return false;
    }
    // A second word on the same failure may say less than the first.
    let goes_on = deployment.state == state || (is_failure(deployment.state) && is_failure(state));
    if reason.is_some() || !goes_on {
        deployment.reason = reason;
    }
    if detail.is_some() || !goes_on {
        deployment.detail = detail;
    }
    deployment.state = state;
    deployment.updated_at = now;
    true
}
