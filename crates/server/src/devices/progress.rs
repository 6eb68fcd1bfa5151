//! What devices say of their updates, as news of their deployments.

use updraft_protocol::api::{Deployment, DeploymentState};
use updraft_protocol::report::MAX_DETAIL;
use updraft_protocol::{Digest, ReasonCode, Report, SlotState, UpdateStatus};
use updraft_rollout::deployment::{Ending, News};

use crate::published::shorten;

/// Whether this slot state means that the running app is there to stay.
pub(crate) fn is_settled(state: Option<SlotState>) -> bool {
    // Devices of the seeds say nothing of their slot. New and undefined are what a running app sees under a
    // bootloader without rollback.
    matches!(
        state,
        None | Some(SlotState::Valid | SlotState::Undefined | SlotState::New | SlotState::Factory)
    )
}

/// What a report on a release whose app has this ELF SHA-256 is to its deployment; none if it contradicts itself.
pub(crate) fn news_of(report: &Report, elf_sha256: Digest) -> Option<News> {
    let runs = report.elf_sha256;
    let ended = |how| News::Ended {
        how,
        other_runs: runs.is_some_and(|runs| runs != elf_sha256),
    };
    Some(match report.update_status {
        UpdateStatus::Confirmed => match runs {
            Some(runs) if runs == elf_sha256 => News::Proven,
            // Another app's ELF SHA-256 proves that the word is wrong.
            Some(_) => return None,
            None => News::Claimed,
        },
        UpdateStatus::Downloading => News::Downloading,
        UpdateStatus::Downloaded => News::Downloaded,
        UpdateStatus::Rebooting => News::Rebooting,
        UpdateStatus::Failed => ended(Ending::Failed),
        UpdateStatus::RolledBack => ended(Ending::RolledBack),
        UpdateStatus::Rejected => ended(Ending::Rejected),
    })
}

/// Why something ended as it did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    reason: Option<ReasonCode>,
    detail: Option<String>,
}

impl Told {
    /// The device's own words.
    pub(crate) fn of(report: &Report) -> Self {
        let detail = report.detail.as_deref();
        Self {
            reason: report.reason,
            detail: detail.map(|detail| shorten(detail, MAX_DETAIL).to_owned()),
        }
    }

    /// The server's.
    pub(crate) fn because(reason: ReasonCode) -> Self {
        Self {
            reason: Some(reason),
            detail: None,
        }
    }

    /// Notes it on a deployment that has just come from `from` to where it stands. Says whether it is new. A second
    /// word on the same failure may say less than the first.
    pub(super) fn note(&self, deployment: &mut Deployment, from: Option<DeploymentState>) -> bool {
        let state = deployment.state;
        let goes_on = from.is_some_and(|from| {
            from == state || (from.is_failure() && state.is_failure()) || !state.is_failure()
        }) && state != DeploymentState::Confirmed;
        let mut is_new = false;
        if (self.reason.is_some() || !goes_on) && deployment.reason != self.reason {
            deployment.reason = self.reason;
            is_new = true;
        }
        if (self.detail.is_some() || !goes_on) && deployment.detail != self.detail {
            deployment.detail.clone_from(&self.detail);
            is_new = true;
        }
        is_new
    }
}
