use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::viewer::{unknown_device, why_of};
use crate::answer;
use crate::auth::Caller;
use crate::body::DevicePath;
use crate::error::ApiResult;
use crate::mqtt::{Sent, check_update};
use crate::state::AppState;

/// What a check for an update came to.
#[derive(Debug, Serialize, ToSchema)]
struct UpdateChecked {
    /// The version the device is to install, if any.
    offer: Option<String>,
    /// What was done about it.
    sent: Sent,
    /// Whether the device is connected to the MQTT broker, as far as is known.
    connected: bool,
    /// Every rule that decided it, in order, in words.
    reasons: Vec<String>,
}

/// Decides for one device now, and tells it over MQTT if it is connected.
///
/// A device that is not connected is told when it returns, or learns it at its next check-in. Seed 003's "Check
/// Update".
#[utoipa::path(
    post,
    path = "/api/devices/{id}/check-update",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 200, body = UpdateChecked))
)]
pub(super) async fn check_update_of(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    DevicePath(id): DevicePath,
) -> ApiResult<Response> {
    // The reasons first: that it is offered is one of them afterwards.
    let reasons = why_of(&state, &id)
        .ok_or_else(|| unknown_device(&id))?
        .reasons;
    let (sent, offer) = check_update(&state, &id, &caller.actor()).await?;
    let connected = state
        .mqtt()
        .is_some_and(|mqtt| mqtt.presence().is_online(&id));
    Ok(answer::ok(&UpdateChecked {
        offer,
        sent,
        connected,
        reasons,
    }))
}
