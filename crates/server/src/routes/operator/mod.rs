//! Routes that change what devices get.

mod audit_list;
mod device_change;
mod device_token;
mod release_block;
mod release_change;
mod release_delete;
mod release_promote;
mod release_unblock;
mod type_change;

use updraft_protocol::api::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Access, guard};
use crate::state::AppState;

pub(super) fn routes(state: &AppState) -> OpenApiRouter<AppState> {
    let operator = |routes| guard(state, Access::Role(Role::Operator), routes);
    OpenApiRouter::new()
        .routes(operator(routes!(release_change::change_release)))
        .routes(operator(routes!(release_delete::delete_release)))
        .routes(operator(routes!(release_delete::delete_firmware)))
        .routes(operator(routes!(release_block::block_release)))
        .routes(operator(routes!(release_unblock::unblock_release)))
        .routes(operator(routes!(release_promote::promote_release)))
        .routes(operator(routes!(type_change::change_type)))
        .routes(operator(routes!(device_change::change_device)))
        .routes(operator(routes!(device_token::issue_device_token)))
        .routes(operator(routes!(audit_list::list_audit)))
}
