//! What a device reports, kept, whichever way it came.

use updraft_protocol::{DeviceId, ReasonCode, Report};

use crate::error::ApiResult;
use crate::state::AppState;

/// Keeps a report of a device that is known to be it. It is on disk when this returns.
pub(crate) async fn keep(state: &AppState, id: &DeviceId, report: &Report) -> ApiResult<()> {
    let reported = state.report(id, report).await?;
    match reported.deployment {
        Some((stands, reason, true)) => {
            tracing::info!(
                device = %id, version = report.firmware_version, state = stands.as_str(),
                reason = reason.map(ReasonCode::as_str), "an update moved on"
            );
        }
        Some(_) => {}
        None => tracing::warn!(
            device = %id, version = report.firmware_version, status = report.update_status.as_str(),
            "a report names no known release"
        ),
    }
    Ok(())
}
