use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::rollout::{NoteRequest, Rollout, TripAction};

use super::rollout_command::{command, note, stop};
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::ApiResult;
use crate::state::AppState;

/// Halts a rollout and stops its devices that download or hold the image: its downloads are answered 410.
#[utoipa::path(
    post,
    path = "/api/rollouts/{id}/revoke",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = NoteRequest,
    responses((status = 200, body = Rollout))
)]
pub(super) async fn revoke_rollout(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<NoteRequest>,
) -> ApiResult<Response> {
    let note = note(request.note)?;
    let actor = caller.actor();
    let told = stop("rollout.revoke", &actor, note, Some(TripAction::Revoke));
    command(&state, id, told, actor).await
}
