use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use updraft_image::MAX_IMAGE_SIZE;
use updraft_protocol::api::{DeviceType, DeviceTypeChange};

use crate::answer;
use crate::auth::Caller;
use crate::body::{ApiJson, TypePath};
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// The smallest slot: one erase block of flash, in bytes, which is also what slot sizes are multiples of.
const SECTOR: u32 = 4096;

/// Changes a device type's slot size.
#[utoipa::path(
    patch,
    path = "/api/types/{name}",
    tag = "operator",
    params(("name" = String, Path)),
    request_body = DeviceTypeChange,
    responses((status = 200, body = DeviceType))
)]
pub(super) async fn change_type(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    TypePath(name): TypePath,
    ApiJson(change): ApiJson<DeviceTypeChange>,
) -> ApiResult<Response> {
    if let Some(slot_size) = change.slot_size
        && (!(SECTOR..=MAX_IMAGE_SIZE).contains(&slot_size) || slot_size % SECTOR != 0)
    {
        return Err(ApiError::bad_request(
            "bad_slot_size",
            format!(
                "a slot of {slot_size} bytes cannot be: use a multiple of {SECTOR} up to {MAX_IMAGE_SIZE}"
            ),
        )
        .hint("The partition table has the size of ota_0."));
    }
    let actor = caller.actor();
    state.clone().change(async move {
    let device_type = state
        .store()
        .change_device_type(&name, &change, &actor)
        .await?;
    state.refresh().await?;
    tracing::info!(device_type = %name, by = actor, slot_size = device_type.slot_size, "a device type was changed");
    Ok(answer::ok(&device_type))
    })
    .await
}
