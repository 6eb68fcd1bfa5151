use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;

use crate::answer;
use crate::auth::Caller;
use crate::error::ApiResult;
use crate::state::AppState;

/// Revokes a token, from this moment on. The last admin's stays.
#[utoipa::path(
    delete,
    path = "/api/tokens/{id}",
    tag = "admin",
    params(("id" = String, Path)),
    responses((status = 204, description = "Revoked"))
)]
pub(super) async fn revoke_token(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let actor = caller.actor();
    state
        .clone()
        .change(async move {
            state.store().delete_token(&id, &actor).await?;
            state.refresh_tokens().await?;
            tracing::info!(token = id, by = actor, "a token was revoked");
            Ok(answer::no_content())
        })
        .await
}
