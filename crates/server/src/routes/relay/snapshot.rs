use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use updraft_protocol::api::attributes::MAX_LABEL;
use utoipa::IntoParams;

use crate::body::ApiQuery;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Whose devices.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SiteQuery {
    /// The devices of this site only.
    site: Option<String>,
}

/// All that a relay decides from, signed.
///
/// One line of JSON with the public key and the Ed25519 signature, a line feed, and what was signed: a JSON object.
/// Answers `If-None-Match`.
#[utoipa::path(
    get,
    path = "/api/relay/snapshot",
    tag = "relay",
    params(SiteQuery),
    responses(
        (status = 200, description = "The snapshot", content_type = "application/octet-stream"),
        (status = 304, description = "The relay has it already"),
    )
)]
pub(super) async fn give_snapshot(
    State(state): State<AppState>,
    ApiQuery(SiteQuery { site }): ApiQuery<SiteQuery>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    if site.as_ref().is_some_and(|site| site.len() > MAX_LABEL) {
        return Err(ApiError::bad_request(
            "bad_site",
            format!("a site's name has at most {MAX_LABEL} bytes"),
        ));
    }
    let snapshot = state.issuer().snapshot(&state, site).await?;
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    let mut response = if known == Some(snapshot.etag.as_str()) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(Body::from(state.issuer().sealed(&snapshot)?));
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        response
    };
    if let Ok(etag) = HeaderValue::from_str(&snapshot.etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}
