use axum::extract::{Path, State};
use axum::response::Response;
use updraft_protocol::api::WebhookTest;

use crate::answer;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;
use crate::webhooks::Parcel;

/// Posts a `webhook.test` to a webhook once, now, and says what came of it. Nothing else is changed by it.
#[utoipa::path(
    post,
    path = "/api/webhooks/{id}/test",
    tag = "operator",
    params(("id" = String, Path)),
    responses((status = 200, body = WebhookTest))
)]
pub(super) async fn test_webhook(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let hooks = state.store().webhooks().await?;
    let hook = hooks
        .into_iter()
        .find(|hook| hook.id == id)
        .ok_or_else(|| {
            ApiError::not_found("webhook_not_found", format!("there is no webhook {id:?}"))
                .hint("GET /api/webhooks lists them.")
        })?;
    let now = state.now();
    let parcel = Parcel::test(&updraft_store::new_id(), now);
    let posted = state.poster().post(&hook.url, &hook.secret, &parcel, now);
    let came = match posted.await {
        Ok(status) => WebhookTest {
            ok: true,
            status: Some(status.as_u16()),
            error: None,
        },
        Err(why) => WebhookTest {
            ok: false,
            status: why.status.map(|status| status.as_u16()),
            error: Some(why.error),
        },
    };
    Ok(answer::ok(&came))
}
