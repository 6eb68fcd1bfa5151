use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use updraft_protocol::api::{Release, ReleaseChange};

use crate::answer;
use crate::auth::Caller;
use crate::body::{self, ApiJson};
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Changes a release's status, description, whether it is required, and what it can be installed over. Its files never change.
#[utoipa::path(
    patch,
    path = "/api/releases/{id}",
    tag = "operator",
    params(("id" = String, Path)),
    request_body = ReleaseChange,
    responses((status = 200, body = Release))
)]
pub(super) async fn change_release(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    ApiJson(mut change): ApiJson<ReleaseChange>,
) -> ApiResult<Response> {
    let limit = state.limits().max_text;
    if let Some(description) = &change.description
        && description.len() > limit
    {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "field_too_long",
            format!("the description is longer than {limit} bytes"),
        ));
    }
    if let Some(wanted) = change.from_versions.take() {
        change.from_versions = Some(body::from_versions(&wanted)?.unwrap_or_default());
    }
    let actor = caller.actor();
    state.clone().change(async move {
    let release = state.store().change_release(&id, &change, &actor).await?;
    state.refresh().await?;
    tracing::info!(release = id, by = actor, status = %release.status, "a release was changed");
    Ok(answer::ok(&release))
    })
    .await
}
