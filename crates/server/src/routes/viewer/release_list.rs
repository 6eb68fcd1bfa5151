use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::ReleaseList;
use utoipa::IntoParams;

use crate::answer;
use crate::body::ApiQuery;
use crate::state::AppState;

/// Which releases, or channels, are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TypeFilter {
    /// Only those of this device type.
    pub(super) device_type: Option<DeviceTypeName>,
}

/// Every release, newest version first within each device type.
#[utoipa::path(
    get,
    path = "/api/releases",
    tag = "viewer",
    params(TypeFilter),
    responses((status = 200, body = ReleaseList))
)]
pub(super) async fn list_releases(
    State(state): State<AppState>,
    ApiQuery(filter): ApiQuery<TypeFilter>,
) -> Response {
    list(&state, &filter)
}

/// Every release, by seed 004's path.
#[utoipa::path(
    get,
    path = "/api/firmwares",
    tag = "viewer",
    params(TypeFilter),
    responses((status = 200, body = ReleaseList))
)]
pub(super) async fn list_firmwares(
    State(state): State<AppState>,
    ApiQuery(filter): ApiQuery<TypeFilter>,
) -> Response {
    list(&state, &filter)
}

fn list(state: &AppState, filter: &TypeFilter) -> Response {
    let published = state.published();
    let wanted =
        |name: &DeviceTypeName| filter.device_type.as_ref().is_none_or(|only| only == name);
    let releases = published
        .types
        .iter()
        .filter(|device_type| wanted(&device_type.name))
        .flat_map(|device_type| published.of_type(device_type.name.as_str()))
        .map(|offering| offering.release())
        .collect();
    answer::ok(&ReleaseList { releases })
}
