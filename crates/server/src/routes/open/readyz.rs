use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use crate::answer;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Whether the database answers and the disk takes files.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "open",
    responses((status = 200, description = "Ready: `{\"status\":\"ok\"}`"))
)]
pub(super) async fn readyz(State(state): State<AppState>) -> ApiResult<Response> {
    if state.is_ready().await {
        Ok(answer::status_ok())
    } else {
        Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "the database does not answer or the disk takes no files",
        )
        .hint("The server's log says which."))
    }
}
