use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::rollout::{HaltRequest, Rollout};

use super::rollout_command::{command, note, stop};
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::ApiResult;
use crate::state::AppState;

/// Stops a rollout as if it had tripped. Resuming it wants a note.
#[utoipa::path(
    post,
    path = "/api/rollouts/{id}/halt",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = HaltRequest,
    responses((status = 200, body = Rollout))
)]
pub(super) async fn halt_rollout(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<HaltRequest>,
) -> ApiResult<Response> {
    let note = note(request.note)?;
    let actor = caller.actor();
    let told = stop("rollout.halt", &actor, note, request.action);
    command(&state, id, told, actor).await
}
