use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use updraft_protocol::{CheckIn, CheckInReply, DeviceId};
use updraft_rollout::{NextPoll, next_poll};

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
    let interval = interval(state.config().poll_interval, check_in.poll_seconds);
    let words = Words::of_check_in(check_in)?;
    let visit = state.visit(&id, &device_type, &words).await?;
    let terms = visit.terms;
    let poll_after_seconds = poll_after(&id, interval, visit.changes_at, state.now());
    Ok(answer::ok(&CheckInReply {
        offer: visit.offer.map(|offering| terms.apply(&offering.offer)),
        poll_after_seconds,
    }))
}

/// How often a device is to come: as the operator says, else as its own settings have it.
fn interval(told: Option<Duration>, own: Option<u32>) -> Duration {
    let (least, most) = POLL_INTERVALS;
    let own = own.map(|seconds| Duration::from_secs(seconds.into()).clamp(least, most));
    told.or(own).unwrap_or(POLL_INTERVAL)
}

/// When it is to come next: soon after its window, or whatever else it waits for, opens; no later than it comes anyway.
fn poll_after(id: &DeviceId, interval: Duration, changes_at: Option<i64>, now: i64) -> u32 {
    let seconds = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX);
    if changes_at.is_none() {
        return seconds;
    }
    let ask = NextPoll {
        device_id: id.as_str(),
        interval,
        load_bp: 0,
        changes_at,
    };
    next_poll(&ask, now).min(seconds)
}
