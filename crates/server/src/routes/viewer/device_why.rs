use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use updraft_rollout::{Moment, explain};
use updraft_store::DeviceRecord;
use utoipa::ToSchema;

use super::device_show::unknown;
use crate::answer;
use crate::body::DevicePath;
use crate::devices::view;
use crate::error::ApiResult;
use crate::state::AppState;

/// Why a device gets what it gets.
#[derive(Debug, Serialize, ToSchema)]
struct Why {
    /// The version it would be offered now, if any.
    offer: Option<String>,
    /// Every rule that decides it, in order, in words.
    reasons: Vec<String>,
}

/// Why a device is, or is not, being updated.
#[utoipa::path(
    get,
    path = "/api/devices/{id}/why",
    tag = "viewer",
    params(("id" = String, Path)),
    responses((status = 200, body = Why))
)]
pub(super) async fn why_device(
    State(state): State<AppState>,
    DevicePath(id): DevicePath,
) -> ApiResult<Response> {
    let published = state.published();
    let habit = match state.config().poll_interval {
        Some(told) => format!("told to ask every {} s", told.as_secs()),
        None => "left to ask as often as its own settings have it".to_owned(),
    };
    let why = |record: &DeviceRecord| {
        let view = view(record, record.device.state);
        let decision = explain(&published.snapshot, &view, &Moment::at(state.now()));
        let mut reasons: Vec<String> = decision.reasons.iter().map(ToString::to_string).collect();
        if let Some(unmatched) = &record.unmatched_report {
            reasons.push(format!(
                "its last report named no known release: {unmatched}"
            ));
        }
        reasons.push(match record.device.last_seen {
            Some(seen) => {
                let ago = (state.now() - seen).max(0);
                format!("it was last seen {ago} s ago and is {habit}")
            }
            None => format!("it was never seen; it will be {habit}"),
        });
        Why {
            offer: decision
                .offer
                .map(|granted| granted.candidate.version.to_string()),
            reasons,
        }
    };
    state
        .devices()
        .with_record(&id, why)
        .map(|why| answer::ok(&why))
        .ok_or_else(|| unknown(&id))
}
