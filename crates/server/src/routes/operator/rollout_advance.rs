use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::json;
use updraft_protocol::api::rollout::{AdvanceRequest, Rollout};
use updraft_rollout::Event;

use super::rollout_command::{command, note};
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::ApiResult;
use crate::rollouts::Command;
use crate::state::AppState;

/// Opens the next stage; with `force` although the open one has not passed its gate.
#[utoipa::path(
    post,
    path = "/api/rollouts/{id}/advance",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = AdvanceRequest,
    responses((status = 200, body = Rollout))
)]
pub(super) async fn advance_rollout(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<AdvanceRequest>,
) -> ApiResult<Response> {
    let note = note(request.note)?;
    let actor = caller.actor();
    let told = Command {
        action: "rollout.advance",
        event: Event::Advance {
            force: request.force,
        },
        detail: json!({ "note": note, "force": request.force }),
    };
    command(&state, id, told, actor).await
}
