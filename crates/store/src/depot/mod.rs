//! The depot: where the files of releases lie for everybody, in a bucket of any S3 API or in a folder.
//!
//! ```text
//! {type}/releases/vX.Y.Z/{firmware.bin, version.txt, metadata.json}   written once, never deleted
//! {type}/production/{firmware.bin, version.txt, metadata.json}        what is deployed now
//! {type}/rollback/blocked_versions.json                               what nobody may have
//! ```
//!
//! This is the layout of the OTA documentation that seed 003 quotes (its sections 2.1 to 2.3), so that a bucket
//! which somebody's CI fills is a depot already. Three rules make it safe to read while it is written:
//!
//! - A release's or production's `metadata.json` is written last and names the firmware's SHA-256. Files
//!   without it, or with one that names other bytes, are half done and count for nothing.
//! - Files under `releases/` are created, never replaced: the same bytes again are success, others are refused.
//! - `blocked_versions.json` is replaced only if nobody else replaced it meanwhile.
//!
//! Every file appears whole or not at all: S3 promises as much, and in a folder it is written aside, synced,
//! and linked or renamed into place.

mod at;
mod blocked;
mod credentials;
mod error;
mod fetch;
mod layout;
mod metadata;
mod object;
mod production;
mod release;
mod survey;

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::signer::Signer;

pub use at::{DepotAt, S3Options};
pub use blocked::{BlockedVersions, MAX_BLOCKED};
pub use error::{DepotError, Result};
pub use fetch::Pieces;
pub use metadata::{MAX_METADATA, Metadata};
pub use production::Production;
pub use release::Put;
pub use survey::{Files, MAX_OBJECTS, Seen, Survey, TypeFolder};

/// A depot. Cheap to clone.
#[derive(Clone)]
pub struct Depot {
    store: Arc<dyn ObjectStore>,
    signer: Option<Arc<dyn Signer>>,
    /// What all paths begin with.
    root: Path,
    /// The folder, if it is one: its lock stands in for S3's conditional writes.
    folder: Option<PathBuf>,
    shown: String,
}

impl Depot {
    /// Opens the depot at this place. A folder is created if need be; a bucket must exist, which the first use
    /// shows. Nothing is sent.
    pub fn open(at: &DepotAt) -> Result<Self> {
        match at {
            DepotAt::Folder(folder) => {
                let unusable = |source| DepotError::Folder {
                    path: folder.clone(),
                    source,
                };
                fs::create_dir_all(folder).map_err(unusable)?;
                let store = LocalFileSystem::new_with_prefix(folder)
                    .map_err(DepotError::failed("open", &folder.display()))?
                    .with_fsync(true);
                Ok(Self {
                    folder: Some(folder.clone()),
                    ..Self::over(Arc::new(store), at.to_string())
                })
            }
            DepotAt::S3 {
                bucket,
                prefix,
                options,
            } => {
                let s3 = Arc::new(at::connect(bucket, options)?);
                Ok(Self {
                    signer: Some(s3.clone()),
                    root: prefix.clone(),
                    ..Self::over(s3, at.to_string())
                })
            }
        }
    }

    /// A depot over any object store that has conditional writes. `shown` is what messages call it.
    pub fn over(store: Arc<dyn ObjectStore>, shown: impl Into<String>) -> Self {
        Self {
            store,
            signer: None,
            root: Path::default(),
            folder: None,
            shown: shown.into(),
        }
    }

    /// The same depot with every access going through what `wrap` returns: for tests of what happens when
    /// accesses fail.
    #[must_use]
    pub fn wrapped(self, wrap: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>) -> Self {
        Self {
            store: wrap(self.store),
            ..self
        }
    }

    /// Where it is, for people and logs. It holds no secret.
    pub fn shown(&self) -> &str {
        &self.shown
    }
}

impl fmt::Debug for Depot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The store and the signer hold credentials.
        f.debug_struct("Depot")
            .field("at", &self.shown)
            .finish_non_exhaustive()
    }
}
