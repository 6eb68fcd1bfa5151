use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use updraft_protocol::{CheckIn, CheckInReply};

use crate::answer;
use crate::auth::Caller;
use crate::body::{DeviceJson, DevicePath};
use crate::bounds::POLL_INTERVALS;
use crate::config::POLL_INTERVAL;
use crate::error::ApiResult;
use crate::identity::{Words, identify};
use crate::state::AppState;

/// A device says what it is and runs, and learns what to install and when to come back.
///
/// A check-in that shows a release's ELF SHA-256, settled in its slot, confirms the device's open update to it.
#[utoipa::path(
    post,
    path = "/api/devices/{id}/check-in",
    tag = "device",
    params(("id" = String, Path)),
    request_body = CheckIn,
    responses((status = 200, body = CheckInReply))
)]
pub(super) async fn check_in(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    DevicePath(named): DevicePath,
    DeviceJson(check_in): DeviceJson<CheckIn>,
) -> ApiResult<Response> {
    let id = identify(&state, &caller, Some(named.clone()))?.unwrap_or(named);
    let device_type = check_in.device_type.clone();
    let poll_after_seconds =
        poll_after_seconds(state.config().poll_interval, check_in.poll_seconds);
    let words = Words::of_check_in(check_in)?;
    let visit = state.visit(&id, &device_type, &words).await?;
    Ok(answer::ok(&CheckInReply {
        offer: visit.offer.map(|offering| offering.offer.clone()),
        poll_after_seconds,
    }))
}

/// When a device is to come back: as the operator says, else as its own settings have it.
fn poll_after_seconds(told: Option<Duration>, own: Option<u32>) -> u32 {
    let (least, most) = POLL_INTERVALS;
    let own = own.map(|seconds| Duration::from_secs(seconds.into()).clamp(least, most));
    let interval = told.or(own).unwrap_or(POLL_INTERVAL);
    u32::try_from(interval.as_secs()).unwrap_or(u32::MAX)
}
