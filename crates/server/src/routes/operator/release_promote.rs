use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::{PromoteRequest, Release};

use crate::answer;
use crate::auth::Caller;
use crate::body::{self, ApiJson};
use crate::error::ApiResult;
use crate::state::AppState;

/// Points a channel at a release. Promotion to `stable` also makes the release stable.
#[utoipa::path(
    post,
    path = "/api/releases/{id}/promote",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = PromoteRequest,
    responses((status = 200, body = Release))
)]
pub(super) async fn promote_release(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(request): ApiJson<PromoteRequest>,
) -> ApiResult<Response> {
    let channel = body::channel(&request.channel)?;
    let actor = caller.actor();
    state
        .clone()
        .change(async move {
            let release = state.store().promote_release(&id, &channel, &actor).await?;
            state.refresh().await?;
            tracing::info!(release = id, by = actor, channel, "a release was promoted");
            Ok(answer::ok(&release))
        })
        .await
}
