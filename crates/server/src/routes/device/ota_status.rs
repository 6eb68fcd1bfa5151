use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use updraft_protocol::Report;

use super::reports::keep;
use crate::auth::Caller;
use crate::body::{DeviceJson, DevicePath};
use crate::error::ApiResult;
use crate::state::AppState;

/// A device says what came of an update, as seed 004 has it.
#[utoipa::path(
    post,
    path = "/api/beacons/{id}/ota_status",
    tag = "device",
    params(("id" = String, Path)),
    request_body = Report,
    responses((status = 200, description = "Kept: `{\"status\":\"ok\"}`"))
)]
pub(super) async fn report_ota_status(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    DevicePath(named): DevicePath,
    DeviceJson(report): DeviceJson<Report>,
) -> ApiResult<Response> {
    keep(&state, &caller, named, &report).await
}
