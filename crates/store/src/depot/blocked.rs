use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use updraft_protocol::DeviceTypeName;

use super::metadata::json;
use super::{Depot, DepotError, Result};

/// Largest `blocked_versions.json` in bytes: a thousand versions with a long reason each.
pub const MAX_BLOCKED: u64 = 1024 * 1024;

/// How often a change is tried anew after somebody else's. More than a few at once is no accident.
const TRIES: u32 = 8;

/// What `blocked_versions.json` says: seed 003's shape, section 2.3.
///
/// ```json
/// { "blocked_versions": ["1.1.0"], "reason": { "1.1.0": "Boot loop after OTA" } }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockedVersions {
    /// The versions that nobody may have.
    #[serde(default, rename = "blocked_versions")]
    versions: Vec<String>,
    /// Why, for those of which somebody said so.
    #[serde(default)]
    reason: BTreeMap<String, String>,
    /// Whatever else it says, which is kept.
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// A version without the `v` that some write before it.
fn bare(version: &str) -> &str {
    let trimmed = version.trim();
    trimmed.strip_prefix(['v', 'V']).unwrap_or(trimmed)
}

impl BlockedVersions {
    /// Each blocked version without a leading `v`, and why; empty if nobody said.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let reason = |version: &str| {
            let named = |key: &&String| bare(key) == bare(version);
            let key = self.reason.keys().find(named);
            key.and_then(|key| self.reason.get(key))
                .cloned()
                .unwrap_or_default()
        };
        self.versions
            .iter()
            .map(|version| (bare(version).to_owned(), reason(version)))
            .collect()
    }

    /// Blocks a version, or changes why it is blocked.
    pub fn block(&mut self, version: &str, reason: &str) {
        if !self.versions.iter().any(|known| bare(known) == version) {
            self.versions.push(version.to_owned());
        }
        self.reason.retain(|known, _| bare(known) != version);
        self.reason.insert(version.to_owned(), reason.to_owned());
    }

    /// Lifts a version's block.
    pub fn unblock(&mut self, version: &str) {
        self.versions.retain(|known| bare(known) != version);
        self.reason.retain(|known, _| bare(known) != version);
    }
}

impl Depot {
    /// What is blocked; none if nobody wrote the file.
    pub async fn blocked(&self, device_type: &DeviceTypeName) -> Result<Option<BlockedVersions>> {
        let path = self.blocked_path(device_type);
        let object = self.read(&path, MAX_BLOCKED).await?;
        object
            .map(|object| {
                serde_json::from_slice(&object.bytes)
                    .map_err(|error| DepotError::unreadable(&path, error.to_string()))
            })
            .transpose()
    }

    /// Changes what is blocked, and returns what is blocked now. `change` may be called several times: when somebody
    /// else changed the file meanwhile, theirs is read and changed anew.
    pub async fn change_blocked(
        &self,
        device_type: &DeviceTypeName,
        mut change: impl FnMut(&mut BlockedVersions),
    ) -> Result<BlockedVersions> {
        let path = self.blocked_path(device_type);
        for _ in 0..TRIES {
            let object = self.read(&path, MAX_BLOCKED).await?;
            let mut blocked = match &object {
                None => BlockedVersions::default(),
                Some(object) => serde_json::from_slice(&object.bytes)
                    .map_err(|error| DepotError::unreadable(&path, error.to_string()))?,
            };
            let before = blocked.clone();
            change(&mut blocked);
            if object.is_some() && blocked == before {
                return Ok(blocked);
            }
            if self.replace(&path, object.as_ref(), json(&blocked)).await? {
                return Ok(blocked);
            }
        }
        Err(DepotError::Contended {
            path: path.to_string(),
        })
    }
}
