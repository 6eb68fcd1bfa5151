use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method};

use crate::auth::Caller;
use crate::downloads::{Changing, answer};
use crate::error::ApiResult;
use crate::state::AppState;

/// A release's file.
///
/// Answers `Range` (one range), `If-Range`, `If-None-Match` and `HEAD`; the entity tag is the file's SHA-256. A
/// blocked release is answered 410.
#[utoipa::path(
    get,
    path = "/firmwares/{id}/download",
    tag = "device",
    params(("id" = String, Path)),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 304, description = "The client has it already"),
        (status = 410, description = "The release is blocked", body = updraft_protocol::api::ErrorBody),
        (status = 416, description = "The range is beyond the file's end"),
    )
)]
pub(super) async fn download(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let offering = state.offering(&id)?;
    tracing::debug!(release = id, caller = caller.actor(), %method, "download");
    answer(&state, &offering, &method, &headers, Changing::Never).await
}
