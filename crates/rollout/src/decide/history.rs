use std::fmt;

use updraft_protocol::ReasonCode;
use updraft_protocol::api::{Deployment, DeploymentState};

/// A device's deployments so far, in any order.
pub trait History: fmt::Debug {
    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them, by its number from 0.
    fn get(&self, index: usize) -> Option<Past<'_>>;
}

/// One deployment, as far as decisions look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past<'a> {
    /// The release.
    pub release_id: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The rollout, if it was by one.
    pub rollout_id: Option<&'a str>,
    /// Where it stands.
    pub state: DeploymentState,
    /// Why it ended badly.
    pub reason: Option<ReasonCode>,
    /// How often the device failed.
    pub failures: u32,
    /// The latest news, Unix seconds.
    pub updated_at: i64,
}

impl<'a> From<&'a Deployment> for Past<'a> {
    fn from(deployment: &'a Deployment) -> Self {
        Self {
            release_id: &deployment.release_id,
            version: &deployment.version,
            rollout_id: deployment.rollout_id.as_deref(),
            state: deployment.state,
            reason: deployment.reason,
            failures: deployment.failures,
            updated_at: deployment.updated_at,
        }
    }
}

impl History for () {
    fn len(&self) -> usize {
        0
    }

    fn get(&self, _: usize) -> Option<Past<'_>> {
        None
    }
}

impl History for Vec<Deployment> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn get(&self, index: usize) -> Option<Past<'_>> {
        self.as_slice().get(index).map(Past::from)
    }
}

pub(super) fn all(history: &dyn History) -> impl Iterator<Item = Past<'_>> {
    (0..history.len()).filter_map(|index| history.get(index))
}

/// Whether the device was confirmed in a rollout and still runs what that brought.
pub(super) fn is_confirmed_in(
    history: &dyn History,
    rollout_id: &str,
    running: Option<&str>,
) -> bool {
    all(history).any(|past| {
        past.rollout_id == Some(rollout_id)
            && past.state == DeploymentState::Confirmed
            && running == Some(past.version)
    })
}

/// A device's deployment in one rollout.
pub(super) fn here<'a>(history: &'a dyn History, rollout_id: &str) -> Option<Past<'a>> {
    if history.is_empty() {
        return None;
    }
    all(history).find(|past| past.rollout_id == Some(rollout_id))
}
