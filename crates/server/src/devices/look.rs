use std::collections::BTreeMap;

use updraft_protocol::api::{Deployment, DeploymentState, Device, FleetCounts};
use updraft_protocol::{DeviceId, DeviceTypeName, ReasonCode};
use updraft_rollout::Ledger;
use updraft_store::DeviceRecord;

use super::Devices;
use super::places::PlacesAt;
use crate::fleet_metrics::VersionCounts;
use crate::published::Published;

impl Devices {
    /// One device with all its deployments.
    pub(crate) fn device(&self, id: &DeviceId) -> Option<Device> {
        self.entries
            .get(id)
            .map(|entry| entry.record.device.clone())
    }

    /// Looks at all that is known of one device.
    pub(crate) fn with_record<T>(
        &self,
        id: &DeviceId,
        look: impl FnOnce(&DeviceRecord) -> T,
    ) -> Option<T> {
        self.entries.get(id).map(|entry| look(&entry.record))
    }

    /// How much of each rollout is under way at this moment, Unix seconds.
    pub(crate) const fn ledger(&self, now: i64) -> impl Ledger {
        PlacesAt(&self.places, now)
    }

    /// Whether a rollout told this device to stop its update to a release.
    pub(crate) fn is_called_off(
        &self,
        published: &Published,
        id: &DeviceId,
        release_id: &str,
    ) -> bool {
        let Some(entry) = self.entries.get(id) else {
            return false;
        };
        let of_release = |deployment: &&Deployment| deployment.release_id == release_id;
        let latest = entry.record.device.deployments.iter().find(of_release);
        latest.is_some_and(|deployment| {
            deployment.state == DeploymentState::Cancelled
                && deployment
                    .rollout_id
                    .as_deref()
                    .and_then(|rollout| published.rollout(rollout))
                    .is_some_and(|rollout| rollout.revoked)
        })
    }

    /// The first `limit` devices after `after` by id that `wanted` likes, each with its latest deployment.
    pub(crate) fn list(
        &self,
        after: Option<&DeviceId>,
        limit: usize,
        wanted: impl Fn(&Device) -> bool,
    ) -> Vec<Device> {
        let mut ids: Vec<DeviceId> = self
            .entries
            .iter()
            .filter(|entry| after.is_none_or(|after| entry.key() > after))
            .filter(|entry| wanted(&entry.record.device))
            .map(|entry| entry.key().clone())
            .collect();
        ids.sort_unstable();
        ids.truncate(limit);
        ids.iter()
            .filter_map(|id| self.entries.get(id))
            .map(|entry| {
                let device = &entry.record.device;
                Device {
                    deployments: device.deployments.first().cloned().into_iter().collect(),
                    ..without_deployments(device)
                }
            })
            .collect()
    }

    /// The latest deployment of every device, by device type and version.
    pub(crate) fn by_version(&self) -> BTreeMap<(String, String), VersionCounts> {
        let mut fleet: BTreeMap<(String, String), VersionCounts> = BTreeMap::new();
        for entry in &self.entries {
            let device = &entry.record.device;
            if let Some(latest) = device.deployments.first() {
                let key = (device.device_type.to_string(), latest.version.clone());
                fleet.entry(key).or_default().add(latest);
            }
        }
        fleet
    }

    /// How the fleet of one device type stands.
    pub(crate) fn fleet(&self, device_type: &DeviceTypeName) -> FleetCounts {
        let mut counts = FleetCounts::default();
        for entry in &self.entries {
            let device = &entry.record.device;
            if device.device_type != *device_type {
                continue;
            }
            counts.devices += 1;
            if let Some(version) = &device.version {
                *counts.versions.entry(version.clone()).or_default() += 1;
            }
            for deployment in &device.deployments {
                let states = counts
                    .deployments
                    .entry(deployment.version.clone())
                    .or_default();
                *states
                    .entry(deployment.state.as_str().to_owned())
                    .or_default() += 1;
                if deployment.state.is_failure() {
                    let reason = deployment.reason.map_or("unknown", ReasonCode::as_str);
                    let reasons = counts
                        .reasons
                        .entry(deployment.version.clone())
                        .or_default();
                    *reasons.entry(reason.to_owned()).or_default() += 1;
                }
            }
        }
        counts
    }
}

/// All of a device but its deployments, which may be many.
pub(super) fn without_deployments(device: &Device) -> Device {
    Device {
        id: device.id.clone(),
        device_type: device.device_type.clone(),
        channel: device.channel.clone(),
        version: device.version.clone(),
        elf_sha256: device.elf_sha256,
        slot: device.slot.clone(),
        state: device.state,
        reset_reason: device.reset_reason,
        enrolled: device.enrolled,
        first_seen: device.first_seen,
        last_seen: device.last_seen,
        poll_seconds: device.poll_seconds,
        attributes: device.attributes.clone(),
        pin: device.pin.clone(),
        hold: device.hold.clone(),
        deployments: Vec::new(),
    }
}
