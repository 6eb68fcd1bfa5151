use std::net::SocketAddr;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method};
use serde::Deserialize;
use updraft_protocol::{DeviceId, Digest};
use utoipa::IntoParams;

use crate::body::ApiQuery;
use crate::error::ApiResult;
use crate::signed_urls::{Claim, ReleaseKey, Signed, deliver, verify};
use crate::state::AppState;

/// What a full signed URL says.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SignedQuery {
    /// Until when it is good, Unix seconds.
    expires: u32,
    /// Which key signed it.
    key: u32,
    /// HMAC-SHA-256, 64 hexadecimal digits.
    signature: Digest,
}

/// A release's file, by a signed URL in its full form.
#[utoipa::path(
    get,
    path = "/signed/{device}/{release}/firmware.bin",
    tag = "device",
    params(("device" = String, Path), ("release" = String, Path), SignedQuery),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The range", content_type = "application/octet-stream"),
        (status = 403, description = "Not signed here, revoked or expired", body = updraft_protocol::api::ErrorBody),
        (status = 410, description = "The release is blocked, or the update was called off", body = updraft_protocol::api::ErrorBody),
    )
)]
pub(super) async fn signed_full(
    State(state): State<AppState>,
    Extension(address): Extension<SocketAddr>,
    Path((device, release)): Path<(String, String)>,
    ApiQuery(query): ApiQuery<SignedQuery>,
    method: Method,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let signed = match (device.parse::<DeviceId>(), ReleaseKey::parse(&release)) {
        (Ok(device), Some(release)) => {
            let claim = Claim {
                device,
                release,
                expires: query.expires,
                key: query.key,
            };
            Some(Signed::full(claim, query.signature))
        }
        _ => None,
    };
    let allowed = verify(&state, address.ip(), signed).await?;
    tracing::debug!(device, release, %method, "a signed download");
    deliver(&state, allowed, &method, &headers).await
}
