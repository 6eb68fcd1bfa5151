use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::{Webhook, WebhookList};
use updraft_store::WebhookRecord;

use crate::answer;
use crate::error::ApiResult;
use crate::state::AppState;

/// All webhooks, without their secrets, and how each stands.
#[utoipa::path(
    get,
    path = "/api/webhooks",
    tag = "operator",
    responses((status = 200, body = WebhookList))
)]
pub(super) async fn list_webhooks(State(state): State<AppState>) -> ApiResult<Response> {
    let webhooks = state.store().webhooks().await?;
    Ok(answer::ok(&WebhookList {
        webhooks: webhooks.into_iter().map(shown).collect(),
    }))
}

/// A webhook as it is shown.
pub(super) fn shown(record: WebhookRecord) -> Webhook {
    let types = record.kinds.split(',').filter(|kind| !kind.is_empty());
    Webhook {
        types: types.map(str::to_owned).collect(),
        id: record.id,
        url: record.url,
        disabled: Some(record.disabled).filter(|why| !why.is_empty()),
        created_at: record.created_at,
        created_by: record.created_by,
        event: record.event,
        tries: record.tries,
        next_at: Some(record.next_at).filter(|at| *at > 0),
        failing_since: record.failing_since,
        delivered_at: record.delivered_at,
        last_error: record.last_error,
    }
}
