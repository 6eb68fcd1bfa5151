use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method};
use serde::Deserialize;
use updraft_protocol::DeviceId;
use utoipa::IntoParams;

use crate::auth::Caller;
use crate::body::ApiQuery;
use crate::downloads::{Changing, Downloader, answer};
use crate::error::ApiResult;
use crate::state::AppState;

/// Who downloads.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DownloadQuery {
    /// The device's name, where no token tells it.
    device_id: Option<DeviceId>,
}

/// A release's file.
///
/// Answers `Range` (one range), `If-Range`, `If-None-Match` and `HEAD`; the entity tag is the file's SHA-256. A
/// blocked release, and one that was called off, is answered 410.
#[utoipa::path(
    get,
    path = "/firmwares/{id}/download",
    tag = "device",
    params(("id" = String, Path), DownloadQuery),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 304, description = "The client has it already"),
        (status = 410, description = "The release is blocked, or the update was called off", body = updraft_protocol::api::ErrorBody),
        (status = 416, description = "The range is beyond the file's end"),
    )
)]
pub(super) async fn download(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiQuery(query): ApiQuery<DownloadQuery>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let offering = state.offering(&id)?;
    let downloader = Downloader::of(&state, &caller, query.device_id)?;
    tracing::debug!(release = id, caller = caller.actor(), %method, "download");
    answer(
        &state,
        &offering,
        downloader,
        &method,
        &headers,
        Changing::Never,
    )
    .await
}
