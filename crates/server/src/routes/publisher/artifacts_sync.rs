use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::SyncReport;

use crate::answer;
use crate::depot::{Effort, sync};
use crate::error::ApiResult;
use crate::state::AppState;

/// Looks at the artifact store now: publishes what somebody put there, follows what was promoted and blocked, and
/// writes what was changed here.
///
/// The server does the same by itself every so often; a CI run that does not want to wait asks for it.
#[utoipa::path(
    post,
    path = "/api/artifacts/sync",
    tag = "publisher",
    responses((status = 200, body = SyncReport))
)]
pub(super) async fn sync_artifacts(State(state): State<AppState>) -> ApiResult<Response> {
    // Whoever asked may go away; what was begun is finished.
    let report = AppState::complete(async move { sync(&state, Effort::Thorough).await }).await?;
    Ok(answer::ok(&report))
}
