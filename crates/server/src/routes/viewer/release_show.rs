use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::Release;

use crate::answer;
use crate::error::ApiResult;
use crate::state::AppState;

/// One release.
#[utoipa::path(
    get,
    path = "/api/releases/{id}",
    tag = "viewer",
    params(("id" = String, Path)),
    responses((status = 200, body = Release))
)]
pub(super) async fn show_release(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    Ok(answer::ok(&state.offering(&id)?.release()))
}

/// One release, by seed 004's path.
#[utoipa::path(
    get,
    path = "/api/firmwares/{id}",
    tag = "viewer",
    params(("id" = String, Path)),
    responses((status = 200, body = Release))
)]
pub(super) async fn show_firmware(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    Ok(answer::ok(&state.offering(&id)?.release()))
}
