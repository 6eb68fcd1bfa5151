use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::{BlockRequest, Release};

use crate::answer;
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Longest reason in bytes: a few sentences.
const MAX_REASON: usize = 512;

/// Blocks a release: it is offered to nobody, and its downloads are answered 410.
#[utoipa::path(
    post,
    path = "/api/releases/{id}/block",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = BlockRequest,
    responses((status = 200, body = Release))
)]
pub(super) async fn block_release(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<BlockRequest>,
) -> ApiResult<Response> {
    let reason = request.reason.trim().to_owned();
    if reason.is_empty() || reason.len() > MAX_REASON {
        return Err(ApiError::bad_request(
            "bad_reason",
            format!("give a reason of 1 to {MAX_REASON} bytes"),
        )
        .hint("It is shown to whoever asks why devices do not get the release."));
    }
    let actor = caller.actor();
    state
        .clone()
        .change(async move {
            let release = state
                .store()
                .block_release(&id, Some(&reason), &actor)
                .await?;
            state.refresh().await?;
            tracing::info!(release = id, by = actor, reason, "a release was blocked");
            Ok(answer::ok(&release))
        })
        .await
}
