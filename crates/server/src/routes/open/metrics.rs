use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::state::AppState;

/// The type of Prometheus's text format.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Counters for Prometheus, and the fleet as it stands.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "open",
    responses((status = 200, description = "Prometheus text", content_type = "text/plain"))
)]
pub(super) async fn metrics(State(state): State<AppState>) -> Response {
    let mut text = state.metrics().render() + &state.core().fleet_metrics().await;
    if let Some(relay) = state.relay() {
        text += &relay.metrics(state.now());
    }
    text += &state.load().render();
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}
