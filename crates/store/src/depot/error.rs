use std::fmt::Display;
use std::io;
use std::path::PathBuf;

use updraft_protocol::Digest;

use crate::StoreError;

/// A result of the depot.
pub type Result<T> = std::result::Result<T, DepotError>;

/// Why the depot did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DepotError {
    /// The place's name cannot be one.
    #[error("{given:?} names no artifact store: {why}")]
    Place {
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// The credentials cannot be had.
    #[error("the S3 credentials in {} cannot be used: {why}", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without its content.
        why: String,
    },
    /// The folder cannot be used.
    #[error("the artifact folder {} cannot be used: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The object store failed, refused, or was not reached.
    #[error("the artifact store could not {action} {path}: {source}")]
    Failed {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: String,
        /// What it said.
        source: Box<object_store::Error>,
    },
    /// There is no such file.
    #[error("there is no {path} in the artifact store")]
    Missing {
        /// The file.
        path: String,
    },
    /// Other bytes lie where a release's file is to go.
    #[error("{path} exists with other bytes (SHA-256 {found}), and releases are never changed")]
    OtherBytes {
        /// The file.
        path: String,
        /// What it has.
        found: Digest,
    },
    /// A file does not have the bytes that it must have.
    #[error("{path} has SHA-256 {found}, and not {expected}")]
    Damaged {
        /// The file.
        path: String,
        /// What it has.
        found: Digest,
        /// What it must have.
        expected: Digest,
    },
    /// A file is larger than any of its kind.
    #[error("{path} has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The largest that is read.
        limit: u64,
    },
    /// A file does not say what it must.
    #[error("{path}: {why}")]
    Unreadable {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// There are more files than are looked at.
    #[error("the artifact store {shown} holds more than {limit} files")]
    TooMany {
        /// The depot.
        shown: String,
        /// The most that are looked at.
        limit: usize,
    },
    /// Others changed the file each time, too.
    #[error("{path} was changed by others each time it was to be written")]
    Contended {
        /// The file.
        path: String,
    },
    /// The local copy could not be kept.
    #[error(transparent)]
    Local(#[from] StoreError),
}

impl DepotError {
    /// A stable code for what went wrong.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Place { .. } => "bad_artifact_store",
            Self::Credentials { .. } => "bad_s3_credentials",
            Self::Folder { .. } => "artifact_folder_failed",
            Self::Failed { .. } => "artifact_store_failed",
            Self::Missing { .. } => "artifact_missing",
            Self::OtherBytes { .. } => "artifact_exists",
            Self::Damaged { .. } => "artifact_damaged",
            Self::TooLarge { .. } => "artifact_too_large",
            Self::Unreadable { .. } => "artifact_unreadable",
            Self::TooMany { .. } => "too_many_artifacts",
            Self::Contended { .. } => "artifact_contended",
            Self::Local(error) => error.code(),
        }
    }

    /// An access's error, with what was tried on which path.
    pub(super) fn failed(
        action: &'static str,
        path: &dyn Display,
    ) -> impl FnOnce(object_store::Error) -> Self {
        let path = path.to_string();
        move |source| match source {
            object_store::Error::NotFound { .. } => Self::Missing { path },
            source => Self::Failed {
                action,
                path,
                source: Box::new(source),
            },
        }
    }

    /// A file that does not say what it must.
    pub(super) fn unreadable(path: &dyn Display, why: impl Into<String>) -> Self {
        Self::Unreadable {
            path: path.to_string(),
            why: why.into(),
        }
    }
}
