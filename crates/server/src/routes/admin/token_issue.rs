use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use updraft_protocol::api::{NewToken, TokenIssued};
use updraft_store::TokenHash;

use crate::answer;
use crate::auth::Caller;
use crate::body::ApiJson;
use crate::error::{ApiError, ApiResult};
use crate::secrets::random_secret;
use crate::state::AppState;

/// Longest name of a token in bytes.
const MAX_NAME: usize = 64;

/// Issues a token. Its secret is shown this once.
#[utoipa::path(
    post,
    path = "/api/tokens",
    tag = "admin",
    request_body = NewToken,
    responses((status = 201, body = TokenIssued))
)]
pub(super) async fn issue_token(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    ApiJson(new): ApiJson<NewToken>,
) -> ApiResult<Response> {
    if new.name.trim().is_empty() || new.name.len() > MAX_NAME {
        return Err(ApiError::bad_request(
            "bad_token_name",
            format!("give a name of 1 to {MAX_NAME} bytes"),
        )
        .hint("It says in the audit record who did something."));
    }
    let secret = random_secret().map_err(|error| ApiError::internal(&error))?;
    let hash = TokenHash::of(&secret);
    let actor = caller.actor();
    state.clone().change(async move {
    let token = state.store().add_token(&new, hash, &actor).await?;
    state.refresh_tokens().await?;
    tracing::info!(token = token.id, name = token.name, role = %token.role, by = actor, "a token was issued");
    Ok(answer::json(
        StatusCode::CREATED,
        &TokenIssued { token, secret },
    ))
    })
    .await
}
