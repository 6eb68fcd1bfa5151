use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method};
use serde::Deserialize;
use utoipa::IntoParams;

use super::latest::no_firmware;
use super::latest_v1::TypeQuery;
use crate::ask::{Answer, ask};
use crate::auth::Caller;
use crate::body::ApiQuery;
use crate::downloads::{Changing, Downloader, answer};
use crate::error::ApiResult;
use crate::identity::PullQuery;
use crate::state::AppState;

/// Which release is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReleaseQuery {
    /// Exactly this release, as `download_url` names it; without it, what the device would be offered.
    firmware_id: Option<String>,
}

/// A release's file, as seed 002 has it.
///
/// Without `firmware_id`, the file that `/api/v1/firmware/latest` would name for the same device.
#[utoipa::path(
    get,
    path = "/api/v1/firmware/download",
    tag = "device",
    params(ReleaseQuery, TypeQuery, PullQuery),
    responses(
        (status = 200, description = "The file, with X-Firmware-Version and X-Firmware-Sha256",
            content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 410, description = "The release is blocked, or the update was called off",
            body = updraft_protocol::api::ErrorBody),
    )
)]
pub(super) async fn download_v1(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    ApiQuery(ReleaseQuery { firmware_id }): ApiQuery<ReleaseQuery>,
    ApiQuery(TypeQuery { device_type }): ApiQuery<TypeQuery>,
    ApiQuery(query): ApiQuery<PullQuery>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (named, words) = query.with_headers(&headers)?;
    let downloader = Downloader::of(&state, &caller, named)?;
    let (offering, changing) = if let Some(id) = firmware_id {
        (state.offering(&id)?, Changing::Never)
    } else {
        let id = match &downloader {
            Downloader::Device(id) => Some(id),
            Downloader::Nameless | Downloader::Person => None,
        };
        let device_type = device_type.unwrap_or_else(|| state.config().default_device_type.clone());
        match ask(&state, id, &device_type, &words).await?.0 {
            Answer::Offer(offering, _) | Answer::Running(offering) => {
                (offering, Changing::WithTime)
            }
            Answer::Nothing => return Err(no_firmware(device_type.as_str())),
        }
    };
    answer(&state, &offering, downloader, &method, &headers, changing).await
}
