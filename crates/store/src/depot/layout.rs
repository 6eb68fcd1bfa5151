//! The names of seed 003's sections 2.1 to 2.3.

use object_store::path::{Path, PathPart};
use semver::Version;
use updraft_protocol::DeviceTypeName;

use super::Depot;

/// The app image.
pub(super) const FIRMWARE: &str = "firmware.bin";

/// The version alone.
pub(super) const VERSION: &str = "version.txt";

/// What else there is to say; written last.
pub(super) const METADATA: &str = "metadata.json";

/// The folder of all releases.
pub(super) const RELEASES: &str = "releases";

/// The folder of the deployed release.
pub(super) const PRODUCTION: &str = "production";

/// The folder of what is blocked.
pub(super) const ROLLBACK: &str = "rollback";

/// What is blocked.
pub(super) const BLOCKED: &str = "blocked_versions.json";

/// The folder's name of a version: `v1.2.0`.
pub(super) fn folder_name(version: &Version) -> String {
    format!("v{version}")
}

/// The version whose folder has this name, if it is written as this module writes it.
pub(super) fn folder_version(name: &str) -> Option<Version> {
    let version = Version::parse(name.strip_prefix('v')?).ok()?;
    (folder_name(&version) == name).then_some(version)
}

impl Depot {
    fn path(&self, parts: &[&str]) -> Path {
        let parts = parts.iter().map(|part| PathPart::from(*part));
        let mut path = self.root.clone();
        path.extend(parts);
        path
    }

    /// `{type}/releases/vX.Y.Z`.
    pub(super) fn release_path(&self, device_type: &DeviceTypeName, version: &Version) -> Path {
        self.path(&[device_type.as_str(), RELEASES, &folder_name(version)])
    }

    /// `{type}/production`.
    pub(super) fn production_path(&self, device_type: &DeviceTypeName) -> Path {
        self.path(&[device_type.as_str(), PRODUCTION])
    }

    /// `{type}/rollback/blocked_versions.json`.
    pub(super) fn blocked_path(&self, device_type: &DeviceTypeName) -> Path {
        self.path(&[device_type.as_str(), ROLLBACK, BLOCKED])
    }
}
