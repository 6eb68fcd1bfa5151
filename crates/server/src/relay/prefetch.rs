//! Fetching what may be offered before a device asks: when the primary is away, it is too late.

use std::sync::Arc;

use tokio::sync::Mutex;
use updraft_protocol::api::Release;
use updraft_protocol::api::rollout::RolloutState;

use super::RelaySide;
use super::fetch::fetch_ahead;
use crate::published::Published;
use crate::state::AppState;

/// One pass at a time.
#[derive(Debug, Default)]
pub(super) struct Prefetch {
    passing: Arc<Mutex<()>>,
}

impl Prefetch {
    /// Begins a pass beside everything else, unless one is under way.
    pub(super) fn begin(&self, state: &AppState, relay: &Arc<RelaySide>) {
        let Ok(passing) = self.passing.clone().try_lock_owned() else {
            return;
        };
        let missing: Vec<Release> = wanted(&state.published())
            .into_iter()
            .filter(|release| !relay.cache.has(release.sha256))
            .collect();
        if missing.is_empty() {
            return;
        }
        let relay = relay.clone();
        tokio::spawn(async move {
            let _passing = passing;
            for release in missing {
                // The next pass tries again; what is wrong is in the log.
                if fetch_ahead(&relay, &release).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// What a channel or a rollout may give to a device, the newest release of each type first.
fn wanted(published: &Published) -> Vec<Release> {
    let by_channel = |id: &str| {
        published
            .channels
            .iter()
            .any(|known| known.release_id == id)
    };
    let by_rollout = |id: &str| {
        let mut rollouts = published.rollouts.iter();
        rollouts.any(|rollout| {
            let active = &rollout.active;
            active.release_id == id
                && matches!(
                    active.state,
                    RolloutState::Running | RolloutState::Paused | RolloutState::Completed
                )
        })
    };
    published
        .types
        .iter()
        .flat_map(|known| published.of_type(known.name.as_str()))
        .map(|offering| &offering.release)
        .filter(|release| release.blocked.is_none())
        .filter(|release| by_channel(&release.id) || by_rollout(&release.id))
        .map(|release| (**release).clone())
        .collect()
}
