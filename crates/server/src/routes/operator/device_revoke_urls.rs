use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::super::viewer::unknown_device;
use crate::answer;
use crate::auth::Caller;
use crate::body::DevicePath;
use crate::error::ApiResult;
use crate::state::AppState;

/// Makes every URL that was signed for this device worthless.
#[utoipa::path(
    post,
    path = "/api/devices/{id}/revoke-urls",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 204, description = "None of them opens anything now"))
)]
pub(super) async fn revoke_urls(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    DevicePath(id): DevicePath,
) -> ApiResult<Response> {
    if state.devices().device(&id).is_none() {
        return Err(unknown_device(&id));
    }
    let actor = caller.actor();
    state.store().revoke_urls(&id, &actor).await?;
    tracing::info!(device = %id, by = actor, "a device's signed URLs were revoked");
    Ok(answer::no_content())
}
