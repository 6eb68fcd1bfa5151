use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use updraft_protocol::api::rollout::{Rollout, StartRequest};
use updraft_rollout::Event;

use super::super::viewer::unknown_rollout;
use super::rollout_command::{command, note};
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::rollouts::Command;
use crate::state::AppState;

/// Starts a rollout. Doors that open one way, which the preview names, must be accepted.
#[utoipa::path(
    post,
    path = "/api/rollouts/{id}/start",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = StartRequest,
    responses((status = 200, body = Rollout))
)]
pub(super) async fn start_rollout(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<StartRequest>,
) -> ApiResult<Response> {
    let note = note(request.note)?;
    let actor = caller.actor();
    let counted = state.core().preview(&id).await;
    let doors = counted.ok_or_else(|| unknown_rollout(&id))?.one_way;
    if let (Some(door), false) = (doors.first(), request.accept_one_way) {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "one_way",
            format!(
                "this cannot be undone on {} devices: {}",
                door.devices, door.text
            ),
        )
        .hint("Send `accept_one_way: true` if that is meant."));
    }
    let told = Command {
        action: "rollout.start",
        event: Event::Start { by: actor.clone() },
        detail: json!({ "note": note, "one_way": doors }),
    };
    command(&state, id, told, actor).await
}
