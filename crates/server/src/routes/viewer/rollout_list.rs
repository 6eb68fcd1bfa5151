use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::rollout::{RolloutList, RolloutState};
use utoipa::IntoParams;

use crate::answer;
use crate::body::ApiQuery;
use crate::state::AppState;

/// Rollouts on a page unless the request says otherwise.
const DEFAULT_LIMIT: usize = 50;

/// Most rollouts on a page: some hundred KB of JSON.
const MAX_LIMIT: usize = 200;

/// Which rollouts are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RolloutFilter {
    /// Only those of this device type.
    device_type: Option<DeviceTypeName>,
    /// Only those in this state.
    state: Option<RolloutState>,
    /// Only those before this one: the `next` of the page before.
    after: Option<String>,
    /// At most so many (50 without it, 200 at most).
    limit: Option<usize>,
}

/// Rollouts, the latest first, a page at a time.
#[utoipa::path(
    get,
    path = "/api/rollouts",
    tag = "viewer",
    params(RolloutFilter),
    responses((status = 200, body = RolloutList))
)]
pub(super) async fn list_rollouts(
    State(state): State<AppState>,
    ApiQuery(filter): ApiQuery<RolloutFilter>,
) -> Response {
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let mut rollouts = state
        .core()
        .list(filter.after.as_deref(), limit + 1, |live| {
            let record = &live.record;
            filter
                .device_type
                .as_ref()
                .is_none_or(|only| *only == record.device_type)
                && filter.state.is_none_or(|only| only == record.state)
        })
        .await;
    let more = rollouts.len() > limit;
    rollouts.truncate(limit);
    let next = rollouts
        .last()
        .filter(|_| more)
        .map(|rollout| rollout.id.clone());
    answer::ok(&RolloutList { rollouts, next })
}
