use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::Release;

use crate::answer;
use crate::auth::Caller;
use crate::error::ApiResult;
use crate::state::AppState;

/// Lifts a release's block.
#[utoipa::path(
    post,
    path = "/api/releases/{id}/unblock",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 200, body = Release))
)]
pub(super) async fn unblock_release(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let actor = caller.actor();
    state
        .clone()
        .change(async move {
            let release = state.store().block_release(&id, None, &actor).await?;
            state.refresh().await?;
            tracing::info!(release = id, by = actor, "a release was unblocked");
            Ok(answer::ok(&release))
        })
        .await
}
