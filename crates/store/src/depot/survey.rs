use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use object_store::{ObjectMeta, ObjectStore as _};
use updraft_protocol::DeviceTypeName;
use updraft_protocol::version::Version;

use super::layout::{
    BLOCKED, FIRMWARE, METADATA, PRODUCTION, RELEASES, ROLLBACK, VERSION, folder_version,
};
use super::{Depot, DepotError, Result};

/// Most files that a survey looks at: thirty thousand releases. Each costs some hundred bytes for a moment.
pub const MAX_OBJECTS: usize = 100_000;

/// One file as the listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Changes when the content does.
    pub tag: String,
    /// In bytes.
    pub size: u64,
}

/// The three files of a folder, as far as they are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// `firmware.bin`.
    pub firmware: Option<Seen>,
    /// `version.txt`.
    pub version: Option<Seen>,
    /// `metadata.json`.
    pub metadata: Option<Seen>,
}

impl Files {
    /// Whether all three are there.
    pub fn are_complete(&self) -> bool {
        self.firmware.is_some() && self.version.is_some() && self.metadata.is_some()
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<Seen>> {
        match name {
            FIRMWARE => Some(&mut self.firmware),
            VERSION => Some(&mut self.version),
            METADATA => Some(&mut self.metadata),
            _ => None,
        }
    }
}

/// What there is of one device type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeFolder {
    /// The releases.
    pub releases: BTreeMap<Version, Files>,
    /// Folders under `releases/` that are named after no version.
    pub strange: Vec<String>,
    /// `production/`.
    pub production: Files,
    /// `rollback/blocked_versions.json`.
    pub blocked: Option<Seen>,
}

/// What there is in the whole depot, by device type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// The device types.
    pub types: BTreeMap<DeviceTypeName, TypeFolder>,
}

impl Depot {
    /// Looks at everything by one listing. What is not of the layout is passed over.
    pub async fn survey(&self) -> Result<Survey> {
        let mut survey = Survey::default();
        let mut objects = self.store.list(Some(&self.root));
        let mut count = 0;
        while let Some(object) = objects
            .try_next()
            .await
            .map_err(DepotError::failed("list", &self.shown))?
        {
            count += 1;
            if count > MAX_OBJECTS {
                return Err(DepotError::TooMany {
                    shown: self.shown.clone(),
                    limit: MAX_OBJECTS,
                });
            }
            self.place(&mut survey, &object);
        }
        Ok(survey)
    }

    fn place(&self, survey: &mut Survey, object: &ObjectMeta) {
        let Some(parts) = object.location.prefix_match(&self.root) else {
            return;
        };
        let parts: Vec<_> = parts.collect();
        let names: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        let Some((Ok(device_type), rest)) = names
            .split_first()
            .map(|(first, rest)| (first.parse::<DeviceTypeName>(), rest))
        else {
            return;
        };
        let seen = Seen {
            tag: object.e_tag.clone().unwrap_or_default() + &object.last_modified.to_rfc3339(),
            size: object.size,
        };
        match rest {
            [RELEASES, name, file] => {
                let folder = survey.types.entry(device_type).or_default();
                match folder_version(name) {
                    Some(version) => {
                        if let Some(slot) = folder.releases.entry(version).or_default().slot(file) {
                            *slot = Some(seen);
                        }
                    }
                    None if !folder.strange.iter().any(|known| known == name) => {
                        folder.strange.push((*name).to_owned());
                    }
                    None => {}
                }
            }
            [PRODUCTION, file] => {
                let folder = survey.types.entry(device_type).or_default();
                if let Some(slot) = folder.production.slot(file) {
                    *slot = Some(seen);
                }
            }
            [ROLLBACK, BLOCKED] => {
                survey.types.entry(device_type).or_default().blocked = Some(seen);
            }
            _ => {}
        }
    }
}
