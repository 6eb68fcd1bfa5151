//! Routes that relays call. They need a token with the role `relay`, or an admin's.

mod artifact;
mod key;
mod snapshot;
mod words;

use axum::extract::DefaultBodyLimit;
use updraft_protocol::api::Role;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use crate::auth::{Access, guard};
use crate::state::AppState;

pub(super) fn routes(state: &AppState) -> OpenApiRouter<AppState> {
    let relay = |routes| guard(state, Access::Role(Role::Relay), routes);
    // The extractor has a limit of its own.
    let words = routes!(words::take_words).map(|router| router.layer(DefaultBodyLimit::disable()));
    OpenApiRouter::new()
        .routes(relay(routes!(key::show_key)))
        .routes(relay(routes!(snapshot::give_snapshot)))
        .routes(relay(routes!(artifact::give_artifact)))
        .routes(relay(words))
}
