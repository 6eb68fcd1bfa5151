use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use updraft_protocol::Offer;

use crate::answer::{self, json_bytes};
use crate::ask::{Answer, ask};
use crate::auth::Caller;
use crate::body::{ApiQuery, TypePath};
use crate::error::{ApiError, ApiResult};
use crate::identity::{PullQuery, identify};
use crate::next_poll::tell;
use crate::state::AppState;

/// The latest release for a device.
///
/// A device that names itself gets what is meant for it; a device that says what it runs is never offered
/// anything that is not newer. When there is nothing newer, it gets the release it runs, so that a client
/// that compares versions finds them equal; 404 if there is none.
#[utoipa::path(
    get,
    path = "/firmwares/latest/{device_type}",
    tag = "device",
    params(("device_type" = String, Path), PullQuery),
    responses((status = 200, body = Offer))
)]
pub(super) async fn latest(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    TypePath(device_type): TypePath,
    ApiQuery(query): ApiQuery<PullQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (named, words) = query.with_headers(&headers)?;
    let id = identify(&state, &caller, named)?;
    let (answer, next) = ask(&state, id.as_ref(), &device_type, &words).await?;
    let response = match answer {
        Answer::Offer(offering, terms) if !terms.are_plain(&offering.offer) => {
            answer::ok(&terms.apply(&offering.offer))
        }
        Answer::Offer(offering, _) | Answer::Running(offering) => {
            json_bytes(StatusCode::OK, offering.latest.clone())
        }
        Answer::Nothing => no_firmware(device_type.as_str()).into_response(),
    };
    Ok(tell(response, next))
}

/// There is nothing for the device.
pub(super) fn no_firmware(device_type: &str) -> ApiError {
    ApiError::not_found(
        "no_firmware",
        format!("there is no firmware for this device of type {device_type}"),
    )
}
