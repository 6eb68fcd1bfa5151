use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::answer;
use crate::auth::Caller;
use crate::error::ApiResult;
use crate::state::AppState;

/// Removes a webhook. A delivery that is under way may still arrive.
#[utoipa::path(
    delete,
    path = "/api/webhooks/{id}",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 204, description = "Removed"))
)]
pub(super) async fn remove_webhook(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let actor = caller.actor();
    AppState::complete(async move {
        state.store().remove_webhook(&id, &actor).await?;
        tracing::info!(webhook = id, by = actor, "a webhook was removed");
        Ok(answer::no_content())
    })
    .await
}
