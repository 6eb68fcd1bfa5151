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

/// Opens the next stage of a rollout that waits for a second person, once its gate is passed.
#[utoipa::path(
    post,
    path = "/api/rollouts/{id}/approve",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = NoteRequest,
    responses((status = 200, body = Rollout))
)]
pub(super) async fn approve_rollout(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<NoteRequest>,
) -> ApiResult<Response> {
    let note = note(request.note)?;
    let actor = caller.actor();
    let told = Command {
        action: "rollout.approve",
        event: Event::Approve { by: actor.clone() },
        detail: json!({ "note": note }),
    };
    command(&state, id, told, actor).await
}
