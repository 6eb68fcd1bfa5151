use object_store::path::Path;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use updraft_protocol::Digest;

use super::{DepotError, Result};
use crate::NewRelease;

/// Largest `metadata.json` in bytes: a description and a dozen fields.
pub const MAX_METADATA: u64 = 64 * 1024;

/// What `metadata.json` says.
///
/// The layout's documentation names the file and not its fields. Updraft writes those below; of what others
/// write it reads these, each optional, and keeps the rest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The release's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of `firmware.bin`, by which a reader can tell that the files belong together. `checksum` is read, too.
    #[serde(default, alias = "checksum", skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// What the release is about. `notes` is read, too.
    #[serde(default, alias = "notes", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether devices install it at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Which versions it can be installed over, a semver requirement; any without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_versions: Option<String>,
    /// Whether devices below it must pass through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stepping_stone: Option<bool>,
    /// Whatever else it says.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Metadata {
    /// What Updraft says of a release that it publishes.
    pub fn of(release: &NewRelease) -> Self {
        let mut other = Map::new();
        for (name, value) in [
            ("device_type", Value::from(release.device_type.as_str())),
            ("size", release.size.into()),
            ("chip", release.chip.as_str().into()),
            ("project", release.project.as_str().into()),
            ("elf_sha256", release.elf_sha256.to_string().into()),
            ("secure_version", release.secure_version.into()),
            ("idf_version", release.idf_version.as_str().into()),
            ("compile_time", release.compile_time.as_str().into()),
        ] {
            other.insert(name.to_owned(), value);
        }
        Self {
            version: Some(release.version.to_string()),
            sha256: Some(release.sha256),
            description: Some(release.description.clone()),
            required: Some(release.required),
            from_versions: release.from_versions.clone(),
            stepping_stone: release.stepping_stone.then_some(true),
            other,
        }
    }

    /// Reads a file.
    pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes)
            .map_err(|error| DepotError::unreadable(path, error.to_string()))
    }

    /// The file's bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        json(self)
    }
}

/// Pretty JSON with a newline at its end, as people like to read it.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // Strings, numbers and JSON values under string keys always serialise.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
