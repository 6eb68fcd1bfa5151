use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::{Device, DeviceChange, Hold, MAX_HOLD_REASON};
use updraft_protocol::version;

use super::super::viewer::unknown_device;
use crate::answer;
use crate::auth::Caller;
use crate::body::{self, ApiJson, DevicePath};
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Sets what an operator can set of a device: its channel, where it is, its tags, a pin, a hold.
///
/// What is set wins over what the device says of itself; `clear` takes it back.
#[utoipa::path(
    patch,
    path = "/api/devices/{id}",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = DeviceChange,
    responses((status = 200, body = Device))
)]
pub(super) async fn change_device(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    DevicePath(id): DevicePath,
    ApiJson(change): ApiJson<DeviceChange>,
) -> ApiResult<Response> {
    if state.devices().device(&id).is_none() {
        return Err(unknown_device(&id));
    }
    let change = checked(change)?;
    let actor = caller.actor();
    let changing = state.clone();
    state
        .change(async move {
            let state = changing;
            // A device that was just heard of for the first time may have no row yet.
            state.write_device(&id).await?;
            let settings = state.store().change_device(&id, &change, &actor).await?;
            state.devices().set_settings(&id, settings);
            state.core().offers_changed();
            tracing::info!(device = %id, by = actor, ?change, "a device was changed");
            let device = state.devices().device(&id);
            device
                .map(|device| answer::ok(&device))
                .ok_or_else(|| unknown_device(&id))
        })
        .await
}

/// Checks what the store takes as it is given.
fn checked(mut change: DeviceChange) -> ApiResult<DeviceChange> {
    if let Some(channel) = &change.channel {
        change.channel = Some(body::channel(channel)?);
    }
    if let Some(pin) = &change.pin {
        let version = version::parse(pin)
            .map_err(|error| ApiError::bad_request("bad_version", format!("pin: {error}")))?;
        change.pin = Some(version.to_string());
    }
    if let Some(Hold { reason, .. }) = &mut change.hold {
        *reason = reason.trim().to_owned();
        if reason.is_empty() || reason.len() > MAX_HOLD_REASON {
            return Err(ApiError::bad_request(
                "bad_reason",
                format!("give a reason of 1 to {MAX_HOLD_REASON} bytes"),
            )
            .hint("It is shown to whoever asks why the device is not updated."));
        }
    }
    Ok(change)
}
