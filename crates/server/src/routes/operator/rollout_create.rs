use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use updraft_protocol::api::rollout::{NewRollout, Rollout};

use super::super::viewer::unknown_rollout;
use crate::answer;
use crate::auth::Caller;
use crate::body::{self, ApiJson};
use crate::error::{ApiError, ApiResult};
use crate::rollouts::{Draft, DraftError};
use crate::state::AppState;

/// Longest name of a rollout, in bytes.
const MAX_NAME: usize = 128;

/// Drafts a rollout. Nothing is offered before it is started.
#[utoipa::path(
    post,
    path = "/api/rollouts",
    tag = "operator",
    request_body = NewRollout,
    responses((status = 201, body = Rollout))
)]
pub(super) async fn create_rollout(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    ApiJson(new): ApiJson<NewRollout>,
) -> ApiResult<Response> {
    if new.name.as_ref().is_some_and(|name| name.len() > MAX_NAME) {
        return Err(ApiError::bad_request(
            "bad_name",
            format!("the name is longer than {MAX_NAME} bytes"),
        ));
    }
    if let Some(channel) = &new.plan.promote {
        body::channel(channel)?;
    }
    let published = state.published();
    let offering = published
        .version(new.device_type.as_str(), &new.version)
        .ok_or_else(|| {
            ApiError::not_found(
                "release_not_found",
                format!("{} has no release {}", new.device_type, new.version),
            )
            .hint("Publish it first; GET /api/releases lists what there is.")
        })?;
    let draft = Draft {
        device_type: new.device_type,
        release_id: offering.release.id.clone(),
        version: offering.release.version.clone(),
        name: new.name,
        plan: new.plan,
    };
    let actor = caller.actor();
    AppState::complete(async move {
        let core = state.core();
        let id = core.draft(draft, &actor).await.map_err(refused)?;
        tracing::info!(rollout = id, by = actor, "a rollout was drafted");
        let rollout = core.show(&id).await;
        rollout
            .map(|rollout| answer::json(StatusCode::CREATED, &rollout))
            .ok_or_else(|| unknown_rollout(&id))
    })
    .await
}

fn refused(error: DraftError) -> ApiError {
    match error {
        DraftError::Plan(error) => {
            ApiError::unprocessable(error.code(), format!("the plan: {error}"))
        }
        DraftError::Store(error) => error.into(),
    }
}
