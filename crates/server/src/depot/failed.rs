//! The depot's errors as answers.

use http::StatusCode;
use updraft_store::depot::DepotError;

use crate::error::{ApiError, ApiResult};

impl From<DepotError> for ApiError {
    fn from(error: DepotError) -> Self {
        let (status, hint) = match error {
            DepotError::Local(error) => return error.into(),
            DepotError::OtherBytes { .. } => (
                StatusCode::CONFLICT,
                "Releases never change: build with a higher version and publish that.",
            ),
            DepotError::Contended { .. } => (StatusCode::CONFLICT, "Try again."),
            DepotError::Failed { .. } | DepotError::Folder { .. } => (
                StatusCode::BAD_GATEWAY,
                "Nothing was published. See that the artifact store is reachable and takes writes, and try again.",
            ),
            DepotError::Missing { .. }
            | DepotError::Damaged { .. }
            | DepotError::Unreadable { .. }
            | DepotError::TooLarge { .. } => (
                StatusCode::BAD_GATEWAY,
                "Put the right file back, or publish the release again.",
            ),
            _ => return Self::internal(&error),
        };
        Self::new(status, error.code(), error.to_string()).hint(hint)
    }
}

/// Whether an error is about one file, so that the rest can go on.
fn is_of_one_file(error: &DepotError) -> bool {
    matches!(
        error,
        DepotError::OtherBytes { .. }
            | DepotError::Contended { .. }
            | DepotError::Missing { .. }
            | DepotError::Damaged { .. }
            | DepotError::Unreadable { .. }
            | DepotError::TooLarge { .. }
    )
}

/// Lets errors of one file through as what they are, and ends the look at all others.
pub(super) fn of_one_file<T>(
    result: updraft_store::depot::Result<T>,
) -> ApiResult<Result<T, ApiError>> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(error) if is_of_one_file(&error) => Ok(Err(error.into())),
        Err(error) => Err(error.into()),
    }
}

/// Whether the server itself failed at something, which says nothing of the file it was about: the store is away, the
/// disk is full.
pub(super) fn is_of_server(error: &ApiError) -> bool {
    const ONE_FILE: [&str; 4] = [
        "artifact_missing",
        "artifact_damaged",
        "artifact_unreadable",
        "artifact_too_large",
    ];
    error.status().is_server_error() && !ONE_FILE.contains(&error.code())
}

/// Whether no other device type would fare better: the store or the database is away. A disk that is full still lets a
/// release be blocked.
pub(super) fn ends_the_look(error: &ApiError) -> bool {
    is_of_server(error) && error.code() != "disk_full"
}
