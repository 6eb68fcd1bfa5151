//! Answers in the form that small clients need: compact JSON, a Content-Length, never chunked.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::error::ApiError;
use axum::response::IntoResponse as _;

/// A value as compact JSON.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => json_bytes(status, bytes.into()),
        Err(error) => ApiError::internal(&error).into_response(),
    }
}

/// A value as compact JSON, with status 200.
pub(crate) fn ok(value: &impl Serialize) -> Response {
    json(StatusCode::OK, value)
}

/// JSON that was made before. The body is one piece of known length, so hyper adds its Content-Length.
pub(crate) fn json_bytes(status: StatusCode, bytes: Bytes) -> Response {
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// `{"status":"ok"}`, the whole answer to a report.
pub(crate) fn status_ok() -> Response {
    json_bytes(StatusCode::OK, Bytes::from_static(b"{\"status\":\"ok\"}"))
}

/// Done, nothing to say.
pub(crate) fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
