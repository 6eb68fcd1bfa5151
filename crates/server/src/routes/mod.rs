//! The routes, grouped by who calls them. Each says at its registration who may.

mod admin;
mod device;
mod open;
mod operator;
mod publisher;
mod relay;
mod viewer;

use std::sync::OnceLock;

use axum::Router;
use bytes::Bytes;
use http::{Method, StatusCode, Uri};
use updraft_protocol::api::ErrorBody;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::error::ApiError;
use crate::metrics::Group;
use crate::state::AppState;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Updraft",
        description = "Over-the-air updates for ESP32 fleets. Send `Authorization: Bearer TOKEN`; `x-role` says which \
                       token a route needs. Every error is an `ErrorBody`."
    ),
    components(schemas(ErrorBody))
)]
struct Description;

/// The document, made once: it is the same for every server of this version.
static DOCUMENT: OnceLock<Bytes> = OnceLock::new();

/// Every route of the server.
pub(crate) fn router(state: AppState) -> Router {
    let shared = OpenApiRouter::with_openapi(Description::openapi())
        .merge(device::routes(&state))
        .merge(viewer::routes(&state))
        .merge(open::routes(&state));
    // What changes something is the primary's: a relay has no such routes.
    let is_relay = state.relay().is_some();
    let all = if is_relay {
        shared
    } else {
        shared
            .merge(publisher::routes(&state))
            .merge(operator::routes(&state))
            .merge(admin::routes(&state))
            .merge(relay::routes(&state))
    };
    let (router, mut document) = all.split_for_parts();
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("token", SecurityScheme::Http(token));
    if !is_relay {
        DOCUMENT.get_or_init(|| serde_json::to_vec(&document).unwrap_or_default().into());
    }
    let unknown = state.clone();
    let wrong_method = state.clone();
    router
        .fallback(async move |method: Method, uri: Uri| {
            unknown
                .metrics()
                .request(Group::Unknown, StatusCode::NOT_FOUND);
            ApiError::not_found(
                "no_such_route",
                format!("there is no {method} {}", uri.path()),
            )
            .hint("GET /api/openapi.json lists the routes.")
        })
        .method_not_allowed_fallback(async move |method: Method, uri: Uri| {
            wrong_method
                .metrics()
                .request(Group::Unknown, StatusCode::METHOD_NOT_ALLOWED);
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                format!("{} does not take {method}", uri.path()),
            )
        })
        .with_state(state)
}

/// The `OpenAPI` document as JSON; none before the first server of this process started.
pub fn openapi_json() -> Option<Bytes> {
    DOCUMENT.get().cloned()
}
