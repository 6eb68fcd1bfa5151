use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method};
use updraft_protocol::Digest;

use crate::downloads::{Changing, Downloader, answer};
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// A release's file by its SHA-256, for a relay's cache. Answers `Range` and `If-Range` as downloads do.
#[utoipa::path(
    get,
    path = "/api/relay/artifacts/{sha256}",
    tag = "relay",
    params(("sha256" = String, Path)),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 410, description = "Its release is blocked", body = updraft_protocol::api::ErrorBody),
    )
)]
pub(super) async fn give_artifact(
    State(state): State<AppState>,
    Path(sha256): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let sha256: Digest = sha256
        .parse()
        .map_err(|error| ApiError::bad_request("bad_sha256", format!("{error}")))?;
    let published = state.published();
    let offering = published.by_file(sha256).ok_or_else(|| {
        ApiError::not_found(
            "artifact_not_found",
            format!("no release has the file {sha256}"),
        )
    })?;
    // A relay asks for a file it passes on; whom it calls off is its own to say.
    let downloader = Downloader::Person;
    answer(
        &state,
        offering,
        downloader,
        &method,
        &headers,
        Changing::Never,
    )
    .await
}
