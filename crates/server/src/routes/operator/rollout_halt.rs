use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use updraft_protocol::api::rollout::{HaltRequest, Rollout};
use updraft_rollout::Event;

use super::rollout_command::{command, note};
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::ApiResult;
use crate::rollouts::Command;
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
    let told = Command {
        action: "rollout.halt",
        event: Event::Halt {
            by: actor.clone(),
            reason: note
                .clone()
                .unwrap_or_else(|| "an operator's word".to_owned()),
            action: request.action,
        },
        detail: json!({ "note": note, "action": request.action }),
    };
    command(&state, id, told, actor).await
}
