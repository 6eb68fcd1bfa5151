use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use updraft_protocol::DeviceId;
use updraft_rollout::{Moment, explain};
use updraft_store::DeviceRecord;
use utoipa::ToSchema;

use super::device_show::unknown;
use crate::answer;
use crate::body::DevicePath;
use crate::devices::view;
use crate::error::ApiResult;
use crate::identity::Words;
use crate::state::AppState;

/// Why a device gets what it gets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Why {
    /// The version it would be offered now, if any.
    offer: Option<String>,
    /// The rollout that would bring it, if one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<String>,
    /// When the answer changes by time alone, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_at: Option<i64>,
    /// When it will ask next, by its own habit, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_poll: Option<i64>,
    /// Every rule that decides it, in order, in words.
    pub(crate) reasons: Vec<String>,
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
    why_of(&state, &id)
        .map(|why| answer::ok(&why))
        .ok_or_else(|| unknown(&id))
}

/// Why a device gets what it gets; none if there is no such device.
pub(crate) fn why_of(state: &AppState, id: &DeviceId) -> Option<Why> {
    let published = state.published();
    let devices = state.devices();
    let habit = match state.config().poll_interval {
        Some(told) => format!("told to ask every {} s", told.as_secs()),
        None => "left to ask as often as its own settings have it".to_owned(),
    };
    let why = |record: &DeviceRecord| {
        let now = state.now();
        // As if it asked the way our own devices do.
        let words = Words {
            state: record.device.state,
            can_wait: true,
            ..Words::default()
        };
        let view = view(record, &words);
        // With who is under way, so that a cap that is full is named.
        let ledger = devices.ledger(now);
        let moment = Moment {
            now,
            ledger: &ledger,
        };
        let decision = explain(&published.snapshot, &view, &moment);
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
            rollout: decision
                .offer
                .and_then(|granted| granted.rollout)
                .map(|rollout| rollout.id.clone()),
            changes_at: decision.changes_at,
            next_poll: record
                .device
                .last_seen
                .zip(record.device.poll_seconds)
                .map(|(seen, seconds)| seen + i64::from(seconds)),
            reasons,
        }
    };
    devices.with_record(id, why)
}
