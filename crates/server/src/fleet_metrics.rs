//! What is measured of the fleet itself, counted when it is asked for: success by version, failures by kind and reason,
//! devices by state, rollouts by state.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use updraft_protocol::ReasonCode;
use updraft_protocol::api::rollout::RolloutState;
use updraft_protocol::api::{Deployment, DeploymentState};

use crate::core::Core;
use crate::rollouts::Live;

/// Most rollouts that are measured apart: what a Prometheus holds without noticing.
const MAX_ROLLOUTS: usize = 50;

/// Deployments of one version of one device type.
#[derive(Debug, Default)]
pub(crate) struct VersionCounts {
    /// By state.
    pub(crate) states: BTreeMap<&'static str, u64>,
    /// Failures, by the state they are and the reason.
    pub(crate) failures: BTreeMap<(&'static str, &'static str), u64>,
    confirmed: u64,
    evaluated: u64,
}

impl VersionCounts {
    /// Counts one deployment.
    pub(crate) fn add(&mut self, deployment: &Deployment) {
        let state = deployment.state;
        *self.states.entry(state.as_str()).or_default() += 1;
        if state == DeploymentState::Confirmed {
            self.confirmed += 1;
            self.evaluated += 1;
        }
        if state.is_failure() {
            self.evaluated += 1;
            let reason = deployment.reason.map_or("unknown", ReasonCode::as_str);
            *self.failures.entry((state.as_str(), reason)).or_default() += 1;
        }
    }
}

// Writing to a String cannot fail.

fn head(text: &mut String, name: &str, help: &str) {
    let _ = writeln!(
        text,
        "# HELP updraft_{name} {help}.\n# TYPE updraft_{name} gauge"
    );
}

impl Core {
    /// The fleet, as Prometheus reads it.
    pub(crate) async fn fleet_metrics(&self) -> String {
        let mut text = String::with_capacity(4096);
        let fleet = self.devices.by_version();
        head(
            &mut text,
            "fleet_deployments",
            "Devices by the version they were last offered and how that stands",
        );
        for ((device_type, version), counts) in &fleet {
            for (state, count) in &counts.states {
                let _ = writeln!(
                    text,
                    "updraft_fleet_deployments{{device_type=\"{device_type}\",version=\"{version}\",state=\"{state}\"}} {count}"
                );
            }
        }
        head(
            &mut text,
            "fleet_failures",
            "Devices whose update failed, by version, kind and reason",
        );
        for ((device_type, version), counts) in &fleet {
            for ((kind, reason), count) in &counts.failures {
                let _ = writeln!(
                    text,
                    "updraft_fleet_failures{{device_type=\"{device_type}\",version=\"{version}\",kind=\"{kind}\",reason=\"{reason}\"}} {count}"
                );
            }
        }
        head(
            &mut text,
            "fleet_success_ratio",
            "The share of confirmed devices among those with an outcome, by version",
        );
        for ((device_type, version), counts) in &fleet {
            if counts.evaluated > 0 {
                // Far fewer devices than a double counts exactly.
                let confirmed = f64::from(u32::try_from(counts.confirmed).unwrap_or(u32::MAX));
                let evaluated = f64::from(u32::try_from(counts.evaluated).unwrap_or(u32::MAX));
                let ratio = confirmed / evaluated;
                let _ = writeln!(
                    text,
                    "updraft_fleet_success_ratio{{device_type=\"{device_type}\",version=\"{version}\"}} {ratio}"
                );
            }
        }
        self.rollout_metrics(&mut text).await;
        head(&mut text, "rollouts", "Rollouts by state");
        let states = self.rollout_states().await;
        for state in RolloutState::ALL {
            let count = states.iter().filter(|one| *one == state).count();
            let _ = writeln!(text, "updraft_rollouts{{state=\"{state}\"}} {count}");
        }
        text
    }

    /// The devices of unfinished rollouts. Those that ended are history, and would only be more and more.
    async fn rollout_metrics(&self, text: &mut String) {
        let unfinished = |live: &Live| live.record.state.is_unfinished();
        let rollouts = self.list(None, MAX_ROLLOUTS, unfinished).await;
        head(
            text,
            "rollout_devices",
            "Devices of unfinished rollouts, by the state of their deployment",
        );
        for rollout in rollouts {
            let labels = format!(
                "rollout=\"{}\",device_type=\"{}\",version=\"{}\"",
                rollout.id, rollout.device_type, rollout.version
            );
            for state in DeploymentState::ALL {
                let count = rollout.counts.get(*state);
                let _ = writeln!(
                    text,
                    "updraft_rollout_devices{{{labels},state=\"{state}\"}} {count}",
                    state = state.as_str()
                );
            }
        }
    }
}
