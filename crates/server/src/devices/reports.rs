//! What a report does to what is known of its device.

use std::sync::Arc;

use updraft_protocol::api::DeploymentState;
use updraft_protocol::{DeviceTypeName, ReasonCode, Report, version};

use super::entry::{Entry, MAX_KEPT};
use crate::plain::plain_report;
use crate::published::{Offering, Published, shorten};

/// The type of a device that reported before anybody learned what it is.
const UNKNOWN_TYPE: &str = "unknown";

/// What an unknown device that reports must be: what its release is for, or the only type with that version.
pub(super) fn guess_type(published: &Published, report: &Report) -> DeviceTypeName {
    if let Named::Sound(offering) = named(published, report) {
        return offering.release.device_type.clone();
    }
    let mut with_version = published.types.iter().filter(|device_type| {
        published
            .version(device_type.name.as_str(), &report.firmware_version)
            .is_some()
    });
    match (with_version.next(), with_version.next()) {
        (Some(only), None) => only.name.clone(),
        _ => UNKNOWN_TYPE.parse().expect("a valid name"),
    }
}

/// The release that a report names by its id.
enum Named<'a> {
    /// None.
    No,
    /// One whose version is another than the report's.
    Contradicted,
    /// This.
    Sound(&'a Arc<Offering>),
}

fn named<'a>(published: &'a Published, report: &Report) -> Named<'a> {
    let id = report.firmware_id.as_deref();
    match id.and_then(|id| published.offering(id)) {
        None => Named::No,
        Some(offering) if is_version(offering, &report.firmware_version) => Named::Sound(offering),
        Some(_) => Named::Contradicted,
    }
}

impl Entry {
    /// Takes over what a report says. How the deployment it is about stands then, and whether the report changed it;
    /// none if it names no known release.
    pub(super) fn take_report(
        &mut self,
        published: &Published,
        report: &Report,
        now: i64,
    ) -> Option<(DeploymentState, Option<ReasonCode>, bool)> {
        let report = &plain_report(report);
        let device_type = self.record.device.device_type.clone();
        // An id that contradicts the version or the device's type is about no deployment that can be known.
        let offering = match named(published, report) {
            Named::Sound(by_id) => Some(by_id).filter(|o| o.release.device_type == device_type),
            Named::Contradicted => None,
            Named::No => published.version(device_type.as_str(), &report.firmware_version),
        };
        self.absorb_report(report, published);
        let device = &mut self.record.device;
        device.last_seen = device.last_seen.max(Some(now));
        self.dirty = true;
        // The latest report only: one that is understood takes the place of one that was not.
        self.record.unmatched_report = offering.is_none().then(|| {
            let version = shorten(&report.firmware_version, MAX_KEPT);
            format!("{version} {}", report.update_status.as_str())
        });
        let offering = offering?;
        let changed = self.reported(report, offering, published, now);
        let index = self.way_to(&offering.release.id)?;
        let deployment = self.record.device.deployments.get(index)?;
        Some((deployment.state, deployment.reason, changed))
    }
}

/// Whether this text is the release's version.
fn is_version(offering: &Offering, text: &str) -> bool {
    version::parse(text).is_ok_and(|said| offering.version.cmp_precedence(&said).is_eq())
}
