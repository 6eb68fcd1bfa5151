use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use updraft_protocol::{DeviceId, Report};

use crate::answer;
use crate::auth::Caller;
use crate::body::{DeviceJson, DevicePath};
use crate::error::ApiResult;
use crate::identity::identify;
use crate::reported;
use crate::state::AppState;

/// A device says what came of an offer.
///
/// The report is on disk when this is answered, and it may be sent again without harm. A success counts as
/// claimed until the new app's ELF SHA-256 is seen.
#[utoipa::path(
    post,
    path = "/api/devices/{id}/reports",
    tag = "device",
    params(("id" = String, Path)),
    request_body = Report,
    responses((status = 200, description = "Kept: `{\"status\":\"ok\"}`"))
)]
pub(super) async fn report(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    DevicePath(named): DevicePath,
    DeviceJson(report): DeviceJson<Report>,
) -> ApiResult<Response> {
    keep(&state, &caller, named, &report).await
}

/// Keeps a report, whichever path it came by.
pub(super) async fn keep(
    state: &AppState,
    caller: &Caller,
    named: DeviceId,
    report: &Report,
) -> ApiResult<Response> {
    let id = identify(state, caller, Some(named.clone()))?.unwrap_or(named);
    reported::keep(state, &id, report).await?;
    Ok(answer::status_ok())
}
