use semver::{Version, VersionReq};
use updraft_protocol::api::rollout::{Area, RolloutPlan, Target};

use super::names::Names;
use super::{MAX_IDS, MAX_PLACES, PlanError};

/// Whom a plan is for, ready to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Audience {
    chips: Names,
    versions: Option<VersionReq>,
    everywhere: Places,
    ids: Names,
    include: Names,
    exclude: Names,
    pub(crate) confirmed_in: Option<String>,
    waves: Vec<Places>,
}

/// A condition on where devices are.
#[derive(Debug, Clone, Default)]
struct Places {
    regions: Names,
    sites: Names,
    groups: Names,
    tags: Names,
}

/// What the conditions look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whom<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) chip: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) site: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
    pub(crate) tags: &'a [String],
}

/// The first condition of a target that a device does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside<'a> {
    /// It is on the list of exclusions.
    Excluded,
    /// Its chip is not among those named.
    Chip(Option<&'a str>),
    /// It does not run one of the versions that are required.
    Version {
        /// The requirement.
        wanted: &'a str,
    },
    /// Its region is not among those named.
    Region(Option<&'a str>),
    /// Its site is not among those named.
    Site(Option<&'a str>),
    /// Its group is not among those named.
    Group(Option<&'a str>),
    /// It lacks this tag.
    Tag(&'a str),
    /// It is not among the devices named.
    Id,
    /// It was not confirmed in this rollout, or runs something else since.
    NotConfirmedIn(&'a str),
    /// No wave takes it.
    NoWave,
}

impl Places {
    fn new(area: &Area) -> Result<Self, PlanError> {
        Ok(Self {
            regions: Names::new("regions", &area.regions, MAX_PLACES)?,
            sites: Names::new("sites", &area.sites, MAX_PLACES)?,
            groups: Names::new("groups", &area.groups, MAX_PLACES)?,
            tags: Names::new("tags", &area.tags, MAX_PLACES)?,
        })
    }

    fn of_target(target: &Target) -> Result<Self, PlanError> {
        Ok(Self {
            regions: Names::new("regions", &target.regions, MAX_PLACES)?,
            sites: Names::new("sites", &target.sites, MAX_PLACES)?,
            groups: Names::new("groups", &target.groups, MAX_PLACES)?,
            tags: Names::new("tags", &target.tags, MAX_PLACES)?,
        })
    }

    fn outside<'a>(&'a self, whom: &Whom<'a>) -> Option<Outside<'a>> {
        if !self.regions.admits(whom.region) {
            return Some(Outside::Region(whom.region));
        }
        if !self.sites.admits(whom.site) {
            return Some(Outside::Site(whom.site));
        }
        if !self.groups.admits(whom.group) {
            return Some(Outside::Group(whom.group));
        }
        self.tags.first_missing(whom.tags).map(Outside::Tag)
    }
}

impl Audience {
    pub(crate) fn new(plan: &RolloutPlan) -> Result<Self, PlanError> {
        let target = &plan.target;
        let versions = match &target.versions {
            None => None,
            Some(text) => Some(VersionReq::parse(text).map_err(|_| PlanError::Versions {
                found: text.clone(),
            })?),
        };
        let mut waves = Vec::new();
        for wave in &plan.waves {
            waves.push(Places::new(&wave.area)?);
        }
        if waves.is_empty() {
            waves.push(Places::default());
        }
        Ok(Self {
            chips: Names::new("chips", &target.chips, MAX_PLACES)?,
            versions,
            everywhere: Places::of_target(target)?,
            ids: Names::new("ids", &target.ids, MAX_IDS)?,
            include: Names::new("include", &target.include, MAX_IDS)?,
            exclude: Names::new("exclude", &target.exclude, MAX_IDS)?,
            confirmed_in: target.confirmed_in.clone(),
            waves,
        })
    }

    /// Whether a device is to be updated at once, whatever stage it is.
    pub(crate) fn includes(&self, id: Option<&str>) -> bool {
        !self.include.is_empty() && id.is_some_and(|id| self.include.has(id))
    }

    /// The wave of a device of the target, or the first condition it does not meet. A device that `has_begun` stays in the
    /// target although it runs another version by now.
    pub(crate) fn wave<'a>(
        &'a self,
        plan: &'a RolloutPlan,
        whom: &Whom<'a>,
        running: Option<&Version>,
        has_begun: bool,
        is_confirmed_there: impl FnOnce(&str) -> bool,
    ) -> Result<u32, Outside<'a>> {
        if !self.exclude.is_empty() && whom.id.is_some_and(|id| self.exclude.has(id)) {
            return Err(Outside::Excluded);
        }
        if self.includes(whom.id) {
            return Ok(self.first_wave(whom).unwrap_or(0));
        }
        if !self.chips.admits(whom.chip) {
            return Err(Outside::Chip(whom.chip));
        }
        if !has_begun
            && let (Some(versions), Some(wanted)) = (&self.versions, &plan.target.versions)
            && !running.is_some_and(|running| versions.matches(running))
        {
            return Err(Outside::Version { wanted });
        }
        if let Some(outside) = self.everywhere.outside(whom) {
            return Err(outside);
        }
        if !self.ids.admits(whom.id) {
            return Err(Outside::Id);
        }
        if !has_begun
            && let Some(rollout) = &self.confirmed_in
            && !is_confirmed_there(rollout)
        {
            return Err(Outside::NotConfirmedIn(rollout));
        }
        self.first_wave(whom).ok_or(Outside::NoWave)
    }

    fn first_wave(&self, whom: &Whom<'_>) -> Option<u32> {
        self.waves
            .iter()
            .position(|wave| wave.outside(whom).is_none())
            .map(|wave| wave as u32)
    }
}
