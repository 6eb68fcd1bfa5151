use serde::{Deserialize, Serialize};

use super::FailureKind;
use crate::api::DeploymentState;

/// Devices by the state of their deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Counts {
    /// Offered, nothing heard yet.
    pub offered: u32,
    /// Bytes are arriving.
    pub downloading: u32,
    /// In the slot, verified.
    pub downloaded: u32,
    /// About to start the new app.
    pub rebooting: u32,
    /// The new app runs and proved itself.
    pub confirmed: u32,
    /// It did not work; the old app runs on.
    pub failed: u32,
    /// The new app was started and the old one is back.
    pub rolled_back: u32,
    /// The device refused it.
    pub rejected: u32,
    /// It took longer than its limit.
    pub timed_out: u32,
    /// Silent since it rebooted.
    pub lost: u32,
    /// Called off.
    pub cancelled: u32,
    /// Another release took its place.
    pub superseded: u32,
}

impl Counts {
    /// How many are in one state.
    pub const fn get(&self, state: DeploymentState) -> u32 {
        match state {
            DeploymentState::Offered => self.offered,
            DeploymentState::Downloading => self.downloading,
            DeploymentState::Downloaded => self.downloaded,
            DeploymentState::Rebooting => self.rebooting,
            DeploymentState::Confirmed => self.confirmed,
            DeploymentState::Failed => self.failed,
            DeploymentState::RolledBack => self.rolled_back,
            DeploymentState::Rejected => self.rejected,
            DeploymentState::TimedOut => self.timed_out,
            DeploymentState::Lost => self.lost,
            DeploymentState::Cancelled => self.cancelled,
            DeploymentState::Superseded => self.superseded,
        }
    }

    /// The number of one state, to be changed.
    pub const fn get_mut(&mut self, state: DeploymentState) -> &mut u32 {
        match state {
            DeploymentState::Offered => &mut self.offered,
            DeploymentState::Downloading => &mut self.downloading,
            DeploymentState::Downloaded => &mut self.downloaded,
            DeploymentState::Rebooting => &mut self.rebooting,
            DeploymentState::Confirmed => &mut self.confirmed,
            DeploymentState::Failed => &mut self.failed,
            DeploymentState::RolledBack => &mut self.rolled_back,
            DeploymentState::Rejected => &mut self.rejected,
            DeploymentState::TimedOut => &mut self.timed_out,
            DeploymentState::Lost => &mut self.lost,
            DeploymentState::Cancelled => &mut self.cancelled,
            DeploymentState::Superseded => &mut self.superseded,
        }
    }

    /// How many ended in one kind of failure.
    pub const fn failures_of(&self, kind: FailureKind) -> u32 {
        self.get(kind.state())
    }

    /// How many ended in any kind of failure.
    pub fn failures(&self) -> u32 {
        FailureKind::ALL
            .iter()
            .map(|kind| self.failures_of(*kind))
            .sum()
    }

    /// How many a rollout is judged by: `confirmed` and every kind of failure, nothing else.
    pub fn evaluated(&self) -> u32 {
        self.confirmed + self.failures()
    }

    /// How many are under way.
    pub const fn open(&self) -> u32 {
        self.offered + self.downloading + self.downloaded + self.rebooting
    }

    /// How many there are in all.
    pub fn total(&self) -> u32 {
        self.open() + self.evaluated() + self.cancelled + self.superseded
    }

    /// What was added since `earlier`, state by state; a number that fell since counts as nothing.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut since = Self::default();
        for state in DeploymentState::ALL {
            *since.get_mut(*state) = self.get(*state).saturating_sub(earlier.get(*state));
        }
        since
    }
}
