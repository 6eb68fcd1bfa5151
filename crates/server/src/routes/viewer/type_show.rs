use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::DeviceType;

use crate::answer;
use crate::body::TypePath;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// One device type.
#[utoipa::path(
    get,
    path = "/api/types/{name}",
    tag = "viewer",
    params(("name" = String, Path)),
    responses((status = 200, body = DeviceType))
)]
pub(super) async fn show_type(
    State(state): State<AppState>,
    TypePath(name): TypePath,
) -> ApiResult<Response> {
    let published = state.published();
    let found = published.types.iter().find(|one| one.name == name);
    found.map(answer::ok).ok_or_else(|| {
        ApiError::not_found("type_not_found", format!("there is no device type {name}"))
            .hint("A device type comes into being with its first upload.")
    })
}
