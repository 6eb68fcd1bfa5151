use std::collections::HashMap;
use std::sync::Arc;

use semver::Version;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::{Release, ReleaseStatus};
use updraft_protocol::version::{self, VersionError};

/// The channel devices follow unless told otherwise.
pub const STABLE: &str = "stable";

/// All that offers are decided from, published as a whole and never changed afterwards.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    types: HashMap<DeviceTypeName, TypeSnapshot>,
}

impl Snapshot {
    /// A snapshot of these device types.
    pub fn new(types: impl IntoIterator<Item = (DeviceTypeName, TypeSnapshot)>) -> Self {
        Self {
            types: types.into_iter().collect(),
        }
    }

    /// One device type.
    pub fn device_type(&self, name: &str) -> Option<&TypeSnapshot> {
        self.types.get(name)
    }

    /// Every device type, in no order.
    pub fn device_types(&self) -> impl Iterator<Item = (&DeviceTypeName, &TypeSnapshot)> {
        self.types.iter()
    }
}

/// One device type: what it can hold and what there is for it.
#[derive(Debug, Clone)]
pub struct TypeSnapshot {
    /// The only chip whose images it takes.
    pub chip: String,
    /// Size in bytes of the slot an image must fit into.
    pub slot_size: u32,
    releases: Vec<Candidate>,
    channels: HashMap<String, String>,
}

impl TypeSnapshot {
    /// A device type with its releases, in any order, and its channels as name and release id.
    pub fn new(
        chip: String,
        slot_size: u32,
        mut releases: Vec<Candidate>,
        channels: HashMap<String, String>,
    ) -> Self {
        releases.sort_by(|a, b| b.version.cmp_precedence(&a.version));
        Self {
            chip,
            slot_size,
            releases,
            channels,
        }
    }

    /// The releases, newest version first.
    pub fn releases(&self) -> &[Candidate] {
        &self.releases
    }

    /// The id of the release a channel points at.
    pub fn channel(&self, name: &str) -> Option<&str> {
        self.channels.get(name).map(String::as_str)
    }

    /// The newest release anybody may have: stable and not blocked.
    pub fn newest_stable(&self) -> Option<&Candidate> {
        self.releases.iter().find(|candidate| {
            candidate.release.status == ReleaseStatus::Stable && candidate.release.blocked.is_none()
        })
    }
}

/// A release that may be offered, with its version read.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its version.
    pub version: Version,
    /// All that is known of it.
    pub release: Arc<Release>,
}

impl TryFrom<Arc<Release>> for Candidate {
    type Error = VersionError;

    fn try_from(release: Arc<Release>) -> Result<Self, VersionError> {
        Ok(Self {
            version: version::parse(&release.version)?,
            release,
        })
    }
}
