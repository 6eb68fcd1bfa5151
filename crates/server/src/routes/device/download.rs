use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use updraft_protocol::{DeviceId, ReasonCode};
use utoipa::IntoParams;

use crate::auth::Caller;
use crate::body::ApiQuery;
use crate::downloads::{Changing, answer};
use crate::error::{ApiError, ApiResult};
use crate::identity::identify;
use crate::state::AppState;

/// Who downloads.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DownloadQuery {
    /// The device's name, where no token tells it.
    device_id: Option<DeviceId>,
}

/// Stops who is to stop: a device whose rollout called the release off, and, where a device does not say who it is,
/// everybody while the release's latest rollout is revoked.
fn refuse_revoked(
    state: &AppState,
    caller: &Caller,
    named: Option<DeviceId>,
    release_id: &str,
) -> ApiResult<()> {
    let is_revoked = match identify(state, caller, named)? {
        Some(id) => state
            .devices()
            .is_called_off(&state.peek(), &id, release_id),
        None => matches!(caller, Caller::Nobody) && state.peek().is_revoked(release_id),
    };
    if !is_revoked {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::GONE,
        ReasonCode::Cancelled.as_str(),
        "an operator called this update off",
    )
    .hint("Do not install it; ask for the latest release again."))
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
        (status = 410, description = "The release is blocked", body = updraft_protocol::api::ErrorBody),
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
    refuse_revoked(&state, &caller, query.device_id, &id)?;
    tracing::debug!(release = id, caller = caller.actor(), %method, "download");
    answer(&state, &offering, &method, &headers, Changing::Never).await
}
