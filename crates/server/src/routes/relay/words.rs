use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::relay::{RelayReceipt, RelayWords};

use crate::answer;
use crate::auth::Caller;
use crate::body::RelayJson;
use crate::error::ApiResult;
use crate::relay;
use crate::state::AppState;

/// What devices said to a relay, in order.
///
/// They are on disk, and rollouts have acted on them, when this is answered. Each counts once, however often it is sent.
#[utoipa::path(
    post,
    path = "/api/relay/words",
    tag = "relay",
    request_body = RelayWords,
    responses((status = 200, body = RelayReceipt))
)]
pub(super) async fn take_words(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    RelayJson(words): RelayJson<RelayWords>,
) -> ApiResult<Response> {
    let actor = caller.actor();
    let worker = state.clone();
    let receipt = AppState::complete(async move { relay::hear(&worker, &words).await }).await?;
    if receipt.taken > 0 || receipt.refused > 0 {
        tracing::debug!(
            relay = actor,
            taken = receipt.taken,
            known = receipt.known,
            refused = receipt.refused,
            "a relay told what devices said"
        );
    }
    Ok(answer::ok(&receipt))
}
