use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::FleetCounts;

use crate::answer;
use crate::body::TypePath;
use crate::state::AppState;

/// How the fleet of one device type stands: devices by version, deployments by state and by reason.
#[utoipa::path(
    get,
    path = "/api/fleet/{device_type}",
    tag = "viewer",
    params(("device_type" = String, Path)),
    responses((status = 200, body = FleetCounts))
)]
pub(super) async fn show_fleet(
    State(state): State<AppState>,
    TypePath(device_type): TypePath,
) -> Response {
    answer::ok(&state.devices().fleet(&device_type))
}
