//! Whether a device should be kept from trying a release again, and for how long.

use updraft_protocol::ReasonCode;
use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::Retry;

use super::history::{self, History};
use crate::reason::Skip;

/// The rule where no rollout brings its own: the device's own back-off is enough, and a damaged download or a flash fault that
/// repeats this often is not bad luck.
pub(super) const DIRECT: Retry = Retry {
    max_failures: 5,
    backoff_s: 0,
    backoff_max_s: 0,
};

/// Failures count for each device and release, whatever brought the release. A device that is kept back holds no place: it is
/// neither under way nor waited for.
pub(super) fn penalty<'a>(
    history: &dyn History,
    release_id: &str,
    retry: &Retry,
    now: i64,
) -> Option<Skip<'a>> {
    if history.is_empty() {
        return None;
    }
    let mut failures: u32 = 0;
    let mut latest: Option<(i64, ReasonCode)> = None;
    for past in history::all(history).filter(|past| past.release_id == release_id) {
        if !past.state.is_failure() {
            continue;
        }
        failures = failures.saturating_add(past.failures);
        let reason = past.reason.unwrap_or(match past.state {
            // It started the new app and came back with the old one, with or without a word.
            DeploymentState::RolledBack | DeploymentState::Lost => ReasonCode::RolledBack,
            DeploymentState::TimedOut => ReasonCode::DownloadTimeout,
            // A seed's device says no more than FAILED; that may be anything, so it may try again.
            _ => ReasonCode::ConnectionLost,
        });
        if !reason.is_transient() {
            return Some(Skip::FailedBefore(reason));
        }
        if latest.is_none_or(|(at, _)| past.updated_at >= at) {
            latest = Some((past.updated_at, reason));
        }
    }
    let (at, reason) = latest?;
    if failures >= retry.max_failures && !is_of_the_network(reason) {
        return Some(Skip::NeedsAttention { failures });
    }
    let until = at.saturating_add(i64::from(backoff(retry, failures)));
    (now < until).then_some(Skip::BackOff {
        failures,
        reason,
        until,
    })
}

/// The wait after so many failures, in seconds: doubled with each, up to the longest.
fn backoff(retry: &Retry, failures: u32) -> u32 {
    let doublings = failures.saturating_sub(1).min(31);
    retry
        .backoff_s
        .saturating_mul(1 << doublings)
        .min(retry.backoff_max_s)
}

/// Failures of the network say nothing about the release or the device, so they never use up its tries.
const fn is_of_the_network(reason: ReasonCode) -> bool {
    matches!(
        reason,
        ReasonCode::Unreachable
            | ReasonCode::ConnectionLost
            | ReasonCode::DownloadTimeout
            | ReasonCode::Busy
    )
}
