use axum::response::Response;
use http::StatusCode;

use crate::answer;

/// This document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "open",
    responses((status = 200, description = "The OpenAPI document", content_type = "application/json"))
)]
pub(super) async fn openapi() -> Response {
    let document = super::super::openapi_json().unwrap_or_default();
    answer::json_bytes(StatusCode::OK, document)
}
