use bytes::Bytes;
use object_store::path::Path;
use updraft_protocol::version::Version;
use updraft_protocol::{DeviceTypeName, Digest};

use super::layout::{FIRMWARE, METADATA, VERSION};
use super::object::digest;
use super::{Depot, DepotError, MAX_METADATA, Metadata, Result};

/// Largest `version.txt` in bytes: a version has 32 at most, and editors add a line's end.
const MAX_VERSION_TEXT: u64 = 256;

/// What `production/` says, as far as it belongs together.
#[derive(Debug, Clone, PartialEq)]
pub struct Production {
    /// What `version.txt` says, without the space around it.
    pub version: String,
    /// SHA-256 of `firmware.bin`.
    pub sha256: Digest,
    /// What `metadata.json` says.
    pub metadata: Metadata,
}

impl Depot {
    /// Makes `production/` describe this release. `metadata` must name the SHA-256 of `firmware`.
    ///
    /// `metadata.json` is written last: until then it names other bytes than `firmware.bin` has, by which a reader
    /// can tell. The firmware is written anew, never linked to the release's own: whoever overwrites it in place
    /// must not change that.
    pub async fn promote(
        &self,
        device_type: &DeviceTypeName,
        version: &Version,
        firmware: Bytes,
        metadata: &Metadata,
    ) -> Result<()> {
        let folder = self.production_path(device_type);
        self.overwrite(&folder.clone().join(FIRMWARE), firmware)
            .await?;
        let line = format!("{version}\n");
        self.overwrite(&folder.clone().join(VERSION), line.into())
            .await?;
        self.overwrite(&folder.join(METADATA), metadata.bytes().into())
            .await
    }

    /// What `production/` describes; none if it is not there or half done: a file is missing, or `metadata.json` is
    /// about another version or other bytes than the two beside it.
    pub async fn production(&self, device_type: &DeviceTypeName) -> Result<Option<Production>> {
        let folder = self.production_path(device_type);
        // In the order opposite to the writer's: what is read last was written first.
        let path = folder.clone().join(METADATA);
        let Some(object) = self.read(&path, MAX_METADATA).await? else {
            return Ok(None);
        };
        let metadata = Metadata::read(&path, &object.bytes)?;
        let Some(version) = self.read_version(&folder.clone().join(VERSION)).await? else {
            return Ok(None);
        };
        let sha256 = match self.digest_of(&folder.join(FIRMWARE)).await {
            Err(DepotError::Missing { .. }) => return Ok(None),
            found => found?,
        };
        let same_bytes = metadata.sha256.is_none_or(|named| named == sha256);
        let bare = |text: &str| text.trim().trim_start_matches('v').to_owned();
        let named = metadata.version.as_deref().map(bare);
        let same_version = named.is_none_or(|named| named == bare(&version));
        Ok((same_bytes && same_version).then_some(Production {
            version,
            sha256,
            metadata,
        }))
    }

    /// Reads a `version.txt`; none if it is not there.
    pub(super) async fn read_version(&self, path: &Path) -> Result<Option<String>> {
        let Some(object) = self.read(path, MAX_VERSION_TEXT).await? else {
            return Ok(None);
        };
        match std::str::from_utf8(&object.bytes) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(_) => Err(DepotError::unreadable(path, "it is not text in UTF-8")),
        }
    }
}

/// Checks that these bytes are those that are meant.
pub(super) fn check(path: &Path, bytes: &[u8], expected: Digest) -> Result<()> {
    let found = digest(bytes);
    if found == expected {
        return Ok(());
    }
    Err(DepotError::Damaged {
        path: path.to_string(),
        found,
        expected,
    })
}
