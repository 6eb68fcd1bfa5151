use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::rollout::Preview;

use super::rollout_show::unknown;
use crate::answer;
use crate::error::ApiResult;
use crate::state::AppState;

/// What a rollout would do, counted: who would get it, who cannot and why, and what cannot be undone.
#[utoipa::path(
    get,
    path = "/api/rollouts/{id}/preview",
    tag = "viewer",
    params(("id" = String, Path)),
    responses((status = 200, body = Preview))
)]
pub(super) async fn preview_rollout(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let counted = state.core().preview(&id).await;
    counted
        .map(|counted| answer::ok(&counted))
        .ok_or_else(|| unknown(&id))
}
