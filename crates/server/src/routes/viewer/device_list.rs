use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use updraft_protocol::api::{Attributes, DeploymentState, Device, DeviceList};
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
    /// Only those in this region.
    region: Option<String>,
    /// Only those at this site.
    site: Option<String>,
    /// Only those of this group.
    group: Option<String>,
    /// Only those with this tag.
    tag: Option<String>,
    /// Only those not seen since this time, Unix seconds.
    not_seen_since: Option<i64>,
    /// Only those after this one: the `next` of the page before.
    after: Option<DeviceId>,
    /// At most so many (100 without it, 1,000 at most).
    limit: Option<usize>,
}

impl DeviceFilter {
    fn takes(&self, device: &Device) -> bool {
        let latest = device.deployments.first();
        let Attributes {
            region,
            site,
            group,
            tags,
            ..
        } = &device.attributes;
        let is =
            |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        self.device_type
            .as_ref()
            .is_none_or(|only| *only == device.device_type)
            && is(&self.version, &device.version)
            && is(&self.region, region)
            && is(&self.site, site)
            && is(&self.group, group)
            && self.tag.as_ref().is_none_or(|tag| tags.contains(tag))
            && self
                .state
                .is_none_or(|only| latest.is_some_and(|latest| latest.state == only))
            && self
                .not_seen_since
                .is_none_or(|since| device.last_seen.is_none_or(|seen| seen < since))
    }
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
            filter.takes(device)
        });
    let more = devices.len() > limit;
    devices.truncate(limit);
    let next = devices
        .last()
        .filter(|_| more)
        .map(|device| device.id.clone());
    answer::ok(&DeviceList { devices, next })
}
