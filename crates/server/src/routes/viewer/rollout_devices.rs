use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use updraft_protocol::DeviceId;
use utoipa::{IntoParams, ToSchema};

use super::rollout_show::unknown;
use crate::answer;
use crate::body::ApiQuery;
use crate::error::{ApiError, ApiResult};
use crate::rollouts::{Row, is_word};
use crate::state::AppState;

/// Devices on a page unless the request says otherwise.
const DEFAULT_LIMIT: usize = 100;

/// Most devices on a page.
const MAX_LIMIT: usize = 1000;

/// Which devices are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RowFilter {
    /// Only those in this state.
    state: Option<String>,
    /// Only those after this one: the `next` of the page before.
    after: Option<DeviceId>,
    /// At most so many (100 without it, 1,000 at most).
    limit: Option<usize>,
}

/// One page of a rollout's devices.
#[derive(Debug, Serialize, ToSchema)]
struct RolloutDevices {
    /// The devices of the target, by id, each in exactly one row.
    devices: Vec<Row>,
    /// The `after` of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<DeviceId>,
}

/// The devices of a rollout's target and how each stands: every device in exactly one row.
#[utoipa::path(
    get,
    path = "/api/rollouts/{id}/devices",
    tag = "viewer",
    params(("id" = String, Path), RowFilter),
    responses((status = 200, body = RolloutDevices))
)]
pub(super) async fn list_rollout_devices(
    State(state): State<AppState>,
    Path(id): Path<String>,
    ApiQuery(filter): ApiQuery<RowFilter>,
) -> ApiResult<Response> {
    if let Some(word) = filter.state.as_deref().filter(|word| !is_word(word)) {
        return Err(ApiError::bad_request(
            "bad_state",
            format!(
                "{:?} is no state of a device in a rollout",
                crate::published::shorten(word, 32)
            ),
        ));
    }
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let rows = state
        .core()
        .rows(
            &id,
            filter.after.as_ref(),
            filter.state.as_deref(),
            limit + 1,
        )
        .await;
    let mut devices = rows.ok_or_else(|| unknown(&id))?;
    let more = devices.len() > limit;
    devices.truncate(limit);
    let next = devices
        .last()
        .filter(|_| more)
        .map(|row| row.device_id.clone());
    Ok(answer::ok(&RolloutDevices { devices, next }))
}
