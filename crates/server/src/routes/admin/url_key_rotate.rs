use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use crate::answer;
use crate::auth::Caller;
use crate::error::ApiResult;
use crate::state::AppState;

/// Signs URLs with a new key from now on. What the old one signed stays good until it expires.
#[utoipa::path(
    post,
    path = "/api/url-keys",
    tag = "admin",
    responses((status = 204, description = "A new key signs"))
)]
pub(super) async fn rotate_url_key(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<Response> {
    let actor = caller.actor();
    state.url_keys().rotate(&actor).await?;
    tracing::info!(by = actor, "the key of signed URLs was rotated");
    Ok(answer::no_content())
}
