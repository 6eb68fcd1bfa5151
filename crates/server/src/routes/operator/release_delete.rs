use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use crate::answer;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Deletes a release that was never offered to a device.
#[utoipa::path(
    delete,
    path = "/api/releases/{id}",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 204, description = "Deleted"))
)]
pub(super) async fn delete_release(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    delete(state, &caller, id).await
}

/// Deletes a release that was never offered to a device, by seed 004's path.
#[utoipa::path(
    delete,
    path = "/api/firmwares/{id}",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 204, description = "Deleted"))
)]
pub(super) async fn delete_firmware(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    delete(state, &caller, id).await
}

async fn delete(state: AppState, caller: &Caller, id: String) -> ApiResult<Response> {
    if state.depot().is_some() {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "kept_for_ever",
            "releases in an artifact store are never deleted",
        )
        .hint("Block it instead: no device will get it then."));
    }
    let actor = caller.actor();
    state
        .clone()
        .change(async move {
            state.store().delete_release(&id, &actor).await?;
            state.refresh().await?;
            tracing::info!(release = id, by = actor, "a release was deleted");
            Ok(answer::no_content())
        })
        .await
}
