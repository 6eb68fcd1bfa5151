use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use updraft_protocol::DeviceTypeName;
use utoipa::IntoParams;

use crate::answer::json_bytes;
use crate::ask::{Answer, ask};
use crate::auth::Caller;
use crate::body::ApiQuery;
use crate::error::ApiResult;
use crate::identity::{PullQuery, identify};
use crate::next_poll::tell;
use crate::published::LatestV1;
use crate::state::AppState;

/// Seed 002's answer when there is nothing.
const NOTHING: &[u8] = b"{\"available\":false,\"message\":\"no firmware available\"}";

/// Its answer to a device that runs the newest release.
const UP_TO_DATE: &[u8] = b"{\"available\":false,\"message\":\"up to date\"}";

/// What seed 002's endpoints are about.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TypeQuery {
    /// The device type; the server's default without it.
    pub(super) device_type: Option<DeviceTypeName>,
}

/// The latest release for a device, as seed 002 has it.
///
/// `{"available":false,"message":…}` when there is nothing to install.
#[utoipa::path(
    get,
    path = "/api/v1/firmware/latest",
    tag = "device",
    params(TypeQuery, PullQuery),
    responses((status = 200, body = LatestV1<'static>))
)]
pub(super) async fn latest_v1(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    ApiQuery(TypeQuery { device_type }): ApiQuery<TypeQuery>,
    ApiQuery(query): ApiQuery<PullQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (named, words) = query.with_headers(&headers)?;
    let id = identify(&state, &caller, named)?;
    let device_type = device_type.unwrap_or_else(|| state.config().default_device_type.clone());
    let (answer, next) = ask(&state, id.as_ref(), &device_type, &words).await?;
    let body = match answer {
        Answer::Offer(offering, _) => offering.latest_v1.clone(),
        Answer::Running(_) => Bytes::from_static(UP_TO_DATE),
        Answer::Nothing => Bytes::from_static(NOTHING),
    };
    Ok(tell(json_bytes(StatusCode::OK, body), next))
}
