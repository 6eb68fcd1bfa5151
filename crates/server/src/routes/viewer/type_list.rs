use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::DeviceType;

use crate::answer;
use crate::state::AppState;

/// Every device type.
#[utoipa::path(
    get,
    path = "/api/types",
    tag = "viewer",
    responses((status = 200, body = Vec<DeviceType>))
)]
pub(super) async fn list_types(State(state): State<AppState>) -> Response {
    answer::ok(&state.published().types)
}
