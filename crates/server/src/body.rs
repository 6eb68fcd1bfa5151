//! Bodies and parameters, read within their limits and refused in our own words.

use std::time::Duration;

use axum::body::{BodyDataStream, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use futures_util::StreamExt as _;
use http::StatusCode;
use http::request::Parts;
use http_body::Body as _;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use updraft_protocol::check_in::MAX_BODY;
use updraft_protocol::{DeviceId, DeviceTypeName};

use crate::error::{ApiError, ApiResult};
use crate::published::shorten;
use crate::state::AppState;

/// A device's JSON body, at most [`MAX_BODY`] bytes. Small clients often send no content type, so none is
/// asked for; unknown fields are passed over.
#[derive(Debug)]
pub(crate) struct DeviceJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for DeviceJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> ApiResult<Self> {
        read(request, MAX_BODY, state.limits().body_timeout)
            .await
            .map(Self)
    }
}

/// An operator's JSON body, at most [`Limits::max_body`](crate::Limits::max_body) bytes.
#[derive(Debug)]
pub(crate) struct ApiJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> ApiResult<Self> {
        read(
            request,
            state.limits().max_body,
            state.limits().body_timeout,
        )
        .await
        .map(Self)
    }
}

/// Longest body of a relay's request in bytes: 500 of the longest words.
const MAX_RELAY_BODY: usize = 4 * 1024 * 1024;

/// A relay's JSON body, at most [`MAX_RELAY_BODY`] bytes.
#[derive(Debug)]
pub(crate) struct RelayJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for RelayJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> ApiResult<Self> {
        read(request, MAX_RELAY_BODY, state.limits().body_timeout)
            .await
            .map(Self)
    }
}

async fn read<T: DeserializeOwned>(request: Request, limit: usize, time: Duration) -> ApiResult<T> {
    let bytes = timeout(time, to_bytes(request.into_body(), limit))
        .await
        .map_err(|_| {
            ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                format!("the body did not arrive within {} s", time.as_secs()),
            )
        })?
        .map_err(|error| {
            if is_too_long(&error) {
                ApiError::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "body_too_large",
                    format!("the body is longer than {limit} bytes"),
                )
            } else {
                ApiError::bad_request(
                    "body_unreadable",
                    format!("the body did not arrive whole: {error}"),
                )
            }
        })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        ApiError::bad_request(
            "bad_json",
            format!("the body is not the expected JSON: {error}"),
        )
        .hint("GET /api/openapi.json describes every body.")
    })
}

fn is_too_long(error: &axum::Error) -> bool {
    std::iter::successors(Some(error as &dyn std::error::Error), |error| {
        error.source()
    })
    .any(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>)
}

/// Query parameters. Unknown ones are passed over.
#[derive(Debug)]
pub(crate) struct ApiQuery<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> ApiResult<Self> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(query)| Self(query))
            .map_err(|error| ApiError::bad_request("bad_query", error.body_text()))
    }
}

/// The device named in the path.
#[derive(Debug)]
pub(crate) struct DevicePath(pub(crate) DeviceId);

impl FromRequestParts<AppState> for DevicePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        let text = path_segment(parts, state).await?;
        text.parse()
            .map(Self)
            .map_err(|error| ApiError::bad_request("bad_device_id", format!("{error}")))
    }
}

/// The device type named in the path.
#[derive(Debug)]
pub(crate) struct TypePath(pub(crate) DeviceTypeName);

impl FromRequestParts<AppState> for TypePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> ApiResult<Self> {
        let text = path_segment(parts, state).await?;
        text.parse()
            .map(Self)
            .map_err(|error| ApiError::bad_request("bad_device_type", format!("{error}")))
    }
}

async fn path_segment(parts: &mut Parts, state: &AppState) -> ApiResult<String> {
    Path::<String>::from_request_parts(parts, state)
        .await
        .map(|Path(text)| text)
        .map_err(|error| ApiError::bad_request("bad_path", error.body_text()))
}

/// Longest name of a channel, in bytes.
const MAX_CHANNEL: usize = 32;

/// Checks a channel's name.
pub(crate) fn channel(text: &str) -> ApiResult<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=MAX_CHANNEL).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(text.to_owned());
    }
    Err(ApiError::bad_request(
        "bad_channel",
        format!(
            "{:?} cannot name a channel: use 1 to {MAX_CHANNEL} lowercase letters, digits or '-'",
            shorten(text, MAX_CHANNEL)
        ),
    ))
}

/// Longest semver requirement in bytes: several comparisons.
const MAX_REQUIREMENT: usize = 128;

/// Checks which versions a release can be installed over. Empty means any.
pub(crate) fn from_versions(text: &str) -> ApiResult<Option<String>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let bad = |why: String| {
        ApiError::bad_request(
            "bad_requirement",
            format!("from_versions {:?}: {why}", shorten(text, MAX_REQUIREMENT)),
        )
        .hint("Write a semver requirement, such as \">=1.2, <2\".")
    };
    if text.len() > MAX_REQUIREMENT {
        return Err(bad(format!("it is longer than {MAX_REQUIREMENT} bytes")));
    }
    text.parse::<updraft_protocol::version::VersionReq>()
        .map(|_| Some(text.to_owned()))
        .map_err(|error| bad(error.to_string()))
}

/// How long what is left of a refused body is read and thrown away. A client that is still sending would
/// otherwise find its connection cut and never read why. 10 s: a large image on a good link.
pub(crate) const DRAIN: Duration = Duration::from_secs(10);

/// Throws away the rest of a body, beside the answer.
pub(crate) fn drain(mut body: BodyDataStream) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(timeout(DRAIN, async move {
        while let Some(Ok(_)) = body.next().await {}
    }));
}
