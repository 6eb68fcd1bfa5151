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

/// Lets a paused or halted rollout go on. A halted one wants a note, and is judged anew from here on.
#[utoipa::path(
    post,
    path = "/api/rollouts/{id}/resume",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = NoteRequest,
    responses((status = 200, body = Rollout))
)]
pub(super) async fn resume_rollout(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<NoteRequest>,
) -> ApiResult<Response> {
    let note = note(request.note)?;
    let actor = caller.actor();
    let told = Command {
        action: "rollout.resume",
        event: Event::Resume {
            note: note.clone().unwrap_or_default(),
        },
        detail: json!({ "note": note }),
    };
    command(&state, id, told, actor).await
}
