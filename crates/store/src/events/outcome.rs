use serde_json::json;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::Deployment;

use super::NewEvent;

/// A deployment that came to an end, or to another one than was thought.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The device's type.
    pub device_type: DeviceTypeName,
    /// The deployment as it stands then.
    pub deployment: Deployment,
}

impl Outcome {
    pub(crate) fn event(&self, device_id: &str) -> NewEvent {
        let deployment = &self.deployment;
        NewEvent {
            kind: format!("deployment.{}", deployment.state.as_str()),
            subject: device_id.to_owned(),
            rollout_id: deployment.rollout_id.clone().unwrap_or_default(),
            actor: format!("device {device_id}"),
            detail: json!({
                "device_type": self.device_type,
                "release_id": deployment.release_id,
                "version": deployment.version,
                "state": deployment.state,
                "reason": deployment.reason,
                "detail": deployment.detail,
                "failures": deployment.failures,
                "step": deployment.step,
            }),
        }
    }
}
