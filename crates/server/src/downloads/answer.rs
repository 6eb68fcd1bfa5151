use std::path::PathBuf;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::cache::Content;
use super::downloader::{Downloader, pieces};
use super::file_stream;
use super::range::{self, Wanted};
use updraft_protocol::api::Release;

use crate::config::DeviceAuth;
use crate::depot::artifact;
use crate::error::{ApiError, ApiResult};
use crate::metrics::Plain;
use crate::published::Offering;
use crate::relay::{self, Lease};
use crate::state::AppState;

/// Whether the URL may give another file later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changing {
    /// It names a release, whose bytes never change.
    Never,
    /// It names whatever the device is to have now.
    WithTime,
}

/// Sends a release's file, or the part that is asked for.
///
/// A blocked release, and one that was called off for who downloads it, is answered 410: whatever was offered before, nobody
/// gets more of it. Update clients take that for an order to stop.
pub(crate) async fn answer(
    state: &AppState,
    offering: &Offering,
    downloader: Downloader,
    method: &Method,
    headers: &HeaderMap,
    changing: Changing,
) -> ApiResult<Response> {
    let release = &offering.release;
    if let Some(reason) = &release.blocked {
        return Err(ApiError::new(
            StatusCode::GONE,
            "release_blocked",
            format!(
                "{} {} is blocked: {reason}",
                release.device_type, release.version
            ),
        )
        .hint("Do not install it; ask for the latest release again."));
    }
    downloader.refuse_called_off(state, &release.id)?;
    let etag = format!("\"{}\"", release.sha256);
    let mut answered = describe(state, offering, &etag, changing);
    if range::has_it(headers, &etag) {
        return Ok(respond(StatusCode::NOT_MODIFIED, answered, Body::empty()));
    }
    let size = u64::from(release.size);
    let wanted = if *method == Method::GET {
        range::wanted(headers, size, &etag)
    } else {
        Wanted::Whole
    };
    let (status, first, length) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0, size),
        Wanted::Part { first, last } => {
            let range = format!("bytes {first}-{last}/{size}");
            answered.insert(CONTENT_RANGE, value(&range));
            (StatusCode::PARTIAL_CONTENT, first, last - first + 1)
        }
        Wanted::Nothing => {
            let mut bare = HeaderMap::new();
            bare.insert(CONTENT_RANGE, value(&format!("bytes */{size}")));
            bare.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            bare.insert(CONTENT_LENGTH, 0.into());
            return Ok(respond(
                StatusCode::RANGE_NOT_SATISFIABLE,
                bare,
                Body::empty(),
            ));
        }
    };
    answered.insert(CONTENT_LENGTH, length.into());
    if *method == Method::HEAD {
        return Ok(respond(status, answered, Body::empty()));
    }
    let (content, lease) = content(state, release).await?;
    let body = match content {
        Content::Whole(bytes) => {
            let end = (first + length) as usize;
            let part = bytes.slice(first as usize..end.min(bytes.len()));
            downloader.body(state, &release.id, pieces(part))
        }
        Content::File(path) => {
            let part = file_stream::pieces(&path, first, length, lease)
                .await
                .map_err(|error| ApiError::internal(&error))?;
            downloader.body(state, &release.id, part)
        }
    };
    state.metrics().add(Plain::Downloads, 1);
    Ok(respond(status, answered, body))
}

/// The file, from memory or disk. One that is missing or damaged here is fetched from the artifact store or, on a relay,
/// from the primary; the lease keeps it on a relay's disk.
async fn content(state: &AppState, release: &Release) -> ApiResult<(Content, Option<Lease>)> {
    let (sha256, size) = (release.sha256, release.size);
    let (path, lease) = locate(state, release, false).await?;
    let can_fetch = state.depot().is_some() || state.relay().is_some();
    match state.cache().get(sha256, size, path).await {
        Err(error) if error.code() == "artifact_damaged" && can_fetch => {
            drop(lease);
            let (path, lease) = locate(state, release, true).await?;
            Ok((state.cache().get(sha256, size, path).await?, lease))
        }
        found => Ok((found?, lease)),
    }
}

async fn locate(
    state: &AppState,
    release: &Release,
    damaged: bool,
) -> ApiResult<(PathBuf, Option<Lease>)> {
    match state.relay() {
        Some(relay) => {
            let (path, lease) = relay::artifact(relay, release, damaged).await?;
            Ok((path, Some(lease)))
        }
        None => Ok((artifact(state, release, damaged).await?, None)),
    }
}

const X_FIRMWARE_VERSION: HeaderName = HeaderName::from_static("x-firmware-version");
const X_FIRMWARE_SHA256: HeaderName = HeaderName::from_static("x-firmware-sha256");
/// RFC 9530: the digest of the whole file, also when a part is sent.
const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
/// RFC 3230, its predecessor, which clients still read.
const DIGEST: HeaderName = HeaderName::from_static("digest");

fn describe(state: &AppState, offering: &Offering, etag: &str, changing: Changing) -> HeaderMap {
    let release = &offering.release;
    let digest = STANDARD.encode(release.sha256.0);
    // With device tokens, a shared cache must not hand the file to who has none.
    let cache = match (changing, state.config().device_auth) {
        (Changing::WithTime, _) => "no-cache",
        (Changing::Never, DeviceAuth::Open) => "public, max-age=31536000, immutable",
        (Changing::Never, DeviceAuth::Required) => "private, max-age=31536000, immutable",
    };
    let mut headers = HeaderMap::with_capacity(12);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(ETAG, value(etag));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(REPR_DIGEST, value(&format!("sha-256=:{digest}:")));
    headers.insert(DIGEST, value(&format!("SHA-256={digest}")));
    headers.insert(X_FIRMWARE_VERSION, value(&release.version));
    headers.insert(X_FIRMWARE_SHA256, value(&release.sha256.to_string()));
    headers
}

/// Versions, digests and numbers are ASCII; anything else would be left empty rather than fail.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

fn respond(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
