use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::Token;

use crate::answer;
use crate::error::ApiResult;
use crate::state::AppState;

/// Every token, without its secret, the oldest first. Devices' own tokens are not among them.
#[utoipa::path(
    get,
    path = "/api/tokens",
    tag = "admin",
    responses((status = 200, body = Vec<Token>))
)]
pub(super) async fn list_tokens(State(state): State<AppState>) -> ApiResult<Response> {
    let kept = state.store().tokens().await?;
    let tokens: Vec<Token> = kept.into_iter().map(|kept| kept.token).collect();
    Ok(answer::ok(&tokens))
}
