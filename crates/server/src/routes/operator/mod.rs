//! Routes that change what devices get.

mod audit_list;
mod device_change;
mod device_check_update;
mod device_revoke_urls;
mod device_signed_url;
mod device_token;
mod release_block;
mod release_change;
mod release_delete;
mod release_promote;
mod release_unblock;
mod rollout_advance;
mod rollout_approve;
mod rollout_cancel;
mod rollout_command;
mod rollout_create;
mod rollout_halt;
mod rollout_pause;
mod rollout_resume;
mod rollout_retry;
mod rollout_revoke;
mod rollout_rollback;
mod rollout_start;
mod type_change;
mod webhook_add;
mod webhook_enable;
mod webhook_list;
mod webhook_remove;
mod webhook_test;

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
        .routes(operator(routes!(rollout_create::create_rollout)))
        .routes(operator(routes!(rollout_start::start_rollout)))
        .routes(operator(routes!(rollout_pause::pause_rollout)))
        .routes(operator(routes!(rollout_resume::resume_rollout)))
        .routes(operator(routes!(rollout_approve::approve_rollout)))
        .routes(operator(routes!(rollout_advance::advance_rollout)))
        .routes(operator(routes!(rollout_halt::halt_rollout)))
        .routes(operator(routes!(rollout_cancel::cancel_rollout)))
        .routes(operator(routes!(rollout_revoke::revoke_rollout)))
        .routes(operator(routes!(rollout_rollback::roll_back_rollout)))
        .routes(operator(routes!(rollout_retry::retry_rollout)))
        .routes(operator(routes!(device_check_update::check_update_of)))
        .routes(operator(routes!(device_revoke_urls::revoke_urls)))
        .routes(operator(routes!(device_signed_url::sign_url)))
        .routes(operator(routes!(webhook_add::add_webhook)))
        .routes(operator(routes!(webhook_list::list_webhooks)))
        .routes(operator(routes!(webhook_remove::remove_webhook)))
        .routes(operator(routes!(webhook_test::test_webhook)))
        .routes(operator(routes!(webhook_enable::enable_webhook)))
        .routes(operator(routes!(audit_list::list_audit)))
}
