use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::rollout::Rollout;

use crate::answer;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// One rollout: its plan, its stages with their counts, and what it waits for.
#[utoipa::path(
    get,
    path = "/api/rollouts/{id}",
    tag = "viewer",
    params(("id" = String, Path)),
    responses((status = 200, body = Rollout))
)]
pub(super) async fn show_rollout(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let rollout = state.core().show(&id).await;
    rollout
        .map(|rollout| answer::ok(&rollout))
        .ok_or_else(|| unknown(&id))
}

/// No such rollout was ever drafted.
pub(crate) fn unknown(id: &str) -> ApiError {
    ApiError::not_found("rollout_not_found", format!("there is no rollout {id:?}"))
        .hint("GET /api/rollouts lists them.")
}
