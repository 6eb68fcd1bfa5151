use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use updraft_protocol::api::rollout::{NoteRequest, Rollout};
use updraft_rollout::Event;

use super::rollout_command::{command, note};
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::ApiResult;
use crate::rollouts::Command;
use crate::state::AppState;

/// Offers nothing more until the rollout is resumed; devices that have begun go on.
#[utoipa::path(
    post,
    path = "/api/rollouts/{id}/pause",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = NoteRequest,
    responses((status = 200, body = Rollout))
)]
pub(super) async fn pause_rollout(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<NoteRequest>,
) -> ApiResult<Response> {
    let note = note(request.note)?;
    let actor = caller.actor();
    let told = Command {
        action: "rollout.pause",
        event: Event::Pause,
        detail: json!({ "note": note }),
    };
    command(&state, id, told, actor).await
}
