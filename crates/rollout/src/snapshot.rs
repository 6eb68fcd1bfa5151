use std::collections::HashMap;
use std::sync::Arc;

use semver::{Comparator, Op, Prerelease, Version, VersionReq};
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::rollout::RolloutState;
use updraft_protocol::api::{Release, ReleaseStatus};
use updraft_protocol::version::{self, VersionError};

use crate::active::ActiveRollout;

/// The channel devices follow unless told otherwise.
pub const STABLE: &str = "stable";

/// All that offers are decided from, published as a whole and never changed afterwards.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    types: HashMap<DeviceTypeName, TypeSnapshot>,
    /// From when on nothing is decided from it any more, Unix seconds.
    expires_at: Option<i64>,
}

impl Snapshot {
    /// A snapshot of these device types.
    pub fn new(types: impl IntoIterator<Item = (DeviceTypeName, TypeSnapshot)>) -> Self {
        Self {
            types: types.into_iter().collect(),
            expires_at: None,
        }
    }

    /// The same, which holds only until this Unix time in seconds: it is somebody else's, and may be out of date by then.
    /// From then on it offers nothing.
    #[must_use]
    pub fn until(self, expires_at: Option<i64>) -> Self {
        Self { expires_at, ..self }
    }

    /// From when on it offers nothing, Unix seconds, if it ends at all.
    pub const fn expires_at(&self) -> Option<i64> {
        self.expires_at
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

/// A release that may be offered, with its version read.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its version.
    pub version: Version,
    /// All that is known of it.
    pub release: Arc<Release>,
    /// What has to run for it to be installed, if that matters. As everywhere in semver requirements, a pre-release fits only
    /// where one is named.
    pub from_versions: Option<VersionReq>,
    /// Whether devices below it must install it before anything above it.
    pub is_stepping_stone: bool,
}

impl Candidate {
    /// A release, with its version read.
    pub fn new(version: Version, release: Arc<Release>) -> Self {
        let from_versions = release.from_versions.as_deref().map(|text| {
            // What cannot be read fits nothing: nobody is to install over who knows what.
            VersionReq::parse(text).unwrap_or_else(|_| nothing())
        });
        Self {
            version,
            from_versions,
            is_stepping_stone: release.stepping_stone,
            release,
        }
    }
}

/// No version is below the lowest.
fn nothing() -> VersionReq {
    VersionReq {
        comparators: vec![Comparator {
            op: Op::Less,
            major: 0,
            minor: Some(0),
            patch: Some(0),
            pre: Prerelease::EMPTY,
        }],
    }
}

impl TryFrom<Arc<Release>> for Candidate {
    type Error = VersionError;

    fn try_from(release: Arc<Release>) -> Result<Self, VersionError> {
        Ok(Self::new(version::parse(&release.version)?, release))
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
    rollouts: Vec<ActiveRollout>,
    /// By release: its rollouts, and whether they alone bring it.
    ways: Vec<Ways>,
    /// Release and rollout of those that take devices down.
    downgrades: Vec<(usize, usize)>,
    /// Lowest first.
    stepping_stones: Vec<usize>,
}

#[derive(Debug, Clone, Default)]
struct Ways {
    rollouts: Vec<usize>,
    by_rollout_only: bool,
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
        let stones = (0..releases.len()).rev();
        Self {
            chip,
            slot_size,
            ways: vec![Ways::default(); releases.len()],
            stepping_stones: stones
                .filter(|index| releases[*index].is_stepping_stone)
                .collect(),
            releases,
            channels,
            rollouts: Vec::new(),
            downgrades: Vec::new(),
        }
    }

    /// The same with its rollouts, the oldest first: all that were started, whatever their state. Those of other types'
    /// releases are passed over.
    ///
    /// As long as the latest started rollout of a release is not completed, the release is to be had by its rollouts only: also
    /// after that was cancelled, because cancelling one must not give the release to everybody. Rollouts that take devices down
    /// leave the way up as it was.
    #[must_use]
    pub fn with_rollouts(mut self, rollouts: Vec<ActiveRollout>) -> Self {
        self.rollouts = rollouts;
        self.downgrades.clear();
        for ways in &mut self.ways {
            *ways = Ways::default();
        }
        for (number, rollout) in self.rollouts.iter().enumerate() {
            let of = |candidate: &Candidate| candidate.release.id == rollout.release_id;
            let Some(index) = self.releases.iter().position(of) else {
                continue;
            };
            if rollout.state == RolloutState::Draft || rollout.started_at.is_none() {
                continue;
            }
            if rollout.plan.wire().allow_downgrade {
                self.downgrades.push((index, number));
                continue;
            }
            let ways = &mut self.ways[index];
            ways.by_rollout_only = rollout.state != RolloutState::Completed;
            ways.rollouts.push(number);
        }
        self
    }

    /// The releases, newest version first.
    pub fn releases(&self) -> &[Candidate] {
        &self.releases
    }

    /// Every rollout, the oldest first.
    pub fn rollouts(&self) -> &[ActiveRollout] {
        &self.rollouts
    }

    /// The id of the release a channel points at.
    pub fn channel(&self, name: &str) -> Option<&str> {
        self.channels.get(name).map(String::as_str)
    }

    /// The newest release anybody may have.
    pub fn newest_stable(&self) -> Option<&Candidate> {
        self.for_everybody().next()
    }

    /// The releases anybody may have, newest first: stable, not blocked, and not to be had by rollouts only.
    pub fn for_everybody(&self) -> impl Iterator<Item = &Candidate> {
        let releases = self.releases.iter().zip(&self.ways);
        let open = releases.filter(|(candidate, ways)| {
            let release = &candidate.release;
            release.status == ReleaseStatus::Stable
                && release.blocked.is_none()
                && !ways.by_rollout_only
        });
        open.map(|(candidate, _)| candidate)
    }

    /// Whether a release, by its number, is to be had by its rollouts only.
    pub(crate) fn is_by_rollout_only(&self, index: usize) -> bool {
        self.ways
            .get(index)
            .is_some_and(|ways| ways.by_rollout_only)
    }

    /// The rollouts of a release, by its number, the oldest first.
    pub(crate) fn rollouts_of(&self, index: usize) -> impl Iterator<Item = &ActiveRollout> {
        let ways = self.ways.get(index).into_iter();
        ways.flat_map(|ways| ways.rollouts.iter())
            .map(|number| &self.rollouts[*number])
    }

    pub(crate) fn downgrades(&self) -> impl Iterator<Item = (&Candidate, &ActiveRollout)> {
        let pair =
            |(index, number): &(usize, usize)| (&self.releases[*index], &self.rollouts[*number]);
        self.downgrades.iter().map(pair)
    }

    /// Releases that may not be jumped over, lowest first.
    pub(crate) fn stepping_stones(&self) -> impl Iterator<Item = &Candidate> {
        self.stepping_stones
            .iter()
            .map(|index| &self.releases[*index])
    }
}
