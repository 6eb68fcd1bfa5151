use axum::extract::State;
use axum::response::Response;
use updraft_protocol::DeviceId;
use updraft_protocol::api::Device;

use crate::answer;
use crate::body::DevicePath;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// One device with all its deployments, the latest first.
#[utoipa::path(
    get,
    path = "/api/devices/{id}",
    tag = "viewer",
    params(("id" = String, Path)),
    responses((status = 200, body = Device))
)]
pub(super) async fn show_device(
    State(state): State<AppState>,
    DevicePath(id): DevicePath,
) -> ApiResult<Response> {
    let device = state.devices().device(&id);
    device
        .map(|device| answer::ok(&device))
        .ok_or_else(|| unknown(&id))
}

/// No such device was ever heard of.
pub(crate) fn unknown(id: &DeviceId) -> ApiError {
    ApiError::not_found("device_not_found", format!("there is no device {id}"))
        .hint("A device becomes known when it enrols, checks in or reports.")
}
