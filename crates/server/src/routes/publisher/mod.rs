//! Routes that publish.

mod artifacts_sync;
mod form;
mod upload;
mod upload_v1;

use axum::extract::DefaultBodyLimit;
use updraft_protocol::api::Role;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::auth::{Access, guard};
use crate::state::AppState;

pub(super) fn routes(state: &AppState) -> OpenApiRouter<AppState> {
    let publisher = |routes| guard(state, Access::Role(Role::Publisher), routes);
    // The form has limits of its own.
    let form = routes!(upload::upload).map(|router| router.layer(DefaultBodyLimit::disable()));
    OpenApiRouter::new()
        .routes(publisher(form))
        .routes(publisher(routes!(upload_v1::upload_v1)))
        .routes(publisher(routes!(artifacts_sync::sync_artifacts)))
}
