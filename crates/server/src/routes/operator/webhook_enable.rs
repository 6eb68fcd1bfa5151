use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::answer;
use crate::auth::Caller;
use crate::error::ApiResult;
use crate::state::AppState;

/// Lets a webhook that was disabled go on where it stopped, and one that waits for its next try try at once.
#[utoipa::path(
    post,
    path = "/api/webhooks/{id}/enable",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 204, description = "Enabled"))
)]
pub(super) async fn enable_webhook(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let actor = caller.actor();
    AppState::complete(async move {
        state.store().enable_webhook(&id, &actor).await?;
        tracing::info!(webhook = id, by = actor, "a webhook was enabled");
        Ok(answer::no_content())
    })
    .await
}
