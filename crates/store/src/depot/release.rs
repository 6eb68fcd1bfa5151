use bytes::Bytes;
use updraft_protocol::version::Version;
use updraft_protocol::{DeviceTypeName, Digest};

use super::layout::{FIRMWARE, METADATA, VERSION};
use super::object::{Created, digest};
use super::{Depot, DepotError, MAX_METADATA, Metadata, Result};

/// What came of putting a release into the depot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is new, or was half done and is whole now.
    New,
    /// It was there already, with these bytes.
    Same,
}

impl Depot {
    /// Puts a release's files where they stay for ever. `metadata` must name the SHA-256 of `firmware`.
    ///
    /// The files are created in an order in which a crash between any two leaves no release: `metadata.json`,
    /// without which nothing counts, comes last. Doing it again with the same firmware finishes it. Metadata that is
    /// there already stays as it is, provided that it names the same SHA-256 or none.
    pub async fn put_release(
        &self,
        device_type: &DeviceTypeName,
        version: &Version,
        firmware: &Bytes,
        metadata: &Metadata,
    ) -> Result<Put> {
        let folder = self.release_path(device_type, version);
        let sha256 = digest(firmware);
        if let Some(expected) = metadata.sha256.filter(|named| *named != sha256) {
            return Err(DepotError::Damaged {
                path: folder.join(FIRMWARE).to_string(),
                found: sha256,
                expected,
            });
        }
        self.create(&folder.clone().join(FIRMWARE), firmware)
            .await?;
        let text = folder.clone().join(VERSION);
        let line = Bytes::from(format!("{version}\n"));
        match self.create(&text, &line).await {
            // Somebody else's way of writing it is checked where releases are imported.
            Ok(_) | Err(DepotError::OtherBytes { .. }) => {}
            Err(error) => return Err(error),
        }
        let last = folder.join(METADATA);
        match self.create(&last, &metadata.bytes().into()).await {
            Ok(Created::New) => Ok(Put::New),
            Ok(Created::Same) => Ok(Put::Same),
            Err(DepotError::OtherBytes { .. }) => match self.read_metadata(&last).await?.sha256 {
                Some(found) if found != sha256 => Err(DepotError::OtherBytes {
                    path: last.to_string(),
                    found,
                }),
                _ => Ok(Put::Same),
            },
            Err(error) => Err(error),
        }
    }

    /// Reads a `metadata.json` that must be there.
    pub(super) async fn read_metadata(&self, path: &object_store::path::Path) -> Result<Metadata> {
        let object = self.read(path, MAX_METADATA).await?;
        let object = object.ok_or_else(|| DepotError::Missing {
            path: path.to_string(),
        })?;
        Metadata::read(path, &object.bytes)
    }

    /// What a release's `metadata.json` says; none if the release is not there or half done.
    pub async fn release_metadata(
        &self,
        device_type: &DeviceTypeName,
        version: &Version,
    ) -> Result<Option<Metadata>> {
        let path = self.release_path(device_type, version).join(METADATA);
        let object = self.read(&path, MAX_METADATA).await?;
        object
            .map(|object| Metadata::read(&path, &object.bytes))
            .transpose()
    }

    /// The SHA-256 of the firmware that a release has there.
    pub async fn release_digest(
        &self,
        device_type: &DeviceTypeName,
        version: &Version,
    ) -> Result<Digest> {
        self.digest_of(&self.release_path(device_type, version).join(FIRMWARE))
            .await
    }

    /// What a release's `version.txt` says, without the space around it.
    pub async fn release_version_text(
        &self,
        device_type: &DeviceTypeName,
        version: &Version,
    ) -> Result<Option<String>> {
        let path = self.release_path(device_type, version).join(VERSION);
        self.read_version(&path).await
    }
}
