//! One object: reading it within a limit, creating it, replacing it.

use std::fs::File;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, UpdateVersion};
use sha2::{Digest as _, Sha256};
use updraft_protocol::Digest;

use super::{Depot, DepotError, Result};

/// The file whose lock stands in for conditional writes in a folder.
const LOCK: &str = ".lock";

/// An object with the tag under which it may be replaced.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) bytes: Bytes,
    tag: UpdateVersion,
}

/// What came of creating an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// It is new.
    New,
    /// It was there with the same bytes.
    Same,
}

/// The SHA-256 of some bytes.
pub(super) fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

impl Depot {
    /// Reads a whole object of at most `limit` bytes; none if it is not there.
    pub(super) async fn read(&self, path: &Path, limit: u64) -> Result<Option<Object>> {
        let got = match self.store.get(path).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            got => got.map_err(DepotError::failed("read", path))?,
        };
        let size = got.meta.size;
        if size > limit {
            return Err(DepotError::TooLarge {
                path: path.to_string(),
                size,
                limit,
            });
        }
        let tag = UpdateVersion {
            e_tag: got.meta.e_tag.clone(),
            version: got.meta.version.clone(),
        };
        let bytes = got
            .bytes()
            .await
            .map_err(DepotError::failed("read", path))?;
        Ok(Some(Object { bytes, tag }))
    }

    /// Creates an object. The same bytes under the same path are success, other bytes are refused.
    pub(super) async fn create(&self, path: &Path, bytes: &Bytes) -> Result<Created> {
        let options = PutOptions::from(PutMode::Create);
        let payload = PutPayload::from(bytes.clone());
        match self.store.put_opts(path, payload, options).await {
            Ok(_) => Ok(Created::New),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                let found = self.digest_of(path).await?;
                if found == digest(bytes) {
                    Ok(Created::Same)
                } else {
                    let path = path.to_string();
                    Err(DepotError::OtherBytes { path, found })
                }
            }
            Err(error) => Err(DepotError::failed("write", path)(error)),
        }
    }

    /// Writes an object, whatever was there.
    pub(super) async fn overwrite(&self, path: &Path, bytes: Bytes) -> Result<()> {
        self.store
            .put(path, bytes.into())
            .await
            .map(drop)
            .map_err(DepotError::failed("write", path))
    }

    /// Writes an object if it is still what was read (nothing, for `None`). Says whether it was.
    pub(super) async fn replace(
        &self,
        path: &Path,
        read: Option<&Object>,
        bytes: Vec<u8>,
    ) -> Result<bool> {
        let mode = match read {
            None => PutMode::Create,
            Some(object) => PutMode::Update(object.tag.clone()),
        };
        // A folder has no conditional replacement of its own, and other programs' writes are seen only by the tag.
        let (_lock, mode) = match (&self.folder, mode) {
            (Some(folder), PutMode::Update(expected)) => {
                let lock = self.lock(folder.join(LOCK)).await?;
                let now = self.store.head(path).await;
                if !now.is_ok_and(|now| now.e_tag == expected.e_tag) {
                    return Ok(false);
                }
                (Some(lock), PutMode::Overwrite)
            }
            (_, mode) => (None, mode),
        };
        let options = PutOptions::from(mode);
        match self.store.put_opts(path, bytes.into(), options).await {
            Ok(_) => Ok(true),
            Err(
                Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. },
            ) => Ok(false),
            Err(error) => Err(DepotError::failed("write", path)(error)),
        }
    }

    async fn lock(&self, path: std::path::PathBuf) -> Result<File> {
        let locking = tokio::task::spawn_blocking(move || {
            let open = || {
                let file = File::options()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .open(&path)?;
                file.lock()?;
                Ok(file)
            };
            open().map_err(|source| DepotError::Folder {
                path: path.clone(),
                source,
            })
        });
        locking.await.unwrap_or_else(|panic| {
            Err(DepotError::Failed {
                action: "lock",
                path: self.shown.clone(),
                source: Box::new(panic.into()),
            })
        })
    }
}
