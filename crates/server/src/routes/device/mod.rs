//! Routes that devices call.

mod check_in;
mod download;
mod download_v1;
mod enrol;
mod latest;
mod latest_v1;
mod ota_status;
mod reports;
mod signed_full;
mod signed_short;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Access, guard};
use crate::state::AppState;

pub(super) fn routes(state: &AppState) -> OpenApiRouter<AppState> {
    let device = |routes| guard(state, Access::Device, routes);
    OpenApiRouter::new()
        .routes(device(routes!(check_in::check_in)))
        .routes(device(routes!(reports::report)))
        .routes(device(routes!(latest::latest)))
        .routes(device(routes!(download::download)))
        // Seeds 004 and 002.
        .routes(device(routes!(ota_status::report_ota_status)))
        .routes(device(routes!(latest_v1::latest_v1)))
        .routes(device(routes!(download_v1::download_v1)))
        // Seed 003: whoever has the URL has the right.
        .routes(guard(
            state,
            Access::Open,
            routes!(signed_short::signed_short),
        ))
        .routes(guard(
            state,
            Access::Open,
            routes!(signed_full::signed_full),
        ))
        .routes(guard(state, Access::Enrolment, routes!(enrol::enrol)))
}
