use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use updraft_protocol::DeviceTypeName;
use updraft_store::TokenHash;
use utoipa::ToSchema;

use crate::answer;
use crate::auth::Caller;
use crate::body::{ApiJson, DevicePath};
use crate::error::{ApiError, ApiResult};
use crate::secrets::random_secret;
use crate::state::AppState;

/// What a device is that is to get a token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeviceTokenRequest {
    /// Its device type.
    device_type: DeviceTypeName,
}

/// A device's new token, shown this once.
#[derive(Serialize, ToSchema)]
struct DeviceToken {
    /// What the device sends as `Authorization: Bearer …`.
    token: String,
}

/// Makes a token for a device. It replaces the one the device had.
#[utoipa::path(
    post,
    path = "/api/devices/{id}/token",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = DeviceTokenRequest,
    responses((status = 200, body = DeviceToken))
)]
pub(super) async fn issue_device_token(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    DevicePath(id): DevicePath,
    ApiJson(request): ApiJson<DeviceTokenRequest>,
) -> ApiResult<Response> {
    let token = random_secret().map_err(|error| ApiError::internal(&error))?;
    let actor = caller.actor();
    state
        .clone()
        .change(async move {
            if !state.devices().has_room(&id) {
                return Err(state.too_many_devices());
            }
            let hash = TokenHash::of(&token);
            let device_type = &request.device_type;
            let now = state.now();
            state
                .store()
                .set_device_token(&id, device_type, hash, now, &actor)
                .await?;
            state.devices().set_token(&id, device_type, hash, now);
            tracing::info!(device = %id, by = actor, "a device got a token");
            Ok(answer::ok(&DeviceToken { token }))
        })
        .await
}
