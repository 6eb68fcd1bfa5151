use std::net::SocketAddr;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method};
use updraft_protocol::DeviceId;

use crate::error::ApiResult;
use crate::signed_urls::{Signed, deliver, verify};
use crate::state::AppState;

/// A release's file, by a signed URL in its short form.
///
/// Needs no token: the path is one. Answers as `/firmwares/{id}/download` does; 403 if it was not signed here, was
/// revoked or has expired (as S3 answers), 410 if the release is blocked
/// or the update was called off.
#[utoipa::path(
    get,
    path = "/d/{device}/{token}",
    tag = "device",
    params(("device" = String, Path), ("token" = String, Path)),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 302, description = "The store's own URL, where devices of this type follow redirects"),
        (status = 403, description = "Not signed here, revoked or expired", body = updraft_protocol::api::ErrorBody),
        (status = 410, description = "The release is blocked, or the update was called off", body = updraft_protocol::api::ErrorBody),
    )
)]
pub(super) async fn signed_short(
    State(state): State<AppState>,
    Extension(address): Extension<SocketAddr>,
    Path((device, token)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let signed = device
        .parse::<DeviceId>()
        .ok()
        .and_then(|device| Signed::short(device, &token));
    let allowed = verify(&state, address.ip(), signed).await?;
    tracing::debug!(device, release = allowed.0.release.id, %method, "a signed download");
    deliver(&state, allowed, &method, &headers).await
}
