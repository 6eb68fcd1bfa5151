//! Routes that need no token.

mod healthz;
mod metrics;
mod openapi;
mod readyz;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Access, guard};
use crate::state::AppState;

pub(super) fn routes(state: &AppState) -> OpenApiRouter<AppState> {
    let open = |routes| guard(state, Access::Open, routes);
    OpenApiRouter::new()
        .routes(open(routes!(healthz::healthz)))
        .routes(open(routes!(readyz::readyz)))
        .routes(open(routes!(openapi::openapi)))
        .routes(guard(state, Access::Metrics, routes!(metrics::metrics)))
}
