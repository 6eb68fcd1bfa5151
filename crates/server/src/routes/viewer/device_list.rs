use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use updraft_protocol::api::{DeploymentState, DeviceList};
use updraft_protocol::{DeviceId, DeviceTypeName};
use utoipa::IntoParams;

use crate::answer;
use crate::body::ApiQuery;
use crate::state::AppState;

/// Devices on a page unless the request says otherwise: a screenful or two.
const DEFAULT_LIMIT: usize = 100;

/// Most devices on a page: about 500 KB of JSON.
const MAX_LIMIT: usize = 1000;

/// Which devices are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct DeviceFilter {
    /// Only those of this device type.
    device_type: Option<DeviceTypeName>,
    /// Only those that run this version.
    version: Option<String>,
    /// Only those whose latest deployment stands so.
    state: Option<DeploymentState>,
    /// Only those after this one: the `next` of the page before.
    after: Option<DeviceId>,
    /// At most so many (100 without it, 1,000 at most).
    limit: Option<usize>,
}

/// Devices by id, a page at a time.
#[utoipa::path(
    get,
    path = "/api/devices",
    tag = "viewer",
    params(DeviceFilter),
    responses((status = 200, body = DeviceList))
)]
pub(super) async fn list_devices(
    State(state): State<AppState>,
    ApiQuery(filter): ApiQuery<DeviceFilter>,
) -> Response {
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let mut devices = state
        .devices()
        .list(filter.after.as_ref(), limit + 1, |device| {
            let is = |wanted: &Option<DeviceTypeName>| {
                wanted
                    .as_ref()
                    .is_none_or(|only| *only == device.device_type)
            };
            let latest = device
                .deployments
                .first()
                .map(|deployment| deployment.state);
            is(&filter.device_type)
                && (filter.version.is_none() || filter.version == device.version)
                && (filter.state.is_none() || filter.state == latest)
        });
    let more = devices.len() > limit;
    devices.truncate(limit);
    let next = devices
        .last()
        .filter(|_| more)
        .map(|device| device.id.clone());
    answer::ok(&DeviceList { devices, next })
}
