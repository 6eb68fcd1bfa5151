//! Routes about tokens and keys.

mod token_issue;
mod token_list;
mod token_revoke;
mod url_key_rotate;

use updraft_protocol::api::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Access, guard};
use crate::state::AppState;

pub(super) fn routes(state: &AppState) -> OpenApiRouter<AppState> {
    let admin = |routes| guard(state, Access::Role(Role::Admin), routes);
    OpenApiRouter::new()
        .routes(admin(routes!(token_list::list_tokens)))
        .routes(admin(routes!(token_issue::issue_token)))
        .routes(admin(routes!(token_revoke::revoke_token)))
        .routes(admin(routes!(url_key_rotate::rotate_url_key)))
}
