//! How a device's way to a release moves on.

use updraft_protocol::api::{Attempt, AttemptState};
use updraft_protocol::report::MAX_DETAIL;
use updraft_protocol::{Digest, Report, SlotState, UpdateStatus};

use crate::published::shorten;

/// Whether the state is an end: nothing but a new offer or a proof moves it on.
pub(crate) fn is_over(state: AttemptState) -> bool {
    state == AttemptState::Confirmed || is_failure(state)
}

/// Whether the state is a failure.
pub(crate) fn is_failure(state: AttemptState) -> bool {
    matches!(
        state,
        AttemptState::Failed | AttemptState::RolledBack | AttemptState::Rejected
    )
}

/// A new attempt, just offered.
pub(crate) fn begin(release_id: &str, version: &str, now: i64) -> Attempt {
    Attempt {
        release_id: release_id.to_owned(),
        version: version.to_owned(),
        state: AttemptState::Offered,
        reason: None,
        detail: None,
        failures: 0,
        started_at: now,
        updated_at: now,
    }
}

/// The release is offered again. After an end that is a new try; in the middle it changes nothing, because a
/// device asks on while it works. Says whether the attempt changed.
pub(crate) fn offer_again(attempt: &mut Attempt, now: i64) -> bool {
    if !is_over(attempt.state) {
        return false;
    }
    attempt.state = AttemptState::Offered;
    attempt.updated_at = now;
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

/// The device was seen running the release's app, settled. Says whether the attempt changed.
pub(crate) fn prove(attempt: &mut Attempt, now: i64) -> bool {
    if attempt.state == AttemptState::Confirmed {
        return false;
    }
    attempt.state = AttemptState::Confirmed;
    attempt.reason = None;
    attempt.detail = None;
    attempt.updated_at = now;
    true
}

/// Applies a report to the attempt it is about, whose app has this ELF SHA-256. Says whether the attempt
/// changed; what does not follow from its state is passed over, so that a report may come late or twice.
pub(crate) fn apply(attempt: &mut Attempt, report: &Report, elf_sha256: Digest, now: i64) -> bool {
    let proven = report.elf_sha256 == Some(elf_sha256);
    let next = match report.update_status {
        UpdateStatus::Confirmed if proven => return prove(attempt, now),
        // Another app's ELF SHA-256 proves that the word is wrong.
        UpdateStatus::Confirmed if report.elf_sha256.is_some() => return false,
        UpdateStatus::Downloading => AttemptState::Downloading,
        // A device's word alone is a claim, until the ELF SHA-256 is seen: no more than downloaded, and nothing
        // against a failure.
        UpdateStatus::Downloaded | UpdateStatus::Confirmed => AttemptState::Downloaded,
        UpdateStatus::Rebooting => AttemptState::Rebooting,
        UpdateStatus::Failed => AttemptState::Failed,
        UpdateStatus::RolledBack => AttemptState::RolledBack,
        UpdateStatus::Rejected => AttemptState::Rejected,
    };
    if is_failure(next) {
        return fail(attempt, next, report, elf_sha256, now);
    }
    rank(next) > rank(attempt.state) && move_to(attempt, next, report, now)
}

/// How far along a state is. Ends are beyond everything a device reports on its way.
fn rank(state: AttemptState) -> u8 {
    match state {
        AttemptState::Offered => 0,
        AttemptState::Downloading => 1,
        AttemptState::Downloaded => 2,
        AttemptState::Rebooting => 3,
        _ => 4,
    }
}

fn fail(
    attempt: &mut Attempt,
    next: AttemptState,
    report: &Report,
    elf_sha256: Digest,
    now: i64,
) -> bool {
    // What was proven is undone only by the proof that something else runs.
    let other_runs = report.elf_sha256.is_some_and(|elf| elf != elf_sha256);
    if attempt.state == AttemptState::Confirmed && !other_runs {
        return false;
    }
    // One try fails once, in however many words: unhealthy first, rolled back after the reboot.
    let counted = is_failure(attempt.state);
    let changed = move_to(attempt, next, report, now);
    if !counted {
        attempt.failures = attempt.failures.saturating_add(1);
    }
    changed
}

fn move_to(attempt: &mut Attempt, state: AttemptState, report: &Report, now: i64) -> bool {
    let reason = report.reason;
    let detail = report
        .detail
        .as_deref()
        .map(|detail| shorten(detail, MAX_DETAIL).to_owned());
    let same = attempt.state == state
        && (reason.is_none() || attempt.reason == reason)
        && (detail.is_none() || attempt.detail == detail);
    if same {
        return false;
    }
    // A second word on the same failure may say less than the first.
    let goes_on = attempt.state == state || (is_failure(attempt.state) && is_failure(state));
    if reason.is_some() || !goes_on {
        attempt.reason = reason;
    }
    if detail.is_some() || !goes_on {
        attempt.detail = detail;
    }
    attempt.state = state;
    attempt.updated_at = now;
    true
}
