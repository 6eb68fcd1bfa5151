use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use updraft_protocol::{CheckIn, CheckInReply};

use crate::answer;
use crate::auth::Caller;
use crate::body::{DeviceJson, DevicePath};
use crate::error::ApiResult;
use crate::identity::{Words, identify};
use crate::next_poll::poll_after;
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
    let own = check_in.poll_seconds;
    let words = Words::of_check_in(check_in)?;
    let visit = state.visit(&id, &device_type, &words).await?;
    let terms = visit.terms;
    let poll_after_seconds = poll_after(&state, &id, own, visit.changes_at);
    Ok(answer::ok(&CheckInReply {
        offer: visit.offer.map(|offering| terms.apply(&offering.offer)),
        poll_after_seconds,
    }))
}
