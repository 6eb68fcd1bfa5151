use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::DeviceTypeName;

/// What one look at the artifact store found and changed. `POST /api/artifacts/sync`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncReport {
    /// Where the artifact store is.
    pub artifacts: String,
    /// How many device types it has.
    pub device_types: u32,
    /// Releases that were found there and published here.
    pub published: Vec<SyncedRelease>,
    /// Releases that `production/` named and `stable` points at now.
    pub promoted: Vec<SyncedRelease>,
    /// Stable releases newer than what `production/` went back to: only channels that point at them offer them now.
    pub withdrawn: Vec<SyncedRelease>,
    /// Releases that were blocked there and are blocked here now.
    pub blocked: Vec<SyncedRelease>,
    /// Releases that are no longer blocked there, nor here.
    pub unblocked: Vec<SyncedRelease>,
    /// Folders and files that were written there, because something was changed here.
    pub written: Vec<String>,
    /// What is half done there and left alone until it is whole.
    pub waiting: Vec<SyncNote>,
    /// What was not taken, and why. Each list has at most a thousand entries.
    pub refused: Vec<SyncNote>,
}

/// A release that a synchronisation touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncedRelease {
    /// What it is for.
    pub device_type: DeviceTypeName,
    /// Its version.
    pub version: String,
}

/// Something in the artifact store that was left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SyncNote {
    /// The folder or file.
    pub path: String,
    /// A stable code.
    pub code: String,
    /// Why, as a sentence.
    pub message: String,
}
