use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, HeaderValue, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use updraft_protocol::DeviceId;
use updraft_protocol::api::Release;

use super::claim::{ReleaseKey, Signed};
use super::{Claim, Delivery, KeyRing};
use crate::auth::refuse;
use crate::downloads::{Changing, Downloader, answer};
use crate::error::{ApiError, ApiResult};
use crate::published::Offering;
use crate::state::AppState;

/// How far the clocks of nodes that sign for each other may be apart, in seconds.
const CLOCKS_APART_S: i64 = 60;

/// A URL under which `device` may fetch the release for some minutes.
pub(crate) async fn order_url(
    state: &AppState,
    device: &DeviceId,
    offering: &Offering,
) -> ApiResult<String> {
    let config = &state.config().signed_urls;
    let release = &offering.release;
    let delivery = config.delivery(&release.device_type);
    if delivery == Delivery::Direct
        && let Some(url) = presigned(state, release).await
    {
        return Ok(url);
    }
    let path = signed_path(state, device, offering, delivery == Delivery::Full).await?;
    Ok(format!("{}{path}", state.public_url()))
}

/// The bucket's own URL, if the release's file is in one; without it the server sends the bytes itself.
async fn presigned(state: &AppState, release: &Release) -> Option<String> {
    let lifetime = state.config().signed_urls.lifetime;
    match state.presigned(release, lifetime).await {
        Ok(url) => url,
        Err(error) => {
            tracing::warn!(release = release.id, %error, "the artifact store signed no URL; the bytes go by this server");
            None
        }
    }
}

/// The same as a path on this server.
pub(crate) async fn signed_path(
    state: &AppState,
    device: &DeviceId,
    offering: &Offering,
    full: bool,
) -> ApiResult<String> {
    let key = state.url_keys().signing().await?;
    let revocations = state.store().url_revocations(device).await?;
    let lifetime = state.config().signed_urls.lifetime.as_secs();
    let expires = state.now().saturating_add_unsigned(lifetime);
    let claim = Claim {
        device: device.clone(),
        release: ReleaseKey::parse(&offering.release.id)
            .ok_or_else(|| ApiError::internal(&"a release's id is not 24 hexadecimal digits"))?,
        expires: u32::try_from(expires).unwrap_or(u32::MAX),
        key: key.id,
    };
    Ok(if full {
        claim.full_path(&key.secret, revocations)
    } else {
        claim.short_path(&key.secret, revocations)
    })
}

/// The release that a URL allows its bearer, and who that is, if the URL is signed, not revoked and not expired.
pub(crate) async fn verify(
    state: &AppState,
    address: IpAddr,
    signed: Option<Signed>,
) -> ApiResult<(Arc<Offering>, Downloader)> {
    let refused = || {
        let error = ApiError::new(
            StatusCode::FORBIDDEN,
            "url_not_signed",
            "this URL was not signed by this server, or was revoked since",
        )
        .hint("Ask for the update again; the server sends a new URL.");
        refuse(state, address, "a signed URL", error)
    };
    let Some(signed) = signed else {
        return Err(refused());
    };
    let claim = &signed.claim;
    let lifetime = state.config().signed_urls.lifetime;
    // Before anything is looked up for somebody who shows no more than a form: nothing is signed for longer.
    let latest = state.now().saturating_add_unsigned(lifetime.as_secs());
    if i64::from(claim.expires) > latest.saturating_add(CLOCKS_APART_S) {
        return Err(refused());
    }
    let Some(key) = state.url_keys().find(claim.key).await? else {
        return Err(refused());
    };
    let revocations = state.store().url_revocations(&claim.device).await?;
    if !signed.is_signed_by(&key.secret, revocations) {
        return Err(refused());
    }
    if i64::from(claim.expires) <= state.now() {
        return Err(expired());
    }
    // A key that was retired longer ago than a URL lives has signed nothing that is still good: somebody else has it.
    if !KeyRing::may_have_signed(&key, lifetime) {
        return Err(refused());
    }
    let offering = state.offering(&claim.release.id())?;
    Ok((offering, Downloader::Device(signed.claim.device)))
}

fn expired() -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "url_expired", "this URL has expired")
        .hint("Ask for the update again; the server sends a new URL.")
}

/// Sends the release's file, or sends the client to the store that has it.
pub(crate) async fn deliver(
    state: &AppState,
    (offering, downloader): (Arc<Offering>, Downloader),
    method: &Method,
    headers: &HeaderMap,
) -> ApiResult<Response> {
    let config = &state.config().signed_urls;
    let release = &offering.release;
    downloader.refuse_called_off(state, &release.id)?;
    // A presigned URL is good for one method; HEAD is answered here.
    if *method == Method::GET
        && release.blocked.is_none()
        && config.delivery(&release.device_type) == Delivery::Redirect
        && let Some(url) = presigned(state, release).await
        && let Ok(location) = HeaderValue::from_str(&url)
    {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::FOUND;
        let headers = response.headers_mut();
        headers.insert(LOCATION, location);
        headers.insert(CONTENT_LENGTH, 0.into());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return Ok(response);
    }
    answer(
        state,
        &offering,
        downloader,
        method,
        headers,
        Changing::WithTime,
    )
    .await
}
