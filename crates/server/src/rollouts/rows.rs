use serde::Serialize;
use updraft_protocol::DeviceId;
use updraft_protocol::api::{Deployment, DeploymentState};
use updraft_rollout::{Census, Standing};
use utoipa::ToSchema;

use super::preview::active;
use crate::core::Core;
use crate::devices::view;
use crate::identity::Words;

/// One device of a rollout's target.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Row {
    /// The device.
    pub(crate) device_id: DeviceId,
    /// The state of its deployment; else `waiting`, `current`, `kept_back` (held or pinned), or `unfit`.
    pub(crate) state: String,
    /// Its deployment in this rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deployment: Option<Deployment>,
}

impl Core {
    /// The devices of a rollout's target by id, each in exactly one row; `None` if there is no such rollout.
    pub(crate) async fn rows(
        &self,
        id: &str,
        after: Option<&DeviceId>,
        state: Option<&str>,
        limit: usize,
    ) -> Option<Vec<Row>> {
        let found = self
            .with_rollout(id, |live| {
                (live.record.device_type.clone(), active(live, &live.machine))
            })
            .await;
        let (device_type, active) = found?;
        let published = self.published();
        let now = self.clock.now();
        let Some(known) = published.snapshot.device_type(device_type.as_str()) else {
            return Some(Vec::new());
        };
        let Some(census) = Census::new(known, &active, now) else {
            return Some(Vec::new());
        };
        let row = |record: &updraft_store::DeviceRecord| {
            let device = &record.device;
            let deployment = device
                .deployments
                .iter()
                .find(|deployment| deployment.rollout_id.as_deref() == Some(id));
            let counted = deployment.filter(|deployment| deployment.step.is_some());
            let word = match counted {
                Some(deployment) => deployment.state.as_str(),
                None => match census.standing(&view(record, &Words::default())) {
                    Standing::Outside(_) => return None,
                    Standing::Current => "current",
                    Standing::KeptBack => "kept_back",
                    Standing::Unfit(_) => "unfit",
                    Standing::Member(_) => "waiting",
                },
            };
            let is_wanted = state.is_none_or(|state| state == word);
            is_wanted.then(|| Row {
                device_id: device.id.clone(),
                state: word.to_owned(),
                deployment: deployment.cloned(),
            })
        };
        Some(self.devices.rows(device_type.as_str(), row, after, limit))
    }
}

/// Every word of [`Row::state`] that is no deployment's state.
pub(crate) const WORDS: [&str; 4] = ["waiting", "current", "kept_back", "unfit"];

/// Whether a row may have this word.
pub(crate) fn is_word(text: &str) -> bool {
    WORDS.contains(&text)
        || DeploymentState::ALL
            .iter()
            .any(|state| state.as_str() == text)
}
