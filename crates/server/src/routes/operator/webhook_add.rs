use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use updraft_protocol::api::{NewWebhook, WebhookAdded};

use super::webhook_list::shown;
use crate::answer;
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::events::Kinds;
use crate::state::AppState;
use crate::webhooks::{Signer, check_url};

/// Adds a webhook: what happens from now on is posted there, signed by the Standard Webhooks convention. The secret is shown
/// this once.
#[utoipa::path(
    post,
    path = "/api/webhooks",
    tag = "operator",
    request_body = NewWebhook,
    responses((status = 201, body = WebhookAdded))
)]
pub(super) async fn add_webhook(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    ApiJson(new): ApiJson<NewWebhook>,
) -> ApiResult<Response> {
    let url =
        check_url(&new.url).map_err(|error| ApiError::bad_request("bad_url", error.to_string()))?;
    let kinds = Kinds::of(new.types.iter().map(String::as_str))?;
    let secret = match new.secret {
        Some(secret) => {
            Signer::new(&secret).map_err(|_| {
                ApiError::bad_request(
                    "bad_secret",
                    "a secret is whsec_ and then 24 to 64 bytes in base64",
                )
                .hint("Leave it out, and the server makes one.")
            })?;
            secret
        }
        None => Signer::random().map_err(|error| ApiError::internal(&error))?,
    };
    let hook = updraft_store::NewWebhook {
        url: url.to_string(),
        secret,
        kinds: kinds.text(),
    };
    let actor = caller.actor();
    AppState::complete(async move {
        let most = state.limits().max_webhooks;
        let added = state.store().add_webhook(&hook, most, &actor).await?;
        let added = added.ok_or_else(|| {
            ApiError::new(
                StatusCode::CONFLICT,
                "too_many_webhooks",
                format!("there are {most} webhooks already"),
            )
            .hint("Remove one first.")
        })?;
        tracing::info!(webhook = added.id, by = actor, "a webhook was added");
        let answer = WebhookAdded {
            webhook: shown(added),
            secret: hook.secret,
        };
        Ok(answer::json(StatusCode::CREATED, &answer))
    })
    .await
}
