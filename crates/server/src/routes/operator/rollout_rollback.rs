use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::rollout::{NoteRequest, Rollout, TripAction};

use super::rollout_command::{command, note, stop};
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::ApiResult;
use crate::state::AppState;

/// Halts a rollout and takes its confirmed devices back to the last good release, by a rollout of their own.
#[utoipa::path(
    post,
    path = "/api/rollouts/{id}/rollback",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = NoteRequest,
    responses((status = 200, body = Rollout))
)]
pub(super) async fn roll_back_rollout(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<NoteRequest>,
) -> ApiResult<Response> {
    let note = note(request.note)?;
    let actor = caller.actor();
    let told = stop("rollout.rollback", &actor, note, Some(TripAction::Rollback));
    command(&state, id, told, actor).await
}
