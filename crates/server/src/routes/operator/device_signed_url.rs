use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::viewer::unknown_device;
use crate::answer;
use crate::auth::Caller;
use crate::body::{ApiJson, DevicePath};
use crate::error::{ApiError, ApiResult};
use crate::signed_urls::order_url;
use crate::state::AppState;

/// What the URL is to be for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignedUrlRequest {
    /// The release, which must be for the device's type.
    release_id: String,
}

/// A URL that needs no token.
#[derive(Debug, Serialize, ToSchema)]
struct SignedUrl {
    /// The URL, in the form that devices of this type get.
    url: String,
    /// How long it is good, in seconds.
    lifetime_seconds: u64,
}

/// Signs a URL for a device by hand: for whoever stands before it with a cable and no token.
#[utoipa::path(
    post,
    path = "/api/devices/{id}/signed-url",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = SignedUrlRequest,
    responses((status = 200, body = SignedUrl))
)]
pub(super) async fn sign_url(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    DevicePath(id): DevicePath,
    ApiJson(request): ApiJson<SignedUrlRequest>,
) -> ApiResult<Response> {
    let device = state
        .devices()
        .device(&id)
        .ok_or_else(|| unknown_device(&id))?;
    let offering = state.offering(&request.release_id)?;
    if offering.release.device_type != device.device_type {
        return Err(ApiError::unprocessable(
            "wrong_device_type",
            format!(
                "{id} is of type {}, the release is for {}",
                device.device_type, offering.release.device_type
            ),
        ));
    }
    // A release whose bytes left the server is one that was offered: it cannot be deleted any more.
    if !offering.is_offered() {
        state.first_offer(&offering).await?;
    }
    let actor = caller.actor();
    let detail = serde_json::json!({ "release_id": offering.release.id });
    let store = state.store();
    store
        .note_device(&id, "device.sign_url", detail, &actor)
        .await?;
    let url = order_url(&state, &id, &offering).await?;
    tracing::info!(device = %id, release = offering.release.id, by = actor, "a URL was signed by hand");
    Ok(answer::ok(&SignedUrl {
        url,
        lifetime_seconds: state.config().signed_urls.lifetime.as_secs(),
    }))
}
