use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::{Device, DeviceChange};

use super::super::viewer::unknown_device;
use crate::answer;
use crate::auth::Caller;
use crate::body::{self, ApiJson, DevicePath};
use crate::error::ApiResult;
use crate::state::AppState;

/// Lets a device follow another channel.
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
    if let Some(channel) = &change.channel {
        let channel = body::channel(channel)?;
        let actor = caller.actor();
        let (state, id) = (state.clone(), id.clone());
        state
            .clone()
            .change(async move {
                // A device that was just heard of for the first time may have no row yet.
                state.write_device(&id).await?;
                state
                    .store()
                    .set_device_channel(&id, &channel, &actor)
                    .await?;
                state.devices().set_channel(&id, &channel);
                tracing::info!(device = %id, by = actor, channel, "a device was changed");
                Ok(())
            })
            .await?;
    }
    let device = state.devices().device(&id);
    device
        .map(|device| answer::ok(&device))
        .ok_or_else(|| unknown_device(&id))
}
