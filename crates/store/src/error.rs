use std::io;
use std::path::{Path, PathBuf};

use updraft_protocol::api::{AttributesError, Release};
use updraft_protocol::{DeviceId, DeviceTypeName};

/// A result of the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[source] sqlx::Error),
    /// The database does not answer, or has no room for another connection.
    #[error("the database cannot be reached: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Others kept the database busy for too long.
    #[error("the database was too busy: {0}")]
    Busy(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database could not be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The disk is full.
    #[error("the disk is full: {what} could not be written")]
    DiskFull {
        /// What was being written.
        what: String,
    },
    /// A file operation failed.
    #[error("could not {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process uses the data directory.
    #[error("{} is in use by another server", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// A row holds what this version does not understand.
    #[error("{table}.{column} holds {value:?}, which this version does not understand")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// There is no such thing.
    #[error("there is no {what} {name:?}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its name or id.
        name: String,
    },
    /// Other bytes were published under this version.
    #[error("{} {} exists with other bytes (SHA-256 {})", existing.device_type, existing.version, existing.sha256)]
    VersionExists {
        /// What exists.
        existing: Box<Release>,
    },
    /// The image is for another chip than the device type.
    #[error("device type {device_type} is for {expected}, the image is for {found}")]
    WrongChip {
        /// The device type.
        device_type: DeviceTypeName,
        /// Its chip.
        expected: String,
        /// The image's.
        found: String,
    },
    /// The image does not fit into the device type's slot.
    #[error("{size} bytes do not fit the slot of {slot_size} bytes that {device_type} has")]
    TooBig {
        /// The device type.
        device_type: DeviceTypeName,
        /// The file's size in bytes.
        size: u32,
        /// The slot's.
        slot_size: u32,
    },
    /// A release that was offered can be blocked, but never deleted.
    #[error("{device_type} {version} was offered to a device and can no longer be deleted")]
    WasOffered {
        /// The device type.
        device_type: DeviceTypeName,
        /// The version.
        version: String,
    },
    /// The device has another token.
    #[error("device {device} is enrolled with another token")]
    AlreadyEnrolled {
        /// The device.
        device: String,
    },
    /// A region, site, group or tag cannot be kept.
    #[error(transparent)]
    Attributes(#[from] AttributesError),
    /// Another node wrote of these devices since they were read.
    #[error("{} devices were written meanwhile", devices.len())]
    Outdated {
        /// The devices.
        devices: Vec<DeviceId>,
    },
    /// Somebody else moved the rollout on meanwhile.
    #[error("rollout {rollout} was changed meanwhile")]
    Stale {
        /// The rollout.
        rollout: String,
    },
    /// The token belongs to somebody else.
    #[error("this token is already in use")]
    TokenInUse,
    /// The last admin token cannot be revoked.
    #[error("this is the last admin token")]
    LastAdmin,
}

impl StoreError {
    /// A stable code for what went wrong.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Database(_) => "database_failed",
            Self::Unavailable(_) => "database_unavailable",
            Self::Busy(_) => "database_busy",
            Self::Migrate(_) => "migration_failed",
            Self::DiskFull { .. } => "disk_full",
            Self::File { .. } => "file_failed",
            Self::InUse { .. } => "data_dir_in_use",
            Self::Unreadable { .. } => "unreadable_row",
            Self::NotFound { .. } => "not_found",
            Self::VersionExists { .. } => "version_exists",
            Self::WrongChip { .. } => "wrong_chip",
            Self::TooBig { .. } => "too_big",
            Self::WasOffered { .. } => "was_offered",
            Self::AlreadyEnrolled { .. } => "already_enrolled",
            Self::Attributes(error) => error.code(),
            Self::Outdated { .. } => "devices_changed",
            Self::Stale { .. } => "rollout_changed",
            Self::TokenInUse => "token_in_use",
            Self::LastAdmin => "last_admin",
        }
    }

    /// Whether the same again may succeed at once: others were in the way.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    /// A file operation's error, with what was tried on which path.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            if matches!(
                source.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge
            ) {
                Self::DiskFull {
                    what: path.display().to_string(),
                }
            } else {
                Self::File {
                    action,
                    path: path.to_owned(),
                    source,
                }
            }
        }
    }
}

/// What a failure of the database is, by its code: `SQLite`'s primary result code or `PostgreSQL`'s `SQLSTATE`.
enum Kind {
    Full,
    Busy,
    Unavailable,
    Other,
}

impl Kind {
    fn of(code: &str) -> Self {
        match code {
            // SQLITE_FULL; disk_full.
            "13" | "53100" => Self::Full,
            // SQLITE_BUSY; serialization_failure, deadlock_detected, lock_not_available, query_canceled (by the
            // statement timeout), foreign_key_violation (what a row names has just gone).
            "5" | "40001" | "40P01" | "55P03" | "57014" | "23503" => Self::Busy,
            // too_many_connections; admin_shutdown, crash_shutdown, cannot_connect_now; the timeout of an idle
            // transaction; connection failures.
            "53300" | "57P01" | "57P02" | "57P03" | "25P03" => Self::Unavailable,
            code if code.len() == 5 && code.starts_with("08") => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error::{Database, Io, PoolClosed, PoolTimedOut, Tls, WorkerCrashed};
        let kind = match &error {
            Database(inner) => inner.code().map_or(Kind::Other, |code| Kind::of(&code)),
            Io(_) | Tls(_) | PoolClosed | PoolTimedOut | WorkerCrashed => Kind::Unavailable,
            _ => Kind::Other,
        };
        match kind {
            Kind::Full => Self::DiskFull {
                what: "the database".to_owned(),
            },
            Kind::Busy => Self::Busy(error),
            Kind::Unavailable => Self::Unavailable(error),
            Kind::Other => Self::Database(error),
        }
    }
}
