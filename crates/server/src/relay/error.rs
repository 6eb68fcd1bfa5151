//! What goes wrong between a relay and its primary.

use http::StatusCode;
use updraft_protocol::api::relay::SNAPSHOT_FORMAT;

use crate::error::ApiError;

/// How soon whoever asked a relay for what only its primary has may ask again, in seconds.
const TRY_AGAIN_S: u32 = 30;

/// Why a relay got nothing of its primary, or did not take what it got.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RelayError {
    /// No answer.
    #[error("the primary cannot be reached: {0}")]
    Unreachable(String),
    /// An answer that says no.
    #[error("the primary answered {status} ({code}): {message}")]
    Refused {
        status: u16,
        code: String,
        message: String,
    },
    /// An answer that is none.
    #[error("the primary's answer cannot be read: {0}")]
    Unreadable(String),
    /// A snapshot of another format.
    #[error(
        "the snapshot's format is {found}, and this relay reads {SNAPSHOT_FORMAT}: upgrade the relay"
    )]
    Format { found: u32 },
    /// A snapshot that somebody else signed.
    #[error(
        "the snapshot is signed by {found}, and this relay trusts {known}: a new primary needs a new --upstream-key, \
             or a relay with a new data folder"
    )]
    WrongKey { known: String, found: String },
    /// A snapshot that nobody signed like this.
    #[error("the snapshot's signature does not fit: it was changed on its way")]
    BadSignature,
    /// A snapshot that is older than what is known.
    #[error("the snapshot's revision {found} is older than {known}, which this relay has")]
    Older { known: i64, found: i64 },
    /// A snapshot that does not hold any more.
    #[error("the snapshot expired at {at} (Unix): do the clocks of relay and primary agree?")]
    Expired { at: i64 },
    /// A snapshot of another site.
    #[error("the snapshot is for {found:?}, and this relay is for {wanted:?}")]
    OtherSite {
        wanted: Option<String>,
        found: Option<String>,
    },
    /// A file that is not what the snapshot says.
    #[error("the file {sha256} came damaged from the primary: {what}")]
    Damaged { sha256: String, what: String },
    /// A file that does not fit.
    #[error(
        "a file of {size} bytes does not fit a cache of {limit} bytes, or everything in the cache is being served"
    )]
    CacheFull { size: u64, limit: u64 },
    /// The relay's own disk or database.
    #[error("{message}")]
    Own { disk_full: bool, message: String },
}

impl RelayError {
    /// A stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "upstream_unreachable",
            Self::Refused { .. } => "upstream_refused",
            Self::Unreadable(_) => "upstream_unreadable",
            Self::Format { .. } => "snapshot_format",
            Self::WrongKey { .. } => "snapshot_wrong_key",
            Self::BadSignature => "snapshot_bad_signature",
            Self::Older { .. } => "snapshot_older",
            Self::Expired { .. } => "snapshot_expired",
            Self::OtherSite { .. } => "snapshot_other_site",
            Self::Damaged { .. } => "upstream_damaged",
            Self::CacheFull { .. } => "cache_full",
            Self::Own {
                disk_full: true, ..
            } => "disk_full",
            Self::Own { .. } => "relay_failed",
        }
    }
}

impl From<ApiError> for RelayError {
    fn from(error: ApiError) -> Self {
        Self::Own {
            disk_full: error.status() == StatusCode::INSUFFICIENT_STORAGE,
            message: error.to_string(),
        }
    }
}

impl From<updraft_store::StoreError> for RelayError {
    fn from(error: updraft_store::StoreError) -> Self {
        Self::Own {
            disk_full: matches!(error, updraft_store::StoreError::DiskFull { .. }),
            message: error.to_string(),
        }
    }
}

/// The answer to a device whose question needed the primary.
impl From<RelayError> for ApiError {
    fn from(error: RelayError) -> Self {
        tracing::error!(%error, code = error.code(), "a relay could not serve a request");
        let (status, hint) = match &error {
            RelayError::Unreachable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Ask again later; what the relay has already it goes on serving.",
            ),
            RelayError::CacheFull { .. } => (
                StatusCode::INSUFFICIENT_STORAGE,
                "Give the relay a larger --cache-size.",
            ),
            RelayError::Own {
                disk_full: true, ..
            } => (
                StatusCode::INSUFFICIENT_STORAGE,
                "Make room on the relay's disk.",
            ),
            _ => (
                StatusCode::BAD_GATEWAY,
                "The relay's log says what its primary answered.",
            ),
        };
        Self::new(status, error.code(), error.to_string())
            .hint(hint)
            .retry_after(TRY_AGAIN_S)
    }
}
